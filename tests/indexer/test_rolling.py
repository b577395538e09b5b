"""Rolling captions say each word once; captions that do not roll are left alone."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexer.cues import Cue, words_of
from indexer.rolling import unroll
from tests.indexer.making import episode_of

Lines = list[list[str]]

# Few words, so that lines and their ends repeat: what a person says twice must come out twice.
said_lines = st.lists(st.lists(st.sampled_from("no yes we sail at night".split()), min_size=1, max_size=4), min_size=4)
WEB_CLOCK, SRT_CLOCK = "{:02}:{:02}:{:02}.{:03}", "{:02}:{:02}:{:02},{:03}"


def stamp(milliseconds: int, clock: str = WEB_CLOCK) -> str:
    seconds, rest = divmod(milliseconds, 1000)
    return clock.format(seconds // 3600, seconds // 60 % 60, seconds % 60, rest)


def timed(line: list[str], start: int) -> str:
    """A line as YouTube writes it while it is spoken: every word but the first with its time."""
    return line[0] + "".join(f"<{stamp(start + 200 * n)}><c> {word}</c>" for n, word in enumerate(line[1:], 1))


def youtube(lines: Lines) -> str:
    """The captions of lines in YouTube's own shape: a line below the last one, then 10 ms of that line alone."""
    blocks = ["WEBVTT\nKind: captions\nLanguage: en"]
    before = " "
    for number, line in enumerate(lines):
        start, end = 160 + 2000 * number, 2150 + 2000 * number
        settings_ = "align:start position:0%"
        blocks.append(f"{stamp(start)} --> {stamp(end)} {settings_}\n{before}\n{timed(line, start)}")
        before = " ".join(line)
        blocks.append(f"{stamp(end)} --> {stamp(end + 10)} {settings_}\n{before}\n ")
    return "\n\n".join(blocks) + "\n"


def subrip(lines: Lines, *, flashes: bool) -> str:
    """The same as ffmpeg makes SubRip of it; some tools leave the 10 ms cues out."""
    cues = []
    before: list[str] = []
    for number, line in enumerate(lines):
        start, end = 160 + 2000 * number, 2150 + 2000 * number
        cues.append((start, end, [*before, " ".join(line)]))
        before = [" ".join(line)]
        if flashes:
            cues.append((end, end + 10, before))
    return "\n\n".join(
        f"{number}\n{stamp(start, SRT_CLOCK)} --> {stamp(end, SRT_CLOCK)}\n" + "\n".join(shown)
        for number, (start, end, shown) in enumerate(cues, 1)
    )


def cues_of(texts: Sequence[str], *, length_s: float = 2.0) -> list[Cue]:
    """One cue for each text, without a pause; newlines part its lines."""
    return [
        Cue(2.0 * place, 2.0 * place + length_s, tuple(text.split("\n")), 3 * place + 1)
        for place, text in enumerate(texts)
    ]


def words_shown(cues: Sequence[Cue]) -> list[str]:
    return [word for cue in cues for line in cue.lines for word in words_of(line)]


@settings(max_examples=40, deadline=None)
@given(lines=said_lines)
def test_youtube_captions_say_every_word_once(lines: Lines) -> None:
    episode = episode_of(youtube(lines))
    assert episode.text.split() == [word for line in lines for word in line]


@settings(max_examples=40, deadline=None)
@given(lines=said_lines, flashes=st.booleans())
def test_subrip_made_from_them_says_every_word_once(lines: Lines, flashes: bool) -> None:
    episode = episode_of(subrip(lines, flashes=flashes))
    assert episode.text.split() == [word for line in lines for word in line]


@settings(max_examples=30, deadline=None)
@given(lines=said_lines, height=st.integers(2, 4))
def test_three_and_four_lines_roll_too(lines: Lines, height: int) -> None:
    texts = [" ".join(line) for line in lines]
    rolled = cues_of(["\n".join(texts[max(0, place - height + 1) : place + 1]) for place in range(len(texts))])
    assert words_shown(unroll(rolled)[0]) == [word for line in lines for word in line]


@settings(max_examples=30, deadline=None)
@given(
    lines=st.lists(st.lists(st.sampled_from("no yes we sail at night".split()), min_size=5, max_size=7, unique=True))
)
def test_lines_that_grow_word_by_word_say_every_word_once(lines: Lines) -> None:
    numbered = [[f"{place}.", *line] for place, line in enumerate(lines)]
    grown = [" ".join(line[:count]) for line in numbered for count in range(1, len(line) + 1)]
    assert words_shown(unroll(cues_of(grown))[0]) == [word for line in numbered for word in line]


@settings(max_examples=40, deadline=None)
@given(lines=st.lists(st.lists(st.sampled_from("no yes we".split()), min_size=3, max_size=5), min_size=2))
def test_a_text_that_is_shown_once_for_each_word_it_underlines_is_said_once(lines: Lines) -> None:
    shown = [
        " ".join(f"<u>{word}</u>" if place == spoken else word for place, word in enumerate(line))
        for line in lines
        for spoken in range(len(line))
    ]
    assert words_shown(unroll(cues_of(shown))[0]) == [word for line in lines for word in line]


def test_whisper_captions_with_underlined_words_say_every_word_once() -> None:
    words = "no no no".split()
    once = [" ".join(f"<u>{w}</u>" if n == spoken else w for n, w in enumerate(words)) for spoken in range(3)]
    unrolled, repeated = unroll(cues_of([*once, *once, "<u>We</u> sail.", "We sail.", "We <u>sail.</u>"]))
    assert [" ".join(words_of(" ".join(cue.lines))) for cue in unrolled] == ["no no no", "no no no", "We sail."]
    assert [(cue.start_s, cue.end_s) for cue in unrolled] == [(0.0, 6.0), (6.0, 12.0), (12.0, 18.0)]
    assert [len(entry.text.split()) for entry in repeated] == [16]


chorus = st.sampled_from(["no no no\nno no no\nno no no", "row\nrow\nrow your boat\nrow\nrow\nrow your boat"])


@settings(max_examples=40, deadline=None)
@given(
    before=st.lists(st.lists(st.sampled_from("a b c d e f g h".split()), min_size=2, max_size=5), min_size=12),
    sung=chorus,
    place=st.integers(0, 12),
)
def test_captions_that_do_not_roll_are_left_as_they_are(before: Lines, sung: str, place: int) -> None:
    texts = [f"{number} {' '.join(line)}" for number, line in enumerate(before)]
    cues = cues_of([*texts[:place], *sung.split("\n"), *texts[place:]])
    assert unroll(cues) == (tuple(cues), [])


@pytest.mark.parametrize(
    "texts",
    [
        ["Yes.", "Yes.", "Yes.", "Yes."],
        ["Who counts?", "Who counts? I do.", "I do."],
        ["No.", "No, no.", "It was cold.", "It was cold then.", "When?", "In May.", "Then it thawed.", "It did."],
        [text for n in range(9) for text in ("Yes.", f"Yes. I did that {n} times.", "And then?", f"It was {n}.")],
        [],
        [""],
    ],
)
def test_what_people_repeat_stays(texts: list[str]) -> None:
    assert unroll(cues_of(texts)) == (tuple(cues_of(texts)), [])


def test_a_line_said_again_after_a_silence_is_said_twice() -> None:
    text = youtube([["so"], ["we", "sail"], ["at", "night"], ["alone"]])
    again = "00:01:00.000 --> 00:01:02.000\n \nalone\n\n00:01:02.000 --> 00:01:02.010\nalone\n \n"
    assert episode_of(f"{text}\n{again}").text == "so we sail at night alone alone"


def test_inner_times_are_the_times_of_the_words_behind_them() -> None:
    turn = episode_of(youtube([["we", "sail"], ["at", "night"], ["we", "do"], ["we", "do"]])).turns[0]
    assert turn.text == "we sail at night we do we do"
    assert [(turn.text[mark.char :].split()[0], mark.seconds) for mark in turn.marks] == [
        ("we", 0.16),
        ("sail", 0.36),
        ("at", 2.16),
        ("night", 2.36),
        ("we", 4.16),
        ("do", 4.36),
        ("we", 6.16),
        ("do", 6.36),
    ]


def test_what_is_shown_again_is_counted_and_named() -> None:
    episode = episode_of(youtube([["we", "sail"], ["at", "night"], ["we", "do"], ["alone"]]))
    dropped = [entry for entry in episode.dropped if entry.reason == "shown again"]
    assert [entry.line for entry in dropped] == [5]
    assert dropped[0].text == "we sail we sail at night at night we do we do alone"


def test_a_long_file_rolls_in_linear_time() -> None:
    texts = [f"{number} we sail\n{number + 1} we sail" for number in range(20_000)]
    unrolled, _ = unroll(cues_of(texts))
    assert words_shown(unrolled) == [word for number in range(20_001) for word in (str(number), "we", "sail")]
