"""WebVTT and SubRip as tools really write them: who speaks each cue, and what of the file is no speech."""

from __future__ import annotations

import html
from collections.abc import Callable, Sequence
from itertools import groupby

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexer.errors import TranscriptError
from indexer.parsers import parse_transcript
from indexer.types import Utterance
from tests.indexer.making import episode_of
from tests.indexer.test_conversations import Draw, Talk, talks

GUIDS = ("8a1e4c77-2b90-4d5f-8f3e-c61d09a7b2e4", "8a1e9d03-51c6-4aa2-b7d0-3f52e8c41b96")


def cues(*said: str, clock: str = "00:00:{:02}.000 --> 00:00:{:02}.900") -> str:
    """WebVTT with one cue for each text."""
    return "WEBVTT\n\n" + "\n\n".join(f"{clock.format(n, n)}\n{text}" for n, text in enumerate(said)) + "\n"


def subrip(*said: str) -> str:
    clock = "00:00:{0:02},000 --> 00:00:{0:02},900"
    return "\n\n".join(f"{n + 1}\n{clock.format(n)}\n{text}" for n, text in enumerate(said)) + "\n"


def spoken(text: str) -> list[tuple[str | None, str]]:
    """Runs of one label, as the parser leaves them."""
    runs: list[tuple[str | None, str]] = []
    for utterance in parse_transcript(text.encode())[1].utterances:
        if runs and runs[-1][0] == utterance.label:
            runs[-1] = (utterance.label, f"{runs[-1][1]} {utterance.text}")
        else:
            runs.append((utterance.label, utterance.text))
    return runs


def pieces(talk: Talk, draw: Draw) -> list[tuple[str, list[str]]]:
    """A talk's words in cues of a few words, each with who says it."""
    size = draw(st.integers(2, 9))
    flat = [(name, [word for part in said for word in part]) for name, said in talk]
    return [(name, words[at : at + size]) for name, words in flat for at in range(0, len(words), size)]


def line(words: Sequence[str]) -> str:
    return html.escape(" ".join(words), quote=False)


def render_teams(talk: Talk, draw: Draw) -> str:
    tenant = draw(st.sampled_from(["", "@contoso.example", "@72f988bf-86f1-41af-91ab-2d7cd011db47"]))
    blocks = [
        f"{GUIDS[0]}/{number}-0\n00:00:01.000 --> 00:00:02.000\n<v {name}{tenant}>{line(words)}</v>"
        for number, (name, words) in enumerate(pieces(talk, draw))
    ]
    return "WEBVTT\n\n" + "\n\n".join(blocks)


def render_zoom(talk: Talk, draw: Draw) -> str:
    blocks = [
        f"{number}\n00:00:01.000 --> 00:00:02.000\n{name}: {line(words)}"
        for number, (name, words) in enumerate(pieces(talk, draw), 1)
    ]
    return "WEBVTT\n\n" + "\n\n".join(blocks)


def render_broadcast(talk: Talk, draw: Draw) -> str:
    """A sign and a name where the speaker changes, and cues that go on."""
    blocks, before = [], ""
    for number, (name, words) in enumerate(pieces(talk, draw), 1):
        opening = f">> {name}: " if name != before else ""
        blocks.append(f"{number}\n00:00:01,000 --> 00:00:02,000\n{opening}{line(words)}")
        before = name
    return "\n\n".join(blocks)


def render_two_voices_in_a_cue(talk: Talk, draw: Draw) -> str:
    turns = [f"{name}: {line([word for part in said for word in part])}" for name, said in talk]
    return subrip(*("\n".join(turns[at : at + 2]) for at in range(0, len(turns), 2)))


def render_names_above(talk: Talk, draw: Draw) -> str:
    return "\n\n".join(f"0:0:1.5 --> 0:0:2.25\n{name}\n{line(words)}" for name, words in pieces(talk, draw))


RENDERERS: dict[str, Callable[[Talk, Draw], str]] = {
    "Teams": render_teams,
    "Zoom": render_zoom,
    "broadcast": render_broadcast,
}


@pytest.mark.parametrize("name", RENDERERS)
@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_every_spoken_word_is_in_one_turn_in_order_under_its_speaker(name: str, data: st.DataObject) -> None:
    talk = data.draw(talks())
    episode = episode_of(RENDERERS[name](talk, data.draw))
    assert [(turn.speaker, turn.text.split()) for turn in episode.turns] == [
        (speaker, [word for part in said for word in part]) for speaker, said in talk
    ]


@pytest.mark.parametrize("render", [render_two_voices_in_a_cue, render_names_above])
@settings(max_examples=20, deadline=None)
@given(data=st.data())
def test_names_inside_and_above_cues_name_their_speakers(
    render: Callable[[Talk, Draw], str], data: st.DataObject
) -> None:
    talk = data.draw(talks())
    twice = [*talk, *talk]
    episode = episode_of(render(twice, data.draw))
    assert [(turn.speaker, turn.text.split()) for turn in episode.turns] == [
        (speaker, [word for _, said in turns for part in said for word in part])
        for speaker, turns in groupby(twice, key=lambda turn: turn[0])
    ]


def test_a_voice_that_is_a_mere_id_is_numbered_and_two_ids_are_two_people() -> None:
    one, other = GUIDS
    text = cues(f"<v {one}>Hi.", "<v Speaker 1>Who?", f"<v {other}>Me.", f"<v {one}>No.", f"<v {{{other}}}>Yes.")
    assert spoken(text)[:4] == [("Speaker 2", "Hi."), ("Speaker 1", "Who?"), ("Speaker 3", "Me."), ("Speaker 2", "No.")]
    assert all(speaker.anonymous for speaker in episode_of(text).speakers)


@pytest.mark.parametrize(
    ("voice", "label"),
    [
        ("Jane Doe@contoso.example", "Jane Doe"),
        ("jane.doe@mail.contoso.example", "jane.doe"),
        ("Jane Doe@72f988bf-86f1-41af-91ab-2d7cd011db47", "Jane Doe"),
        ("Doe, Jane (Guest)", "Jane Doe (Guest)"),
        ("van der Doe, Jane Ann (External)", "Jane Ann van der Doe"),
        ("Jane Doe, PhD", "Jane Doe, PhD"),
        ("Doe, MD", "Doe, MD"),
        ("R&amp;D  @ home", "R&D @ home"),
        ("SPEAKER_00", "SPEAKER_00"),
    ],
)
def test_a_voice_is_called_as_the_file_calls_it_without_its_tenant(voice: str, label: str) -> None:
    assert spoken(cues(f"<v {voice}>Hi.</v>")) == [(label, "Hi.")]


def test_a_sign_for_another_voice_names_nobody() -> None:
    text = cues(
        "&gt;&gt; LENA: One.", "Still one.", "&gt;&gt; Two. &gt;&gt; Three.", "&gt;&gt;&gt; OMAR: Four.", "Five."
    )
    assert spoken(text) == [("LENA", "One. Still one."), (None, "Two. Three."), ("OMAR", "Four. Five.")]
    assert [turn.text for turn in episode_of(text).turns][1] == "Two.\nThree."


def test_in_files_with_voice_tags_a_colon_names_nobody() -> None:
    assert spoken(cues("<v Lena>Hi.", "Postgres: it is slow.")) == [("Lena", "Hi. Postgres: it is slow.")]


def test_a_name_that_stands_once_must_not_stand_in_a_sentence() -> None:
    def said(before: str) -> list[tuple[str | None, str]]:
        return spoken(
            subrip("Lena: So.", before, "Kubernetes: It is.", "And so?", "Lena: No.", "Omar: Yes.", "Omar: Ah.")
        )

    rest = [("Lena", "No."), ("Omar", "Yes. Ah.")]
    assert said("It is the second:") == [("Lena", "So. It is the second:"), ("Kubernetes", "It is. And so?"), *rest]
    assert said("The second one is") == [("Lena", "So. The second one is Kubernetes: It is. And so? No."), rest[1]]


@pytest.mark.parametrize("render", [cues, subrip])
@pytest.mark.parametrize(
    "said",
    [
        ("We looked again.", "Simple: it's broken", "and nobody fixed it."),
        ("We looked again.", "Simple: it's broken.", "Why?", "Simple: nobody cared."),
        ("We looked again.", *["And again."] * 20, "Simple: It's broken."),
        ("So here's the thing: we're behind.", "And?", "So here's the thing: we're late."),
    ],
)
def test_a_sentence_with_a_colon_names_nobody(said: tuple[str, ...], render: Callable[..., str]) -> None:
    assert spoken(render(*said)) == [(None, " ".join(said))]


def test_a_sentence_with_a_colon_between_names_stays_in_its_voice() -> None:
    said = ("Lena: Why?", "Omar: The mud.", "Lena: Ah.", "Simple: dredge it.", "Omar: Yes.", "Priya: One question.")
    assert [label for label, _ in spoken(cues(*said))] == ["Lena", "Omar", "Lena", "Omar", "Priya"]


def test_where_every_cue_has_a_name_it_may_be_any() -> None:
    text = cues("dagny's iPad: Hi.", "Lena Ortiz: So here's the thing: hi.", "dagny's iPad: Oh.", "+49 170 ***: Ah.")
    assert spoken(text) == [
        ("dagny's iPad", "Hi."),
        ("Lena Ortiz", "So here's the thing: hi."),
        ("dagny's iPad", "Oh. +49 170 ***: Ah."),
    ]


UTTERANCES = {
    "blank lines inside a cue": (
        "WEBVTT\n\n00:01.000 --> 00:02.000\n \nwe sail\n\nat night\n\n00:02.000 --> 00:03.000\n\nalone\n",
        ["we sail at night", "alone"],
    ),
    "a header without a blank line": ("WEBVTT\n00:01.000 --> 00:02.000\nHi.\n", ["Hi."]),
    "no blank lines between cues": ("WEBVTT\n\n1\n00:01 --> 00:02\nOne\n2\n00:02 --> 00:03\nTwo\n", ["One", "Two"]),
    "a number that is said last": ("WEBVTT\n\n00:01 --> 00:02\nIn\n\n00:02 --> 00:03\n1976\n", ["In", "1976"]),
    "notes between cues": (
        "WEBVTT\n\n00:01 --> 00:02\nOne\n\nNOTE not\nsaid\n\nnor this\n\nSTYLE\n::cue {}\n\nid\n00:02 --> 00:03\nTwo\n",
        ["One", "Two"],
    ),
    "a note right above the times": (
        "WEBVTT\n\n00:01 --> 00:02\nOne\n\nNOTE 0.9\n00:02 --> 00:03\nTwo\n",
        ["One", "Two"],
    ),
    "an arrow that somebody says": ("WEBVTT\n\n00:01 --> 00:02\nfrom A --> B\n--> C\n", ["from A --> B --> C"]),
    "positions and tags": (
        "1\n00:00:01,000 --> 00:00:02,000 X1:0 X2:9\n{\\an8}<i>One</i> <font size=9>two</font>{\\pos(1)}<br>three\n",
        ["One two three"],
    ),
    "brackets that are words": (
        "1\n00:00:01,000 --> 00:00:02,000\na List<String>, x < y, {x}\n",
        ["a List<String>, x < y, {x}"],
    ),
    "double spacing": (
        "1\n\n00:00:01,000 --> 00:00:02,000\n\nOne\n\n2\n\n00:00:03,000 --> 00:00:04,000\n\n1976\n",
        ["One", "1976"],
    ),
    "no numbers": ("00:00:01.000 --> 00:00:02.000\n1976\n\n00:00:03.000 --> 00:00:04.000\n1977\n", ["1976", "1977"]),
    "a trailing number": ("1\n00:00:01,000 --> 00:00:02,000\nOne\n\n2\n00:00:02,000 --> 00:00:03,000\n", ["One"]),
}


@pytest.mark.parametrize("name", UTTERANCES)
def test_the_words_of_a_cue_are_all_of_them_and_nothing_else(name: str) -> None:
    text, said = UTTERANCES[name]
    assert [utterance.text for utterance in parse_transcript(text.encode())[1].utterances] == said


def times(text: str) -> list[tuple[list[float], float | None]]:
    def of(utterance: Utterance) -> tuple[list[float], float | None]:
        return [mark.seconds for mark in utterance.marks], utterance.end_s

    return [of(utterance) for utterance in parse_transcript(text.encode())[1].utterances]


def test_times_are_as_they_stand_however_they_run() -> None:
    clocks = ("5.5 --> 7", "00:06.000 --> 00:09.000", "0:0:1.5 --> 0:0:1", "75:00,5 --> 2:00:00")
    text = "WEBVTT\n\n" + "".join(f"{clock}\nSo.\n\n" for clock in clocks)
    assert times(text) == [([5.5], 7.0), ([6.0], 9.0), ([1.5], None), ([4500.5], 7200.0)]


def test_an_inner_time_outside_its_cue_is_no_time() -> None:
    assert times("WEBVTT\n\n00:01 --> 00:03\none <00:02>two <00:09>three <00:00>four\n") == [([1.0, 2.0], 3.0)]


def test_the_second_voice_of_a_cue_has_no_start() -> None:
    assert times("WEBVTT\n\n00:01 --> 00:03\n<v Lena>One.\n<v Omar>Two.\n") == [([1.0], 3.0), ([], 3.0)]


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("WEBVTT\nKind: captions\nLanguage: en", "en"),
        ("WEBVTT\n\nNOTE language:pt-BR", "pt-BR"),
        ("WEBVTT - Language: none", None),
    ],
)
def test_the_header_states_the_language(header: str, language: str | None) -> None:
    assert parse_transcript(f"{header}\n\n00:01 --> 00:02\nHi.\n".encode())[1].language == language


@pytest.mark.parametrize("text", ["WEBVTTX\n\n00:01 --> 00:02\nHi", "Lena: WEBVTT\n", "1\n2 --> 3\nhello\n"])
def test_what_only_looks_like_captions_is_none(text: str) -> None:
    try:
        assert parse_transcript(text.encode())[0] not in ("webvtt", "srt")
    except TranscriptError as error:
        assert error.reason.startswith("no transcript")


@settings(max_examples=80, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            [
                *"WEBVTT NOTE 1 <v Lena> </v> <v > >> &gt;&gt; Lena: Hi. <00:01.5> {\\an8} <u>x</u> --> K: ² :".split(),
                "X-TIMESTAMP-MAP=LOCAL:00:00:00.000,MPEGTS:9",
                "X-TIMESTAMP-MAP=LOCAL:::,MPEGTS:9",
                "99999:00:01 --> 00:02\n",
                *("\n", "\n\n", " ", "00:01.000 --> 00:02.000\n", "\n\n00:00:01,000 --> 00:00:02,000\n"),
            ]
        ),
        max_size=30,
    ),
    st.sampled_from(["webvtt", "srt"]),
)
def test_rubbish_is_read_or_refused_and_nothing_else(parts: list[str], name: str) -> None:
    text = " ".join(["WEBVTT", *parts]).encode()
    for force in (None, name):
        try:
            parse_transcript(text, force=force)
        except TranscriptError as error:
            assert error.remedy


@pytest.mark.parametrize(
    "junk",
    ["<", "<v ", "<00:01.000>", "Lena: ", ">> ", "{\\", "&amp;gt;", "--> ", "<c.a ", "1:1-", "a\n", "@a.", "NOTE\n\n"],
)
def test_a_long_run_of_anything_is_read_in_linear_time(junk: str) -> None:
    text = f"WEBVTT\n\n00:01.000 --> 00:02.000\nLena: Hi. {junk * (200_000 // len(junk))}\n"
    parse_transcript(text.encode())
    parse_transcript(text.removeprefix("WEBVTT").encode(), force="srt")
