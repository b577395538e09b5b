"""What is read out of a query: phrases, filters and whose words are meant, and nothing that is not said."""

from __future__ import annotations

from datetime import date

import pytest

from indexer.types import Role
from service.filters import Filters
from service.query import understand_query
from service.ranking import Mode
from service.search import Search, search
from tests.service.synthetic import Synthetic


@pytest.mark.parametrize(
    ("query", "text", "filters"),
    [
        ("why lanterns?", "why lanterns?", Filters()),
        ('speaker:"Ada Merriweather" kilns', "kilns", Filters(speaker="Ada Merriweather")),
        ("kilns SPEAKER:Ada", "kilns", Filters(speaker="Ada")),
        ("show:“Slow Craft” episode:Looms kilns", "kilns", Filters(show="Slow Craft", episode="Looms")),
        ('section:"The long middle" role:guest kilns', "kilns", Filters(section="The long middle", role=Role.GUEST)),
        (
            "kilns after:2021-01-31 before:2022-12-31",
            "kilns",
            Filters(date_from=date(2021, 1, 31), date_to=date(2022, 12, 31)),
        ),
        ("a ratio of kiln:lantern", "a ratio of kiln:lantern", Filters()),
        ("What does Ada Merriweather say about kilns?", "kilns?", Filters(speaker="Ada Merriweather")),
        ("Ada Merriweather on kilns", "kilns", Filters(speaker="Ada Merriweather")),
        ("jose unal's view of kilns", "kilns", Filters(speaker="José Ünal")),
        ("what does the harbour say about kilns?", "what does the harbour say about kilns?", Filters()),
        ("is Ada Merriweather right about kilns?", "is Ada Merriweather right about kilns?", Filters()),
    ],
)
def test_a_query_is_taken_apart_only_where_it_says_so(
    query: str, text: str, filters: Filters, synthetic: Synthetic
) -> None:
    found = understand_query(query, Filters(), synthetic.archive)
    assert (found.text, found.filters) == (text, filters)


def test_a_person_read_out_of_a_query_is_named_in_a_note(synthetic: Synthetic) -> None:
    [note] = understand_query("what does Ada think of kilns?", Filters(), synthetic.archive).notes
    assert note.startswith("speaker: only the words of Ada Merriweather;")


def test_a_name_of_two_people_in_a_query_filters_nothing_and_names_both(synthetic: Synthetic) -> None:
    found = understand_query("what does Kim think of kilns?", Filters(), synthetic.archive)
    assert found.filters == Filters()
    assert found.notes == ("speaker: 'Kim' may be Kim Alder, Kim Birch; nobody was picked. Give the full name.",)


def test_a_filter_given_beside_the_query_wins_over_the_one_in_it(synthetic: Synthetic) -> None:
    given = Filters(speaker="Kim Birch", show="Cold Facts", language="en")
    found = understand_query('speaker:"Ada Merriweather" show:"Slow Craft" kilns', given, synthetic.archive)
    assert found.filters == given


@pytest.mark.parametrize("operator", ["after:yesterday", "before:2024-13-01", "role:boss"])
def test_an_operator_that_makes_no_sense_is_named_and_filters_nothing(operator: str, synthetic: Synthetic) -> None:
    found = understand_query(f"kilns {operator}", Filters(), synthetic.archive)
    assert found.filters == Filters()
    [note] = found.notes
    name, stated = operator.split(":")
    assert note.startswith(f"{name}: '{stated}' is not ")


@pytest.mark.parametrize("mode", Mode)
def test_a_quoted_phrase_stands_in_every_hit(mode: Mode, synthetic: Synthetic) -> None:
    _, passage = synthetic.entries[50]
    phrase = " ".join(passage.text.split()[1:4])
    found = search(Search(f'the lantern "{phrase.upper()}"', mode=mode), synthetic.archive)
    assert passage.id in [hit.stored.passage.id for hit in found.hits]
    assert all(phrase.lower() in hit.stored.passage.text.lower() for hit in found.hits)
    assert search(Search(f'the lantern "{phrase} nowhere"', mode=mode), synthetic.archive).hits == ()


@pytest.mark.parametrize("name", ["Birch", "birch"])
def test_a_last_name_is_a_name(name: str, synthetic: Synthetic) -> None:
    assert understand_query(f"what does {name} say about kilns?", Filters(), synthetic.archive).filters == Filters(
        speaker="Kim Birch"
    )
    found = search(Search("kilns", filters=Filters(speaker=name)), synthetic.archive)
    assert {hit.stored.passage.speaker for hit in found.hits} == {"Kim Birch"}
    assert f"speaker: {name!r} is taken for Kim Birch." in found.notes


def test_a_last_name_before_on_may_be_any_word(synthetic: Synthetic) -> None:
    assert understand_query("birch on kilns", Filters(), synthetic.archive).filters == Filters()


def test_a_misspelt_name_filters_nothing_and_a_note_says_who_is_near(synthetic: Synthetic) -> None:
    found = understand_query("what does Ada Meriwether say about kilns?", Filters(), synthetic.archive)
    assert found.filters == Filters()
    assert found.notes == (
        "speaker: nobody is called 'Ada Meriwether', and nobody was picked; near: Ada Merriweather.",
    )
