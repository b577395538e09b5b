"""Filters let through exactly the passages that fit, whatever they are combined with, and say what is amiss."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexer.types import Episode, Kind, Passage, Role
from service.filters import Filters, resolve
from service.ranking import CANDIDATES, Mode
from service.search import Search, search
from tests.service.synthetic import Synthetic

EVERY_KIND = tuple(Kind)


def _fits(episode: Episode, passage: Passage, filters: Filters) -> bool:
    """What the filters mean, one passage at a time."""
    roles = {speaker.name: speaker.role for speaker in episode.speakers}
    dated = date.fromisoformat(episode.date) if episode.date else None
    checks = (
        filters.speaker is None or (passage.speaker or "").lower() == filters.speaker.lower(),
        filters.role is None or (roles[passage.speaker] if passage.speaker else Role.UNKNOWN) == filters.role,
        filters.episode is None
        or filters.episode.lower() in (episode.id.lower(), episode.source.lower(), episode.title.lower()),
        filters.show is None or (episode.show or "").lower() == filters.show.lower(),
        filters.section is None or (passage.section or "").lower() == filters.section.lower(),
        filters.language is None or (episode.language or "und")[:2] == filters.language.lower()[:2],
        filters.date_from is None or (dated is not None and dated >= filters.date_from),
        filters.date_to is None or (dated is not None and dated <= filters.date_to),
        passage.kind in filters.kinds,
    )
    return all(checks)


def _expected(filters: Filters, synthetic: Synthetic) -> set[str]:
    return {passage.id for episode, passage in synthetic.entries if _fits(episode, passage, filters)}


def _found(filters: Filters, synthetic: Synthetic) -> Sequence[str]:
    ids: list[str] = []
    while page := search(
        Search("the lantern", limit=100, offset=len(ids), filters=filters, mode=Mode.DENSE), synthetic.archive
    ).hits:
        ids += [hit.stored.passage.id for hit in page]
    return ids


@pytest.mark.parametrize(
    "filters",
    [
        Filters(speaker="Ada Merriweather"),
        Filters(speaker="  ada   MERRIWEATHER "),
        Filters(speaker="José Ünal"),
        Filters(role=Role.HOST),
        Filters(role=Role.UNKNOWN),
        Filters(role=Role.HOST, speaker="Kim Alder"),
        Filters(episode="2022-first-md"),
        Filters(episode="2022/first.md"),
        Filters(episode="the first glacier"),
        Filters(show="Cold Facts"),
        Filters(show="cold facts", role=Role.GUEST),
        Filters(section="The long middle"),
        Filters(section="ADVICE FOR BEGINNERS", show="Slow Craft"),
        Filters(language="en", role=Role.GUEST),
        Filters(language="EN-us", role=Role.HOST),
        Filters(language="es"),
        Filters(language="und"),
        Filters(language="es", show="Slow Craft"),
        Filters(date_from=date(2022, 12, 31), role=Role.GUEST),
        Filters(date_to=date(2022, 1, 1)),
        Filters(date_from=date(2021, 9, 30), date_to=date(2022, 12, 31)),
        Filters(date_from=date(2024, 2, 29), date_to=date(2024, 2, 29)),
        Filters(kinds=(Kind.SPONSOR,)),
        Filters(kinds=(Kind.INTRO, Kind.OUTRO, Kind.TEASER)),
        Filters(
            speaker="Kim Alder",
            role=Role.GUEST,
            show="Slow Craft",
            section="Opening",
            date_from=date(2021, 1, 1),
            kinds=EVERY_KIND,
        ),
    ],
    ids=lambda filters: ", ".join(
        f"{name}={getattr(filters, name)}" for name in Filters.__slots__ if getattr(filters, name)
    ),
)
def test_a_filter_finds_exactly_the_passages_that_fit_it(filters: Filters, synthetic: Synthetic) -> None:
    filters_by_key = Filters(
        " ".join(filters.speaker.split()) if filters.speaker else None,
        *(getattr(filters, name) for name in Filters.__slots__[1:]),
    )
    expected = _expected(filters_by_key, synthetic)
    found = _found(filters, synthetic)
    assert 0 < len(expected) <= CANDIDATES
    assert len(found) == len(set(found))
    assert set(found) == expected


def test_without_filters_all_content_and_nothing_else_may_be_found(synthetic: Synthetic) -> None:
    allowed = resolve(Filters(), synthetic.archive)
    assert {synthetic.ids[i] for i in allowed.mask.nonzero()[0]} == _expected(Filters(), synthetic)
    assert allowed.mask.sum() > CANDIDATES
    assert resolve(Filters(kinds=EVERY_KIND), synthetic.archive).mask.all()


_DAYS = st.none() | st.dates(date(2021, 1, 1), date(2025, 12, 31))
_FILTERS = st.builds(
    Filters,
    speaker=st.sampled_from([None, "Ada Merriweather", "kim alder", "Kim Birch", "José Ünal", "Nobody At All"]),
    role=st.sampled_from([None, *Role]),
    episode=st.sampled_from([None, None, "Ledgers", "2023/second.md", "2024-unnamed-srt", "nothing"]),
    show=st.sampled_from([None, None, "Slow Craft", "COLD FACTS", "No Show"]),
    section=st.sampled_from([None, None, "Opening", "the long middle", "No Section"]),
    language=st.sampled_from([None, None, "en", "ES", "und", "fr"]),
    date_from=_DAYS,
    date_to=_DAYS,
    kinds=st.lists(st.sampled_from(Kind), min_size=1, unique=True).map(tuple),
)


@settings(max_examples=300, deadline=None)
@given(filters=_FILTERS)
def test_any_combination_of_filters_lets_through_exactly_what_fits_all_of_them(
    filters: Filters, synthetic: Synthetic
) -> None:
    mask = resolve(filters, synthetic.archive).mask
    assert {synthetic.ids[i] for i in mask.nonzero()[0]} == _expected(filters, synthetic)


@pytest.mark.parametrize("mode", Mode)
def test_filters_that_leave_nothing_find_nothing_in_every_mode(mode: Mode, synthetic: Synthetic) -> None:
    nothing = Filters(speaker="Ada Merriweather", role=Role.HOST)
    assert search(Search("the lantern", filters=nothing, mode=mode), synthetic.archive).hits == ()


@pytest.mark.parametrize(
    ("filters", "note"),
    [
        (
            Filters(speaker="Ada Meriwether"),
            "speaker: 'Ada Meriwether' is not in this archive; near to it: Ada Merriweather.",
        ),
        (Filters(speaker="Zebedee"), "speaker: 'Zebedee' is not in this archive."),
        (Filters(episode="Ledger"), "episode: 'Ledger' is not in this archive; near to it: Ledgers."),
        (Filters(show="Slow Kraft"), "show: 'Slow Kraft' is not in this archive; near to it: Slow Craft."),
        (Filters(section="openings"), "section: 'openings' is not in this archive; near to it: Opening."),
    ],
)
def test_an_unknown_name_finds_nothing_and_the_note_says_which_are_near(
    filters: Filters, note: str, synthetic: Synthetic
) -> None:
    found = search(Search("the lantern", filters=filters), synthetic.archive)
    assert (found.hits, found.total) == ((), 0)
    assert note in found.notes


@pytest.mark.parametrize("alias", ["Ada", "ada", "dr. merriweather", "ADA M."])
def test_an_alias_of_one_person_stands_for_the_person_and_the_note_says_so(alias: str, synthetic: Synthetic) -> None:
    allowed = resolve(Filters(speaker=alias), synthetic.archive)
    assert allowed.notes == (f"speaker: {alias!r} is taken for Ada Merriweather.",)
    assert (allowed.mask == resolve(Filters(speaker="Ada Merriweather"), synthetic.archive).mask).all()


def test_an_alias_of_two_people_finds_nothing_and_the_note_names_both(synthetic: Synthetic) -> None:
    found = search(Search("the lantern", filters=Filters(speaker="Kim")), synthetic.archive)
    assert found.hits == ()
    assert "speaker: 'Kim' may be Kim Alder, Kim Birch; give the full name." in found.notes


@pytest.mark.parametrize(
    ("wanted", "notes"),
    [
        ("en-GB", ("language: 1 episode states none and is left out; und asks for such.",)),
        (
            "fr",
            (
                "language: 'fr' is not in this archive; it holds en, es.",
                "language: 1 episode states none and is left out; und asks for such.",
            ),
        ),
        ("und", ()),
    ],
)
def test_a_language_leaves_out_what_states_none_and_the_note_says_how_much(
    wanted: str, notes: tuple[str, ...], synthetic: Synthetic
) -> None:
    assert resolve(Filters(language=wanted), synthetic.archive).notes == notes


def test_known_names_leave_no_note(synthetic: Synthetic) -> None:
    filters = Filters(speaker="KIM ALDER", episode="bridges", show="slow craft", section="opening")
    assert resolve(filters, synthetic.archive).notes == ()


@pytest.mark.parametrize(
    ("filters", "notes"),
    [
        (Filters(date_from=date(2024, 1, 1)), ("date: 2 episodes state none and are left out.",)),
        (
            Filters(date_from=date(2024, 1, 1), date_to=date(2023, 1, 1)),
            (
                "date: no day is both from 2024-01-01 on and up to 2023-01-01.",
                "date: 2 episodes state none and are left out.",
            ),
        ),
    ],
)
def test_days_leave_out_what_states_no_date_and_the_note_says_how_much(
    filters: Filters, notes: tuple[str, ...], synthetic: Synthetic
) -> None:
    assert resolve(filters, synthetic.archive).notes == notes


def test_a_part_of_a_name_is_near_to_it(synthetic: Synthetic) -> None:
    assert resolve(Filters(show="slow"), synthetic.archive).notes == (
        "show: 'slow' is not in this archive; near to it: Slow Craft.",
    )
