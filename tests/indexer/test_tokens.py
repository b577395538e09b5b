"""Words with speakers and times to utterances, and the fields of JSON that they are read from."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer import fields
from indexer.errors import TranscriptError
from indexer.tokens import Token, conversation, divided, respaced, speech
from indexer.types import Dropped, TimeMark, Utterance

ONE, TWO = "Speaker 1", "Speaker 2"
words = st.text(st.characters(categories=("L", "N", "P")), min_size=1, max_size=6)


def heard(text: str, label: str | None = None, start_s: float = 0.0) -> list[Token]:
    """The words of a text, one a second."""
    return [Token(word, label, start_s + place, start_s + place + 0.5) for place, word in enumerate(text.split())]


def said(tokens: list[Token]) -> list[tuple[str | None, str]]:
    return [(utterance.label, utterance.text) for utterance in speech(tokens)[0]]


def test_consecutive_words_of_one_speaker_are_one_utterance() -> None:
    tokens = [*heard("Good morning.", ONE), *heard("Hello!", TWO), *heard("And so?", ONE)]
    assert said(tokens) == [(ONE, "Good morning."), (TWO, "Hello!"), (ONE, "And so?")]


def test_a_joined_token_has_no_blank_before_it() -> None:
    tokens = [Token("ice", joined=True), Token("-", joined=True), Token("breaker", joined=True), Token("It")]
    assert said(tokens) == [(None, "ice-breaker It")]


def test_a_paragraph_is_an_utterance_of_its_own() -> None:
    first, second = speech([Token("One."), Token("Two.", begins_paragraph=True), Token("Three.")])[0]
    assert (first.text, first.starts_paragraph) == ("One.", False)
    assert (second.text, second.starts_paragraph) == ("Two. Three.", True)


def test_marks_stand_at_the_start_at_each_sentence_and_every_eighth_word() -> None:
    utterance = speech(heard("a b c. d e f g h i j k l m n"))[0][0]
    assert utterance.marks == (TimeMark(0, 0.0), TimeMark(7, 3.0), TimeMark(23, 11.0))
    assert utterance.text[7:].startswith("d e")
    assert utterance.text[23:].startswith("l m")


def test_a_word_without_a_time_has_no_mark_and_no_other_words_time() -> None:
    utterance = speech([Token("Well."), *heard("Yes.", start_s=4.0), Token("No.")])[0][0]
    assert utterance.marks == (TimeMark(6, 4.0),)
    assert utterance.end_s is None


def test_a_mark_without_a_time_behind_the_last_word_does_not_hide_its_end() -> None:
    utterance = speech([Token("Yes", None, 1.0, 1.5), Token("!", joined=True)])[0][0]
    assert utterance == Utterance(None, "Yes!", 1, (TimeMark(0, 1.0),), 1.5, starts_paragraph=False)


@pytest.mark.parametrize("sound", ["[Music]", "[BLANK_AUDIO]", "[ Silence ]", "(upbeat music)", "♪ ♪", "[applause]"])
def test_a_sound_is_not_speech(sound: str) -> None:
    assert speech([Token("Hm."), Token(sound, line=2)])[1] == [Dropped("sound", 2, sound)]


@pytest.mark.parametrize("heard_too", ["[inaudible]", "[laughs]", "(music to my ears)", "Music", "♪ la la ♪"])
def test_what_somebody_utters_is_speech(heard_too: str) -> None:
    assert said([Token(heard_too)]) == [(None, heard_too)]


def test_a_token_without_text_is_named() -> None:
    assert speech([Token("", line=3)]) == ([], [Dropped("empty cue", 3, "")])


@given(st.lists(words, min_size=1, max_size=20), st.data())
def test_tokens_cut_out_of_a_text_are_the_text(texts: list[str], data: st.DataObject) -> None:
    between = data.draw(st.lists(st.sampled_from([" ", "", " — ", "… "]), min_size=len(texts), max_size=len(texts)))
    text = fields.one_line("“" + "".join(word + gap for word, gap in zip(texts, between, strict=True)))
    cut = respaced([Token(word) for word in texts], text)
    assert cut is not None
    assert speech(cut)[0][0].text == text


def test_tokens_are_not_cut_out_of_a_text_that_lacks_one() -> None:
    assert respaced(heard("one two three"), "one three") is None
    assert respaced(heard("near far"), f"near {'x' * 60} far") is None
    assert respaced([], "text") is None


def test_a_segment_is_cut_where_its_words_change_speaker() -> None:
    voices = [*heard("Is it", ONE), *heard("No", TWO, 5.0)]
    assert said(divided(Token("Is it? “No!”", ONE), voices)) == [(ONE, "Is it? “"), (TWO, "No!”")]


@pytest.mark.parametrize(
    ("text", "labels", "expected"),
    [
        ("So. In 1967 yes.", (ONE, None, None, TWO), [(ONE, "So."), (TWO, "In 1967 yes.")]),
        ("So in 1967 yes.", (ONE, None, None, TWO), [(ONE, "So in 1967"), (TWO, "yes.")]),
        ("So. In 1967 yes.", (None, None, None, TWO), [(TWO, "So. In 1967 yes.")]),
        ("So. In 1967 yes.", (ONE, None, None, None), [(ONE, "So."), ("Speaker 9", "In 1967 yes.")]),
        ("So. In 1967 yes.", (None, None, None, None), [("Speaker 9", "So. In 1967 yes.")]),
    ],
)
def test_a_word_without_a_speaker_goes_with_its_sentence(
    text: str, labels: tuple[str | None, ...], expected: list[tuple[str, str]]
) -> None:
    voices = [Token(word, label) for word, label in zip(text.split(), labels, strict=True)]
    assert said(divided(Token(text, "Speaker 9"), voices)) == expected


def test_words_that_are_not_those_of_the_segment_count_only_where_the_speaker_changes() -> None:
    segment = Token("It was 1967.", ONE, 3.0, 4.0)
    assert divided(segment, heard("it was nineteen")) == [segment]
    assert said(divided(segment, [*heard("it was", ONE), *heard("when", TWO)])) == [(ONE, "it was"), (TWO, "when")]


def test_a_segments_times_stand_in_for_those_its_first_and_last_word_lack() -> None:
    cut = divided(Token("In 1967.", None, 3.0, 4.0), [Token("In"), Token("1967.")])
    assert [(token.start_s, token.end_s) for token in cut] == [(3.0, None), (None, 4.0)]


def test_channels_are_interleaved_by_phrases_and_none_is_cut() -> None:
    left = [*heard("So it broke at night and I ran.", start_s=1.0), *heard("Fast.", start_s=12.0)]
    right = [*heard("Mm.", start_s=3.0), *heard("How fast?", start_s=10.0)]
    assert said(conversation({"0": left, "1": right})) == [
        ("Channel 0", "So it broke at night and I ran."),
        ("Channel 1", "Mm. How fast?"),
        ("Channel 0", "Fast."),
    ]


def test_a_phrase_without_a_time_stays_behind_the_one_before_it() -> None:
    left = [*heard("Well?", start_s=1.0), *heard("So.", start_s=5.0), Token("Hm.")]
    mixed = conversation({"0": left, "1": heard("No.", start_s=3.0)})
    assert [token.text for token in mixed] == ["Well?", "No.", "So.", "Hm."]


def test_one_channel_is_as_it_stands_and_named_ones_keep_their_names() -> None:
    assert conversation({"": heard("Good morning.", ONE)}) == heard("Good morning.", ONE)
    both = conversation({"ch_0": heard("Hi.", ONE), "ch_1": heard("Hm.", start_s=3.0)})
    assert [token.label for token in both] == ["ch_0 Speaker 1", "ch_1"]


@given(st.lists(st.lists(st.tuples(words, st.floats(0, 99) | st.none()), max_size=12), min_size=2, max_size=3))
def test_interleaving_keeps_every_word_and_each_channels_order(channels: list[list[tuple[str, float | None]]]) -> None:
    tokens = {str(n): [Token(word, None, at) for word, at in channel] for n, channel in enumerate(channels)}
    mixed = conversation(tokens)
    for name, channel in tokens.items():
        assert [t.text for t in mixed if t.label == f"Channel {name}"] == [t.text for t in channel]


@pytest.mark.parametrize(
    ("value", "per_second", "read"),
    [(1, 1, 1.0), ("4.870", 1, 4.87), ("1:02:03,5", 1, 3723.5), (1500, 1000, 1.5), (None, 1, None), ("", 1, None)],
)
def test_times_are_numbers_texts_of_numbers_or_clocks(value: Any, per_second: int, read: float | None) -> None:
    assert fields.seconds({"start": value}, "start", per_second=per_second) == read


@pytest.mark.parametrize("value", ["soon", True, -0.5, 1e9, float("nan"), float("inf"), 10**400, [1], {}])
def test_what_is_no_time_is_refused_with_its_place(value: Any) -> None:
    with pytest.raises(TranscriptError, match=r"^word 3: `start` is .*, not a time\. Export the transcript again\.$"):
        fields.seconds({"start": value}, "start", "word 3")


@pytest.mark.parametrize(
    ("value", "label"),
    [(0, "Speaker 0"), (2.0, "Speaker 2"), ("1A", "Speaker 1A"), (" spk_0 ", "spk_0"), ("-1", None), (-1, None)],
)
def test_numbers_become_labels_and_names_stay(value: Any, label: str | None) -> None:
    assert fields.label_of(value) == label


@pytest.mark.parametrize("value", [True, 1.5, [], {"name": "Lena"}])
def test_what_cannot_be_a_label_is_refused(value: Any) -> None:
    with pytest.raises(TranscriptError, match=r"^word 3: the speaker is .*, not a name or a number\."):
        fields.label_of(value, "word 3")


def test_a_text_is_on_one_line_and_can_be_written() -> None:
    assert fields.one_line(" a\n\tb  c ") == "a b c"
    assert fields.one_line("a\ud800") == "a\ufffd"
