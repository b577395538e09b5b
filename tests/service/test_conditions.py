"""Conditions hold of exactly the passages that a reading of them, one passage at a time, says they hold of."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexer.catalog import CatalogReader
from indexer.columns import PassageColumns, read_columns
from indexer.generations import current_generation
from indexer.types import Episode, Kind, Passage, Role, TimeSource
from service.attributes import ATTRIBUTES, Table, attributes_of
from service.conditions import ConditionMasks, Relation, WrongCondition, compare
from service.contracts.dify import MetadataCondition
from service.contracts.openai_store import StoreSearch
from service.contracts.shared import narrowed
from service.filters import Filters, resolve
from service.ranking import Mode
from service.search import Search, search
from tests.service.synthetic import Synthetic

Stated = dict[str, Any]
_DAYS = ("date",)
_NUMBERS = ("turn", "char_start", "char_end", "start_s", "end_s")


def _stated(episode: Episode, passage: Passage) -> Stated:
    """The attributes of a passage, read from what was indexed."""
    roles = {speaker.name: str(speaker.role) for speaker in episode.speakers}
    return {
        "passage": passage.id,
        "speaker": passage.speaker,
        "role": roles.get(passage.speaker or "", str(Role.UNKNOWN)),
        "episode": episode.id,
        "title": episode.title,
        "show": episode.show,
        "date": episode.date,
        "language": episode.language,
        "section": passage.section,
        "kind": str(passage.kind),
        "turn": passage.turn,
        "char_start": passage.char_start,
        "char_end": passage.char_end,
        "start_s": None,
        "end_s": None,
        "time": str(TimeSource.ABSENT),
        "link": f"/episodes/{episode.id}#t{passage.turn}",
        "deep_link": None,
        "source": episode.source,
        "url": None,
    }


@pytest.fixture(scope="module")
def stated(synthetic: Synthetic) -> list[Stated]:
    """The attributes of every passage."""
    return [_stated(episode, passage) for episode, passage in synthetic.entries]


def _comparable(key: str, value: Any) -> Any:
    if key in _DAYS and not isinstance(value, str):
        return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=value)).date().isoformat()
    return value.lower() if isinstance(value, str) else value


def _openai_holds(wanted: dict[str, Any], stated: Stated) -> bool:
    """What a filter of OpenAI's means for one passage."""
    if wanted["type"] in ("and", "or"):
        parts = [_openai_holds(part, stated) for part in wanted["filters"]]
        return all(parts) if wanted["type"] == "and" else any(parts)
    key: str = wanted["key"]
    sign: str = wanted["type"]
    has = None if stated[key] is None else _comparable(key, stated[key])
    if sign in ("in", "nin"):
        return (has in [_comparable(key, value) for value in wanted["value"]]) == (sign == "in")
    value = _comparable(key, wanted["value"])
    if sign in ("eq", "ne"):
        return bool(has == value) == (sign == "eq")
    if has is None:
        return False
    return bool({"gt": has > value, "gte": has >= value, "lt": has < value, "lte": has <= value}[sign])


def _dify_holds(test: dict[str, Any], stated: Stated) -> bool:
    names = test["name"] if isinstance(test["name"], list) else [test["name"]]
    outcomes = [_dify_holds_of(name, test, stated) for name in names]
    denies = test["comparison_operator"] in ("not contains", "is not", "not in", "≠", "empty")
    return all(outcomes) if denies else any(outcomes)


def _dify_holds_of(name: str, test: dict[str, Any], stated: Stated) -> bool:
    sign: str = test["comparison_operator"]
    value, has = test["value"], stated[name]
    if sign in ("empty", "not empty"):
        return (has is None) == (sign == "empty")
    if has is None:
        return sign in ("not contains", "is not", "not in", "≠")
    if name in _NUMBERS:
        value = float(value)
    elif isinstance(has, str):
        has = has.lower()
        value = [one.lower() for one in value] if isinstance(value, list) else str(value).lower()
    many = value if isinstance(value, list) else [value]
    outcomes: dict[str, Callable[[], bool]] = {
        "contains": lambda: value in has,
        "not contains": lambda: value not in has,
        "start with": lambda: has.startswith(value),
        "end with": lambda: has.endswith(value),
        "is": lambda: has == value,
        "=": lambda: has == value,
        "is not": lambda: has != value,
        "≠": lambda: has != value,
        "in": lambda: has in many,
        "not in": lambda: has not in many,
        ">": lambda: has > value,
        "after": lambda: has > value,
        "<": lambda: has < value,
        "before": lambda: has < value,
        "≥": lambda: has >= value,
        "≤": lambda: has <= value,
    }
    return outcomes[sign]()


def _let_through(filters: Filters, synthetic: Synthetic) -> set[str]:
    return {synthetic.ids[number] for number in resolve(filters, synthetic.archive).mask.nonzero()[0]}


def _openai(wanted: dict[str, Any]) -> Filters:
    body = StoreSearch.model_validate({"query": "x", "filters": wanted})
    return body.searches()[0].filters


def _dify(condition: dict[str, Any]) -> Filters:
    return narrowed(MetadataCondition.model_validate(condition).condition())


def _speaks_of_kind(wanted: dict[str, Any]) -> bool:
    return wanted.get("key") == "kind" or any(map(_speaks_of_kind, wanted.get("filters", ())))


_TEXTS: dict[str, Sequence[str]] = {
    "speaker": ("Ada Merriweather", "kim alder", "Kim Birch", "José Ünal", "Nobody"),
    "role": ("host", "guest", "unknown", "HOST"),
    "episode": ("2021-first-md", "2024-second-md", "2030-md"),
    "title": ("Ledgers", "the last kiln", "Looms"),
    "show": ("Slow Craft", "cold facts", "No Show"),
    "language": ("en", "en-US", "es", "fr"),
    "section": ("Opening", "the long middle", "No Section"),
    "kind": ("content", "teaser", "sponsor", "intro", "outro"),
    "time": ("absent", "exact"),
    "link": ("/episodes/2021-first-md#t3", "/episodes/2025-last-md#t12"),
    "source": ("2021/first.md", "2025/last.md"),
    "url": ("https://example.org",),
    "deep_link": ("https://example.org?t=1",),
}
_SOME_DAYS = ("2021-03-01", "2022-01-01", "2022-12-31", "2024-02-29", "2024-03-01", "2030-01-01")
_SECONDS = st.integers(1_600_000_000, 1_740_000_000)


def _values(key: str, *, times: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    if key in _DAYS:
        return st.sampled_from(_SOME_DAYS) | times
    if key in _NUMBERS:
        return st.integers(-1, 3000) | st.floats(0, 3000)
    return st.sampled_from(_TEXTS[key])


_KEYS = st.sampled_from([key for key in ATTRIBUTES if key != "passage"])


@st.composite
def _comparisons(draw: st.DrawFn) -> dict[str, Any]:
    key, sign = draw(_KEYS), draw(st.sampled_from(["eq", "ne", "gt", "gte", "lt", "lte", "in", "nin"]))
    values = _values(key, times=_SECONDS)
    value = draw(st.lists(values, max_size=3) if sign in ("in", "nin") else values)
    return {"type": sign, "key": key, "value": value}


_FILTERS = st.recursive(
    _comparisons(),
    lambda parts: st.builds(
        lambda type_, filters: {"type": type_, "filters": filters},
        st.sampled_from(["and", "or"]),
        st.lists(parts, min_size=1, max_size=3),
    ),
    max_leaves=8,
)


@settings(max_examples=200, deadline=None)
@given(wanted=_FILTERS)
def test_any_tree_of_openai_filters_lets_through_exactly_what_it_holds_of(
    wanted: dict[str, Any], stated: list[Stated], synthetic: Synthetic
) -> None:
    expected = {
        one["passage"]
        for one in stated
        if (one["kind"] == Kind.CONTENT or _speaks_of_kind(wanted)) and _openai_holds(wanted, one)
    }
    assert _let_through(_openai(wanted), synthetic) == expected


@st.composite
def _dify_tests(draw: st.DrawFn) -> dict[str, Any]:
    key = draw(_KEYS)
    signs = ["is", "is not", "in", "not in", "empty", "not empty", "=", "≠", ">", "<", "≥", "≤"]
    if key not in _NUMBERS:
        signs += ["contains", "not contains", "start with", "end with"]
    if key in _DAYS or key in _NUMBERS:
        signs += ["before", "after"]
    sign = draw(st.sampled_from(signs))
    if sign in ("empty", "not empty"):
        return {"name": [key], "comparison_operator": sign, "value": draw(st.sampled_from([None, "", "x"]))}
    if sign in ("contains", "not contains", "start with", "end with"):
        value: Any = draw(st.sampled_from(["e", "Slow", "2", "2021-", "md", "-01", "KIM", "s"]))
    else:
        value = draw(_values(key, times=st.nothing()).map(str if draw(st.booleans()) else lambda same: same))
    if sign in ("in", "not in") and key not in _NUMBERS and draw(st.booleans()):
        value = [value, draw(_values(key, times=st.nothing()))]
    return {"name": draw(st.sampled_from([key, [key]])), "comparison_operator": sign, "value": value}


@settings(max_examples=200, deadline=None)
@given(
    tests=st.lists(_dify_tests(), min_size=1, max_size=4),
    joined=st.sampled_from(["and", "or", None]),
)
def test_any_conditions_of_dify_let_through_exactly_what_they_hold_of(
    tests: list[dict[str, Any]], joined: str | None, stated: list[Stated], synthetic: Synthetic
) -> None:
    together = any if joined == "or" else all
    names = [name for test in tests for name in ([test["name"]] if isinstance(test["name"], str) else test["name"])]
    expected = {
        one["passage"]
        for one in stated
        if (one["kind"] == Kind.CONTENT or "kind" in names) and together(_dify_holds(test, one) for test in tests)
    }
    assert _let_through(_dify({"logical_operator": joined, "conditions": tests}), synthetic) == expected


@pytest.mark.parametrize(
    ("sign", "value"),
    [("contains", "l"), ("not contains", "l"), ("empty", None), ("not empty", None)],
)
def test_of_several_names_one_is_enough_and_none_for_what_denies(
    sign: str, value: str | None, stated: list[Stated], synthetic: Synthetic
) -> None:
    names = ["show", "section"]
    test = {"name": names, "comparison_operator": sign, "value": value}
    expected = {one["passage"] for one in stated if one["kind"] == Kind.CONTENT and _dify_holds(test, one)}
    assert _let_through(_dify({"conditions": [test]}), synthetic) == expected
    for name in names:
        assert _let_through(_dify({"conditions": [{**test, "name": name}]}), synthetic) != expected


def test_a_condition_and_its_negation_part_the_archive_in_two(synthetic: Synthetic) -> None:
    masks = synthetic.archive.conditions
    for name, values in _TEXTS.items():
        for value in values:
            [yes, no] = [masks.of(compare(name, Relation.IS, [value], negated=negated)) for negated in (False, True)]
            assert (yes != no).all()


def _seeds_table(index: Path) -> Iterator[tuple[CatalogReader, PassageColumns]]:
    folder = current_generation(index).folder
    catalog = CatalogReader(folder)
    yield catalog, read_columns(folder)
    catalog.close()


def test_an_attribute_read_of_one_passage_is_what_its_column_holds(seeds_index: Path) -> None:
    for catalog, columns in _seeds_table(seeds_index):
        passages = list(catalog.all_passages())
        table = Table(catalog, columns)
        for name, attribute in ATTRIBUTES.items():
            column = attribute.column(table)
            held = [column.values[code] for code in column.codes.tolist()]
            assert held == [attribute.of(stored, catalog) for stored in passages], name
        assert {name for stored in passages for name in attributes_of(stored, catalog)} >= {
            *("start_s", "end_s", "url", "section", "date", "language")
        }


def test_times_and_places_of_real_transcripts_are_compared_as_numbers(seeds_index: Path) -> None:
    for catalog, columns in _seeds_table(seeds_index):
        passages = [stored.passage for stored in catalog.all_passages()]
        masks = ConditionMasks(catalog, columns)
        early = masks.of(compare("start_s", Relation.UNDER, [60.0]))
        assert early.tolist() == [p.start_s is not None and p.start_s < 60 for p in passages]
        assert 0 < early.sum() < len(passages)
        exact = masks.of(compare("time", Relation.IS, ["EXACT"]))
        assert exact.tolist() == [p.time is TimeSource.EXACT for p in passages]
        seen = [passage.id for passage in passages[::3]]
        unseen = masks.of(compare("passage", Relation.IS, seen, negated=True))
        assert unseen.tolist() == [passage.id not in seen for passage in passages]


def test_a_condition_is_applied_before_the_search_whatever_the_query(synthetic: Synthetic) -> None:
    contents = [passage for _, passage in synthetic.entries if passage.kind is Kind.CONTENT]
    first, last = contents[0], contents[-1]
    allowed = Filters(condition=compare("passage", Relation.IS, [last.id]))
    for mode, query in ((Mode.DENSE, first.text), (Mode.HYBRID, first.text), (Mode.LEXICAL, last.text)):
        found = search(Search(query, filters=allowed, mode=mode), synthetic.archive)
        assert [hit.stored.passage.id for hit in found.hits] == [last.id]


def test_what_the_query_itself_asks_for_holds_beside_a_condition(synthetic: Synthetic) -> None:
    condition = compare("show", Relation.IS, ["Slow Craft"])
    query = 'the lantern speaker:"Ada Merriweather"'
    found = search(Search(query, limit=100, filters=Filters(condition=condition)), synthetic.archive)
    expected = {
        passage.id
        for episode, passage in synthetic.entries
        if passage.speaker == "Ada Merriweather" and episode.show == "Slow Craft" and passage.kind is Kind.CONTENT
    }
    assert {hit.stored.passage.id for hit in found.hits} == expected


@pytest.mark.parametrize(
    "value",
    [
        "2022-12-31",
        "20221231",
        "2022-12-31T10:00:00Z",
        "2023-01-01T01:00:00+02:00",
        1672444800,
        1672531199.5,
        "1672480000",
    ],
)
def test_a_day_is_itself_and_every_moment_of_it(value: str | float, synthetic: Synthetic) -> None:
    mask = synthetic.archive.conditions.of(compare("date", Relation.IS, [value]))
    assert mask.tolist() == [episode.date == "2022-12-31" for episode, _ in synthetic.entries]


def test_today_in_seconds_is_after_every_episode(synthetic: Synthetic) -> None:
    now = datetime.combine(date(2026, 1, 1), datetime.min.time(), UTC).timestamp()
    mask = synthetic.archive.conditions.of(compare("date", Relation.UNDER, [now]))
    assert mask.tolist() == [episode.date is not None for episode, _ in synthetic.entries]
    assert np.any(~mask)


@pytest.mark.parametrize(
    ("name", "test", "value", "message"),
    [
        ("colour", Relation.IS, "red", "there is no attribute 'colour'; there are passage, speaker, role, "),
        ("speaker", Relation.IS, 5, "speaker is compared with text, not with 5"),
        ("speaker", Relation.IS, True, "speaker is compared with text, not with true"),
        ("start_s", Relation.OVER, "60", "start_s is compared with a number, not with '60'"),
        ("turn", Relation.IS, False, "turn is compared with a number, not with false"),
        ("turn", Relation.UNDER, float("nan"), "turn is compared with a number, not with nan"),
        ("turn", Relation.CONTAINS, "1", "turn is a number, which has no parts to compare"),
        (
            "date",
            Relation.IS,
            "last May",
            "date is compared with a day as 2024-04-04, or with seconds since 1970, not with",
        ),
        ("date", Relation.IS, "2024-02-30", "not with '2024-02-30'"),
        ("date", Relation.IS, 10**15, "not with 1000000000000000"),
        ("date", Relation.IS, float("inf"), "not with inf"),
        ("date", Relation.IS, True, "not with true"),
        ("date", Relation.CONTAINS, 2024, "date is compared with text, not with 2024"),
    ],
)
def test_what_cannot_be_compared_is_refused_with_what_can(
    name: str, test: Relation, value: str | float, message: str
) -> None:
    with pytest.raises(WrongCondition) as refused:
        compare(name, test, [value])
    assert message in str(refused.value)
