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
        ("[She] pays 3.5% of the bill", "who pays 3.5% of the the bill"),
        ("3.5% of the bill … that is why I never", "3.5% of the the bill. Nobody else"),
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


@pytest.mark.parametrize(
    ("said", "quotation", "matched", "changed"),
    [
        (
            "It gets us a seventy-nine percent round trip.",
            "79 percent round trip",
            "seventy-nine percent round trip",
            ("79", "seventy nine"),
        ),
        (
            "The room claps for that answer at a conference. And the lake is full.",
            "claps for that answer at the conference.",
            "claps for that answer at a conference",
            ("the", "a"),
        ),
        (
            "They called the nurse. It's always in the end the nurse.",
            "It is always in the end the nurse.",
            "It's always in the end the nurse",
            ("it is", "it's"),
        ),
        (
            "It went from eighty-one percent to seventy-six. Whether that's a good trade is another matter.",
            "It went from eighty-one percent to seventy-six in my honest view",
            "It went from eighty-one percent to seventy-six",
            ("in my honest view", ""),
        ),
        (
            "They always pay the well-known, and the well-known pay.",
            "they never pay the well",
            "They always pay the well-known",
            ("never", "always"),
        ),
        (
            "So I can tell you exactly that one thousand nine hundred of the alarms that "
            "rang in that week came from two rooms. We closed them.",
            "I can tell you exactly that 1,906 of the alarms that rang in that week came from two rooms.",
            "I can tell you exactly that one thousand nine hundred of the alarms that "
            "rang in that week came from two rooms",
            ("1906", "one thousand nine hundred"),
        ),
    ],
)
def test_what_stands_beside_the_changed_words_is_no_part_of_the_match(
    said: str, quotation: str, matched: str, changed: tuple[str, str]
) -> None:
    place = Said(said).nearest(quotation)
    assert place is not None
    assert said[place.start : place.end] == matched
    assert Change(*changed) in place.changes


@pytest.mark.parametrize(
    ("quotation", "likeness"),
    [
        ("Who pays for it?", Likeness.VERBATIM),
        ("Who pays for it", Likeness.VERBATIM),
        ("Who pays for it,", Likeness.VERBATIM),
        ("Who pays for it.", Likeness.TRIMMED),
        ("Who pays for it!", Likeness.TRIMMED),
        ("The nurse does.", Likeness.VERBATIM),
        ("The nurse does?", Likeness.TRIMMED),
        ("Who pays for it? The nurse,", Likeness.VERBATIM),
        ("Who pays for it? The nurse?", Likeness.TRIMMED),
    ],
)
def test_another_mark_at_the_end_is_a_fair_trim(quotation: str, likeness: Likeness) -> None:
    place = Said("Who pays for it? The nurse does, always.").find(quotation)
    assert place is not None
    assert place.likeness is likeness


@pytest.mark.parametrize(
    ("said", "quotation"),
    [
        ("It is roughly four percent of peak.", "four percent of peak"),
        ("It costs under two hundred euros.", "two hundred euros"),
        ("It failed in about sixty percent of cases.", "sixty percent of cases"),
        ("One group got nothing.", "One group got"),
    ],
)
def test_what_bounds_a_number_or_denies_the_words_cannot_be_cut_off(said: str, quotation: str) -> None:
    assert Said(said).find(quotation) is None
    place = Said(said).nearest(quotation)
    assert place is not None
    assert any(change.quoted == "" and change.said for change in place.changes)


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
    if re.search(r"\w", quotation) and not SAID.text[: spans[first][0]].endswith(("never ", "Nobody ", "don't, um, ")):
        assert place is not None
        assert place.likeness is Likeness.VERBATIM
        words = [re.findall(r"\w+", text.casefold()) for text in (quotation, SAID.text[place.start : place.end])]
        assert words[0] == words[1]


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=80) | st.text("…[]. \"“”'nurse pays the", max_size=60))
def test_any_text_can_be_looked_for(quotation: str) -> None:
    for place in (SAID.find(quotation), SAID.nearest(quotation)):
        assert place is None or 0 <= place.start < place.end <= len(SAID.text)


def _likeness(said: str, quotation: str) -> Likeness | None:
    place = Said(said).find(quotation)
    return place.likeness if place else None


VERBATIM, TRIMMED = Likeness.VERBATIM, Likeness.TRIMMED


@pytest.mark.parametrize(
    ("said", "quotation", "likeness"),
    [
        # Typography.
        ("It's 1,000 units a year.", "It\u2019s 1000 units a year", VERBATIM),
        ("We run it in the U.S. and in the E.U. too.", "We run it in the US and in the EU too.", VERBATIM),
        ("a caf\u00e9 in the na\u00efve quarter", "a cafe\u0301 in the nai\u0308ve quarter", VERBATIM),
        ("an important thing to say", "an im\u00adpor\u00adtant thing\u200b to\u00a0say", VERBATIM),
        ("it was minus -5 degrees", "it was minus \u22125 degrees", VERBATIM),
        ("we stopped -- and then we went", "we stopped\u2014and then we went", VERBATIM),
        ("I went,and then I stopped.Then I slept", "I went, and then I stopped. Then I slept", VERBATIM),
        ("we trust it, we trust it. And we trust it", "We trust it. And we trust it", VERBATIM),
        # Numbers, names and signs.
        ("it was -5 degrees", "it was 5 degrees", None),
        ("we write it in C++ at home", "we write it in C at home", None),
        ("it costs $5 a month", "it costs 5 a month", None),
        ("it grew by 5% a month", "it grew by 5 a month", None),
        ("it grew 3.5 times", "it grew 35 times", None),
        ("we had two of them", "we had three of them", None),
        ("Google pays the bill", "Microsoft pays the bill", None),
        # Negations.
        ("we cannot know what it does", "we can know what it does", None),
        ("we can't know what it does", "we can know what it does", None),
        ("we don't trust the machine", "trust the machine", None),
        ("we cannot trust the machine", "trust the machine", None),
        ("we never, uh, trust the machine", "trust the machine", None),
        ("Maybe it works for us", "it works for us", None),
        ("It is almost always the nurse", "always the nurse", None),
        ("I think it works for us", "it works for us", VERBATIM),
        ("No, trust the machine", "trust the machine", VERBATIM),
        ("we never trust it. But I trust it", "trust it", VERBATIM),
        ("it is safe and it works", "it is [un]safe and it works", None),
        # Ellipses.
        ("It works. The rest is not mine. I like it a lot.", "It works. \u2026 I like it a lot.", None),
        ("It works for me. The rest is not mine. I like it.", "It works for me. \u2026 I like it.", TRIMMED),
        ("The machine does not work. It is fine, they say.", "The machine does \u2026 It is fine, they say.", None),
        ("The machine works. We never said it is fine.", "The machine works. \u2026 it is fine.", None),
        ("The machine, as built in Ghent, works well.", "The machine [...] works well", TRIMMED),
        ("The machine, as built in Ghent, works well.", "The machine . . . works well", TRIMMED),
        ("The machine might, as built, work well.", "The machine \u2026 work well", None),
        ("It breaks. You are right. It is not safe.", "It \u2026 is \u2026 safe", None),
        # Brackets.
        ("The nurse pays. The doctor doesn't.", "[T]he nurse pays", TRIMMED),
        ("Yes, the nurse pays.", "[T]he nurse pays", TRIMMED),
        ("The nurses pay for it all.", "The nurses pay[ed] for it", TRIMMED),
        ("The nurse is paying for it.", "The nurse [was] paying for it", TRIMMED),
        ("The nurse pays for it.", "The doctor [was] pays for it", None),
        ("it's the nurse who pays", "it's the [doctor] who pays", None),
        ("Microsoft pays the bill", "[Google] pays the bill", None),
        ("And then she said it again", "And then [Ilse] said it again", TRIMMED),
        ("They're always the first to go", "[The nurses are] always the first to go", TRIMMED),
        ("the nurse pays", "the nurse [laughs] pays", TRIMMED),
        ("the nurse [laughs] pays for all of it", "the nurse pays for all of it", TRIMMED),
        ("the nurse [inaudible] pays for all of it", "the nurse pays for all of it", None),
        # Fillers.
        ("it's, like, the nurse", "it's the nurse", TRIMMED),
        ("it's like the nurse", "it's the nurse", None),
        ("do you know the nurse", "do the nurse", None),
        ("it's, you know, the nurse", "it's the nurse", TRIMMED),
        ("what I mean is the nurse", "what is the nurse", None),
        ("I like it. It is the nurse", "I like it is the nurse", None),
        ("the, uh, the nurse pays", "the nurse pays", VERBATIM),
        ("we go to the, uh, the nurse", "we go to the nurse", TRIMMED),
        ("it's the nurse", "it's, um, the nurse", None),
        ("in the ER we wait", "in the we wait", None),
        ("not, not true at all", "not true at all", VERBATIM),
    ],
)
def test_each_rule(said: str, quotation: str, likeness: Likeness | None) -> None:
    assert _likeness(said, quotation) == likeness


@pytest.mark.parametrize(
    ("led_by", "stands"),
    [("", False), ("She does not", True), ("She doesn\u2019t", True), ("She does", False), ("Maybe she does", False)],
)
def test_a_quotation_may_begin_after_a_negation_that_the_draft_says_itself(led_by: str, stands: bool) -> None:
    assert (Said("I would never trust the machine.").find("trust the machine", led_by) is not None) is stands
    assert Said("Maybe it works for us.").find("it works for us", "They hope that maybe") is not None


def test_the_place_of_a_repeated_quotation_is_the_one_that_is_word_for_word() -> None:
    place = Said("Do you trust it? I do. You trust it. I do too.").find("You trust it. I do.")
    assert place is not None
    assert (place.likeness, place.start) == (Likeness.VERBATIM, 23)


def test_a_short_quotation_with_its_negation_changed_is_told_apart() -> None:
    place = Said("We always trust it. Others wait.").nearest("We never trust it")
    assert place is not None
    assert [change for change in place.changes if change.quoted != change.said] == [Change("never", "always")]


def test_a_contraction_that_a_quotation_wrote_out_is_part_of_what_was_said() -> None:
    said = "It's the nurse. It's always in the end the nurse, or the youngest doctor on the shift."
    place = Said(said).nearest("It is always in the end the nurse.")
    assert place is not None
    assert said[place.start : place.end] == "It's always in the end the nurse"
    assert place.changes[0] == Change("it is", "it's")


def test_many_ellipses_over_many_words_end_soon() -> None:
    said = Said("the nurse and the doctor pay " * 3000)
    assert said.find(" \u2026 ".join(["the nurse and"] * 200) + " \u2026 banana") is None
