"""What is word for word, what is a fair trim, and what is changed."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.matching import Change, Likeness, Said

SAID = Said(
    "Well, I think we don't, um, know what the machine does. You know, it's the nurse who pays 3.5% of the the bill. "
    "Nobody else does. And that is why I never trusted the well-known vendor [inaudible 00:12:01]... Did you?"
)


@pytest.mark.parametrize(
    "quotation",
    [
        "I think we don't, um, know what the machine does.",
        "i think we don’t, um, know\nwhat the machine does",
        "it’s the nurse who pays 3.5% of the the bill,",
        "I never trusted the well known vendor",
        "And that is why I never trusted",
        "the well–known vendor [inaudible 00:12:01]... Did you?",
        "...it's the nurse who pays",
    ],
)
def test_typography_alone_is_no_change(quotation: str) -> None:
    place = SAID.find(quotation)
    assert place is not None
    assert place.likeness is Likeness.VERBATIM


@pytest.mark.parametrize(
    ("quotation", "stands"),
    [
        ("we don't know what the machine does", "we don't, um, know what the machine does"),
        ("It's the nurse who pays 3.5% of the bill", "it's the nurse who pays 3.5% of the the bill"),
        ("we don't … know what the machine does", "we don't, um, know what the machine does"),
        ("the nurse [Ilse] who pays", "the nurse who pays"),
        ("[She] pays 3.5% of the bill", "pays 3.5% of the the bill"),
        ("it's the nurse … that is why I never", "it's the nurse who pays 3.5% of the the bill. Nobody else"),
        ("we don't, um, know what the machine does? You know", "we don't, um, know what the machine does. You know"),
    ],
)
def test_fair_trims_are_told_from_the_words(quotation: str, stands: str) -> None:
    place = SAID.find(quotation)
    assert place is not None
    assert place.likeness is Likeness.TRIMMED
    assert SAID.text[place.start : place.end].startswith(stands)


@pytest.mark.parametrize(
    "quotation",
    [
        "we do know what the machine does",
        "I … know what the machine does",
        "that is why I … trusted the well-known vendor",
        "that is why I [always] trusted",
        "it's the nurse who pays 35% of the bill",
        "it's the [third] nurse who pays",
        "it's the nurse who paid 3.5% of the bill",
        "Nobody else does know what the machine does",
        "the bill … the nurse",
        "trusted the well-known vendor",
        "it's the nurse the nurse who pays",
        "[…]",
        "",
    ],
)
def test_a_changed_negation_number_hedge_or_order_is_never_fair(quotation: str) -> None:
    assert SAID.find(quotation) is None


def test_what_was_changed_is_told_word_by_word() -> None:
    place = SAID.nearest("that is why I always trusted the famous vendor")
    assert place is not None
    assert place.likeness is Likeness.CHANGED
    assert SAID.text[place.start : place.end] == "that is why I never trusted the well-known vendor"
    assert [change for change in place.changes if change.quoted != change.said] == [
        Change("always", "never"),
        Change("famous", "well known"),
    ]


def test_a_quotation_that_begins_after_a_negation_is_told_of_it() -> None:
    place = SAID.nearest("trusted the well-known vendor")
    assert place is not None
    assert place.changes == (
        Change("", "never"),
        Change("trusted the well known vendor", "trusted the well known vendor"),
    )


def test_other_words_are_near_nothing() -> None:
    assert SAID.nearest("the weather in the harbour is warm today") is None
    assert Said("").nearest("anything at all") is None


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_any_run_of_the_words_stands_where_it_is_said_to_stand(data: st.DataObject) -> None:
    spans = [match.span() for match in re.finditer(r"\S+", SAID.text)]
    first = data.draw(st.integers(0, len(spans) - 1))
    last = data.draw(st.integers(first, len(spans) - 1))
    quotation = SAID.text[spans[first][0] : spans[last][1]]
    place = SAID.find(quotation)
    if re.search(r"\w", quotation) and not SAID.text[: spans[first][0]].endswith(("never ", "Nobody ")):
        assert place is not None
        assert place.likeness is Likeness.VERBATIM
        words = [re.findall(r"\w+", text.casefold()) for text in (quotation, SAID.text[place.start : place.end])]
        assert words[0] == words[1]


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=80) | st.text("…[]. \"“”'nurse pays the", max_size=60))
def test_any_text_can_be_looked_for(quotation: str) -> None:
    for place in (SAID.find(quotation), SAID.nearest(quotation)):
        assert place is None or 0 <= place.start < place.end <= len(SAID.text)
