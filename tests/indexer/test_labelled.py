"""Labelled speech: in every spelling of a label each word is in one turn, in order, and rightly named."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexer.errors import TranscriptError
from indexer.heads import Head, read_head
from indexer.lines import spoken
from indexer.metadata import apply_file_name, read_date
from indexer.parsers import parse_transcript
from indexer.types import Episode, Role, TimeMark, Transcript
from tests.indexer.making import episode_of
from tests.indexer.test_conversations import Talk, talks

Written = tuple[str, list[float | None]]
"""A text, and the time of each turn where it states one."""

FRONT = "---\ntitle: Low Water\nspeakers: [Lena Ortiz, Omar Haddad]\n---\n"


def said(episode: Episode) -> list[tuple[str | None, str]]:
    return [(turn.speaker, turn.text) for turn in episode.turns]


def labels(text: str) -> list[str | None]:
    return [utterance.label for utterance in parse_transcript(text.encode())[1].utterances]


# Whole conversations


def wrapped(said: list[str], draw: st.DrawFn) -> str:
    """Words on lines that break before a word of letters, as editors wrap them."""
    places = [n for n, word in enumerate(said) if n and word.isascii() and word.isalpha()]
    wraps = draw(st.sets(st.sampled_from(places), max_size=2)) if places else set()
    return "".join(f"{chr(10) if n in wraps else ' '}{word}" for n, word in enumerate(said))[1:]


def plain_words(said: list[str], draw: st.DrawFn) -> str:
    return wrapped([word.replace("&", "&amp;") for word in said], draw)


def markdown_words(said: list[str], draw: st.DrawFn) -> str:
    special = re.compile(r"([\\`*_{}\[\]()#+\-.!<>~|$])")
    return wrapped([special.sub(r"\\\1", word.replace("&", "&amp;")) for word in said], draw)


def clock_at(number: int, *, hours: bool = True) -> str:
    return f"{'00:' if hours else ''}{number:02}:07"


INLINE = [
    "{}: ",
    "{}:\t",
    "{} ({}): ",
    "{} [{}]: ",
    "[{1}] {0}: ",
    "({1}) {0}: ",
    "{1} {0}: ",
    "{} – {}: ",
    "{}: [{}] ",
]
ABOVE = ["{}: {}\n\n", "{}: {}\n", "{} – {}:\n\n", "{} ({})\n"]
EMPHASISED = [
    "**{}:** ",
    "**{}**: ",
    "__{}:__ ",
    "*{}:* ",
    "**{}: ** ",
    "**{}** ({}): ",
    "[{1}] **{0}**: ",
    "{{stray}}**{}:** ",
]
OTTER = ["{}  {}  \n", "**{}**  {}  \n", "**{}** [{}] ", "**{}** [{}]\n"]


def write(talk: Talk, forms: list[str], words: Callable[[list[str], st.DrawFn], str], draw: st.DrawFn) -> Written:
    form = draw(st.sampled_from(forms))
    is_timed = "{}" in form.replace("{}", "", 1) or "{1}" in form
    turns = []
    for number, (name, parts) in enumerate(talk):
        head = form.format(name, clock_at(number)).replace("{stray}", "")
        turns.append(head + "\n\n".join(words(part, draw) for part in parts))
    return "\n\n".join(turns) + "\n", [60.0 * n + 7 if is_timed else None for n in range(len(talk))]


def write_labelled_text(talk: Talk, draw: st.DrawFn) -> Written:
    if draw(st.booleans()):
        text, times = write(talk, [*INLINE, *ABOVE, "{}:\n\n"], markdown_words, draw)
        return f"{FRONT}\n{text}", times
    return write(talk, INLINE + ABOVE, plain_words, draw)


def write_otter(talk: Talk, draw: st.DrawFn) -> Written:
    text, times = write(talk, OTTER[:1], plain_words, draw)
    if draw(st.booleans()):
        text, times = write(talk, OTTER[1:], markdown_words, draw)
    return f"{text}\n\nTranscribed by https://otter.ai\n", times


def write_markdown(talk: Talk, draw: st.DrawFn) -> Written:
    return write(talk, EMPHASISED, markdown_words, draw)


WRITERS: dict[str, Callable[[Talk, st.DrawFn], Written]] = {
    "labelled-text": write_labelled_text,
    "otter": write_otter,
    "markdown": write_markdown,
}


@pytest.mark.parametrize("name", WRITERS)
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_every_spoken_word_is_in_one_turn_in_order_under_its_speaker(name: str, data: st.DataObject) -> None:
    talk = data.draw(talks())
    text, times = data.draw(st.composite(lambda draw: WRITERS[name](talk, draw))())
    expected = [(speaker, [word for part in parts for word in part]) for speaker, parts in talk]
    episode = episode_of(text)
    assert episode.format == name
    assert [(turn.speaker, turn.text.split()) for turn in episode.turns] == expected
    assert [turn.start_s for turn in episode.turns] == times


# Heads


@pytest.mark.parametrize(
    ("line", "label", "seconds", "words"),
    [
        ("Lena Ortiz: Good morning.", "Lena Ortiz", None, "Good morning."),
        ("Lena Ortiz:Good morning.", "Lena Ortiz", None, "Good morning."),
        ("Lena Ortiz :", "Lena Ortiz", None, ""),
        ("Lena Ortiz:: So.", "Lena Ortiz", None, "So."),
        ("李 小龍：你好", "李 小龍", None, "你好"),
        ("²Lena Ortiz: So.", "Lena Ortiz", None, "So."),
        ("Lena Ortiz – : So.", "Lena Ortiz", None, "So."),
        ("Lena Ortiz (LO): So.", "Lena Ortiz (LO)", None, "So."),
        ("Lena Ortiz: 1:02:03", "Lena Ortiz", 3723.0, ""),
        ("Lena Ortiz:00:00:03", "Lena Ortiz", 3.0, ""),
        ("Lena Ortiz: 00:00:03:", "Lena Ortiz", 3.0, ""),
        ("Lena Ortiz: 00:00:03 So.", "Lena Ortiz", 3.0, "So."),
        ("Lena Ortiz: 10:30 is late", "Lena Ortiz", None, "10:30 is late"),
        ("Lena Ortiz 00:00:03", "Lena Ortiz", 3.0, ""),
        ("Lena Ortiz 00:00:03:", "Lena Ortiz", 3.0, ""),
        ("Lena Ortiz- 00:00:03:", "Lena Ortiz", 3.0, ""),
        ("Lena Ortiz  – 00:00:03 So.", "Lena Ortiz", 3.0, "So."),
        ("Lena Ortiz (0:03): So.", "Lena Ortiz", 3.0, "So."),
        ("Lena Ortiz [0:03 - 0:09]: So.", "Lena Ortiz", 3.0, "So."),
        ("[0:03] Lena Ortiz: So.", "Lena Ortiz", 3.0, "So."),
        ("[0:03 --> 0:09] Lena Ortiz: So.", "Lena Ortiz", 3.0, "So."),
        ("0:03 - Lena Ortiz: So.", "Lena Ortiz", 3.0, "So."),
        ("[0:03] Lena Ortiz", "Lena Ortiz", 3.0, ""),
        ("Lena Ortiz  0:03", "Lena Ortiz", 3.0, ""),
        ("**Lena Ortiz:** So.", "Lena Ortiz", None, "So."),
        ("**Lena Ortiz: So?** Yes.", "Lena Ortiz", None, "So? Yes."),
        ("**Lena Ortiz: S**o.", "Lena Ortiz", None, "So."),
        ("**Lena Ortiz:*** So.", "Lena Ortiz", None, "So."),
        ("***Lena Ortiz:** So.*", "Lena Ortiz", None, "So."),
        ("**Lena Ortiz:**\\[0:03\\] So.", "Lena Ortiz", 3.0, "So."),
        ("**[0:03] Lena Ortiz:** So.", "Lena Ortiz", 3.0, "So."),
        ("**Lena Ortiz [0:03]:** So.", "Lena Ortiz", 3.0, "So."),
        ("**[Lena Ortiz](https://x.example/l)**: So.", "Lena Ortiz", None, "So."),
        ("**Lena Ortiz** [0:03] So.", "Lena Ortiz", 3.0, "So."),
        ("**SPEAKER\\_00:** So.", "SPEAKER_00", None, "So."),
        ("__SPEAKER_00:__ So.", "SPEAKER_00", None, "So."),
        ("**Lena Ortiz**", "Lena Ortiz", None, ""),
    ],
)
def test_a_line_names_who_speaks(line: str, label: str, seconds: float | None, words: str) -> None:
    head = read_head(line)
    assert head is not None
    assert (head.label, head.seconds, head.words) == (label, seconds, words)


@pytest.mark.parametrize(
    "line",
    [
        "",
        "Good morning.",
        "https://example.org",
        "He said so [08:15] and left",
        "We met at 10:30 in town",
        "“Lena”: a play",
        "Really? Yes: really.",
        "** **",
        "****",
        "*Just a remark.*",
        "**bold** words: and more",
        "One. two: three",
        "a " * 60 + ": b",
    ],
)
def test_a_line_that_names_nobody(line: str) -> None:
    assert read_head(line) is None


def test_a_sign_before_an_emphasised_name_is_told() -> None:
    assert read_head("1**Lena:** So.") == Head("Lena", "lena", "So.", colon=True, marked=True, stray="1")


# Which heads are labels


def text_of(*paragraphs: str) -> str:
    return "\n\n".join(paragraphs) + "\n"


TALK = ("Lena: We count seals.", "Omar: How many?", "Lena: Sixty.", "Omar: Every day?")


@pytest.mark.parametrize(
    "paragraph",
    [
        "So here's the thing: we're behind.",
        "Sixty: a number of seals.",
        "Note: keep this.",
        "seals: they sleep.",
        "Https: yes.",
        "Date: May 14.",
        "Second point: none.",
    ],
)
def test_what_comes_once_and_is_no_name_is_speech(paragraph: str) -> None:
    text = text_of("Lena: We count sixty seals, and https is safe.", *TALK[1:], paragraph)
    assert said(episode_of(text))[-1] == ("Omar", f"Every day?\n{paragraph}")


@pytest.mark.parametrize("label", ["Petra Uhl", "Petra", "CALLER", "Speaker 3", "Audience Member"])
def test_a_voice_that_comes_once_where_a_turn_would_begin_is_a_speaker(label: str) -> None:
    assert labels(text_of(*TALK, f"{label}: Hello."))[-1] == label


def test_a_name_that_comes_once_among_emphasised_ones_is_a_speaker_unless_it_is_quoted() -> None:
    talk = ("**Lena Ortiz:** We count.", "**Omar:** How many?", "**Lena Ortiz:** Sixty.", "**Omar:** Really?")
    assert labels(text_of(*talk, "Petra Uhl: Hello."))[-1] == "Petra Uhl"
    assert labels(text_of(*talk, "Lena: Hello."))[-1] == "Lena"
    assert labels(text_of(*talk, 'Petra Uhl: "Hello."'))[-1] == "Omar"
    assert labels(text_of(*talk, "Part 4: Hello."))[-1] == "Part 4"  # what "part" is, this text does not show
    assert labels(text_of(*talk, "One part of 4.", "Part 4: Hello."))[-1] == "Omar"


def test_what_is_loud_is_no_name_where_names_are_not() -> None:
    talk = ("**Lena Ortiz:** We count.", "**Omar:** How many?", "**Lena Ortiz:** Sixty.", "**Omar:** Really?")
    assert labels(text_of(*talk, "MORE LOUDLY: sixty."))[-1] == "Omar"
    assert labels(text_of(*(part.upper() for part in talk), "PETRA UHL: Hello."))[-1] == "PETRA UHL"


def test_a_name_in_the_metadata_is_a_label_wherever_it_opens_a_paragraph() -> None:
    text = FRONT + text_of("Lena: One.", "Two.", "Three: four.", "Omar: Five.", "Six.", "Seven.")
    assert [turn.speaker for turn in episode_of(text).turns] == ["Lena Ortiz", "Omar Haddad"]


def test_a_handle_in_small_letters_is_a_label_when_it_comes_again() -> None:
    talk = [f"{name}: Words number {n}." for n in range(3) for name in ("Lena", "roasbeef")]
    assert set(labels(text_of(*talk))) == {"Lena", "roasbeef"}
    assert set(labels(text_of(*TALK, *talk[1:4]))) == {"Lena", "Omar"}


def test_a_name_with_its_initials_joins_the_initials() -> None:
    text = text_of("Lena Ortiz (LO): Hi.", "omh (OH): Hi.", "LO: So.", "OH: So.", "LO: Well.", "OH: Well.")
    assert [turn.speaker for turn in episode_of(text).turns] == 3 * ["Lena Ortiz", "omh"]


def test_one_file_may_mix_the_spellings() -> None:
    text = (
        "Lena Ortiz: 00:00:01\n\nOne.\n\nOmar 00:00:02\n\nTwo.\n\n"
        "Lena Ortiz: 00:00:03\n\nThree.\n\nOmar:00:00:04\n\nFour.\n"
    )
    turns = episode_of(text).turns
    assert [(turn.speaker, turn.start_s, turn.text) for turn in turns] == [
        ("Lena Ortiz", 1.0, "One."),
        ("Omar", 2.0, "Two."),
        ("Lena Ortiz", 3.0, "Three."),
        ("Omar", 4.0, "Four."),
    ]


def test_a_time_marks_the_first_words_behind_it_alone() -> None:
    text = "Lena: 00:00:01\n\nOne.\n\nTwo.\n\nOmar: 00:00:05\n\nThree.\n\nLena: 00:00:09\n\nFour.\n"
    turn = episode_of(text).turns[0]
    assert (turn.text, turn.marks) == ("One.\nTwo.", (TimeMark(0, 1.0),))


def test_turns_may_follow_each_other_line_by_line() -> None:
    assert said(episode_of("Lena: One.\nOmar: Two.\nTwo and a half.\nLena: Three.\nOmar: Four.\n")) == [
        ("Lena", "One."),
        ("Omar", "Two.\nTwo and a half."),
        ("Lena", "Three."),
        ("Omar", "Four."),
    ]


def test_a_clock_that_is_all_that_is_said_is_words() -> None:
    assert said(episode_of(text_of("Lena: When?", "Omar: 10:30", "Lena: So late?", "Omar: So late.")))[1] == (
        "Omar",
        "10:30",
    )


def test_an_emphasised_label_in_the_middle_of_a_line_opens_a_turn() -> None:
    text = text_of("**Lena:** One. **Omar:** Two. **Nobody:** three.", "**Omar:** Four.", "**Lena:** Five.")
    assert said(episode_of(text))[:2] == [("Lena", "One."), ("Omar", "Two. Nobody: three.\nFour.")]


def test_questions_and_answers_are_turns_of_nobody_named() -> None:
    episode = episode_of(text_of("Let us begin.", "Q: Why?", "A: So.", "Q: And?", "A: So too.", "# Next", "On we go."))
    assert [(turn.speaker, turn.text, turn.flags) for turn in episode.turns] == [
        (None, "Let us begin.", ()),
        (None, "Why?", ("question",)),
        (None, "So.", ("answer",)),
        (None, "And?", ("question",)),
        (None, "So too.", ("answer",)),
        (None, "On we go.", ()),
    ]


def test_questions_are_the_hosts_where_the_metadata_names_one_host_and_one_guest() -> None:
    text = "---\nhost: Lena Ortiz\nguest: Omar Haddad\n---\n" + text_of("Q: Why?", "A: So.", "Q: And?", "A: So too.")
    episode = episode_of(text)
    assert [turn.speaker for turn in episode.turns] == ["Lena Ortiz", "Omar Haddad", "Lena Ortiz", "Omar Haddad"]
    assert [speaker.role for speaker in episode.speakers] == [Role.HOST, Role.GUEST]


def test_host_and_guest_are_labels_when_they_alternate_and_facts_when_they_do_not() -> None:
    assert set(labels(text_of("Host: Hi.", "Guest: Hi.", "Host: So?", "Guest: So."))) == {"Host", "Guest"}
    episode = episode_of(text_of("Host: Lena Ortiz", "Guest: Omar Haddad, sailor", *TALK))
    assert {speaker.name: speaker.role for speaker in episode.speakers} == {
        "Lena Ortiz": Role.HOST,
        "Omar Haddad": Role.GUEST,
    }


# What is no speech


def test_what_stands_above_the_first_label_is_the_pages() -> None:
    episode = episode_of("Counting Seals\n\nDate: 8 August 2019\nPodcast: https://x.example/8\n\n" + text_of(*TALK))
    assert (episode.title, episode.date, episode.url) == ("Counting Seals", "2019-08-08", "https://x.example/8")
    assert [dropped.line for dropped in episode.dropped] == [3, 4]


def test_a_long_text_above_the_first_label_is_speech_of_nobody_named() -> None:
    opening = "We begin in the dark. " * 61
    assert said(episode_of(text_of(opening, *TALK)))[0] == (None, opening.strip())


def test_words_under_nobodys_name_are_a_transcript_only_where_the_front_matter_says_so() -> None:
    words = "We count the seals every morning from the kitchen. " * 6
    assert said(episode_of(f"{FRONT}\n# One\n\n{words}")) == [(None, words.strip())]
    with pytest.raises(TranscriptError, match="no transcript"):
        parse_transcript(f"---\ntitle: Seals\n---\n{words}".encode())


def test_an_address_alone_on_its_line_is_not_said() -> None:
    episode = episode_of(
        text_of(*TALK, "The tables: https://x.example/1", "<https://x.example/2>", "See https://x.example.")
    )
    assert said(episode)[-1] == ("Omar", "Every day?\nSee https://x.example.")
    assert [(dropped.reason, dropped.line) for dropped in episode.dropped] == [("address", 9), ("address", 11)]


MARKDOWN_TALK = text_of("**Lena:** One.", "**Omar:** Two.", "**Lena:** Three.")


@pytest.mark.parametrize(
    ("written", "reason", "kept"),
    [
        ("***", "rule", ""),
        ("{{< youtube x >}}", "shortcode", ""),
        ("Four {{% ref %}} five.", "shortcode", "Four five."),
        ("<!-- four\n\n**Omar:** five -->six", "comment", "six"),
        ("```sh\nfour\n```", "code", ""),
        ("![four](five.png)", "image", ""),
        ("[![four](f.png)](https://x.example)", "image", ""),
        ("<div class='four'>", "markup", ""),
        ("[^1]: Four.", "footnote", ""),
        ("[four]: https://x.example", "link definition", ""),
        ("**Break:** \\[08:15\\] to \\[09:15\\]", "break", ""),
        ("## Links\n\n- [four](https://x.example)", "afterword", ""),
        ("Transcribed by a machine", "transcriber's note", ""),
        ("**Omar:**", "label without words", ""),
        ("## Four\n\n## Five", "heading without words", ""),
    ],
)
def test_what_markdown_adds_is_no_word_and_is_named(written: str, reason: str, kept: str) -> None:
    episode = episode_of(f"{MARKDOWN_TALK}\n{written}\n")
    assert said(episode)[-1] == ("Lena", "Three." + (f"\n{kept}" if kept else ""))
    assert episode.dropped[0].reason == reason
    assert episode.dropped[0].line == 7


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("> four", "four"),
        ("> **Lena:** four", "four"),
        ("- four\n- five", "four\nfive"),
        ("1. four\n2. five", "1. four\n2. five"),
        ("four[^1] five", "four five"),
        ("four<br/>five", "four five"),
        ("four\\\nfive", "four five"),
        ("`__four__` five", "__four__ five"),
        ('four [five](https://x.example/a_(b) "t") six', "four five six"),
        ("four [08:15](https://x.example?t=495) five", "four five"),
        ("```\n**Lena:** four\n```", "four"),
        ("```\nfour", "four"),
        ("<!-- four", "<!-- four"),
    ],
)
def test_words_in_markdown_are_kept_without_their_signs(written: str, words: str) -> None:
    assert said(episode_of(f"{MARKDOWN_TALK}\n{written}\n"))[-1] == ("Lena", f"Three.\n{words}")


def test_a_heading_is_a_section_and_never_a_speaker() -> None:
    episode = episode_of(f"{MARKDOWN_TALK}\n### Omar\n\nFour.\n\nFive\n====\n\nSix.\n")
    assert [(turn.speaker, turn.section, turn.text) for turn in episode.turns[-2:]] == [
        ("Lena", "Omar", "Four."),
        ("Lena", "Five", "Six."),
    ]


def test_a_break_ends_nobodys_turn() -> None:
    assert said(episode_of(f"{MARKDOWN_TALK}\n**Break:** \\[08:15\\]\n\nFour.\n"))[-1] == ("Lena", "Three.\nFour.")


def test_plain_text_is_left_as_it_is() -> None:
    text = text_of("Lena: Call `__init__` on *this* [x] {{y}}.", *TALK[1:])
    assert said(episode_of(text))[0] == ("Lena", "Call `__init__` on *this* [x] {{y}}.")


def test_words_keep_the_times_that_stand_among_them() -> None:
    text, marks = spoken(r"One \[08:15\] two\[1:02:03\], three [\\00:00:07.50\\] (4:00) four", markdown=True)
    assert text == "One two, three (4:00) four"
    assert [(text[mark.char :], mark.seconds) for mark in marks] == [
        ("two, three (4:00) four", 495.0),
        (", three (4:00) four", 3723.0),
        ("(4:00) four", 7.5),
    ]


# Whether a file is a transcript at all

NO_TRANSCRIPTS = {
    "an index page": "---\ntitle: Low Water\nspeakers:\n  - Lena Ortiz\n---\n{{< childpages sort=date >}}\n",
    "a read-me": "# tool\n\nA tool.\n\n**Usage:** run it.\n\n**Licence:** MIT\n\nThe end.\n",
    "settings": "name: x\nport: 1\nname: y\nport: 2\nname: z\nport: 3\n",
    "headers": "Title: A Play\nDate: May 14\nAuthor: Lena Ortiz\n\nIt was night.\n",
    "a log": "INFO: one\nINFO: two\nINFO: three\n",
    "chapters": "Opening 0:00\nThe Boat 1:30\nThe Storm 2:45\nOpening Again 3:00\n",
    "chapters with times first": "0:00 Opening\n1:30 The Boat\n2:45 The Storm\n3:10 The Boat\n",
    "lyrics": "[00:01.00] Right\n[00:04.00] So what\n[00:07.00] Right\n[00:09.00] So be it\n",
    "prose with a colon": "He knew: it was late.\n\nShe knew: it was not.\n",
}


@pytest.mark.parametrize("name", NO_TRANSCRIPTS)
def test_a_file_that_is_no_labelled_speech_is_refused(name: str) -> None:
    with pytest.raises(TranscriptError, match=r"^no transcript: no speaker labels and no cues were found"):
        parse_transcript(NO_TRANSCRIPTS[name].encode())


@pytest.mark.parametrize("name", ["labelled-text", "otter", "markdown"])
def test_bad_front_matter_is_told_with_its_line(name: str) -> None:
    with pytest.raises(TranscriptError) as refusal:
        parse_transcript(b"---\ntitle: a: b\n---\nLena: Hi.\n", force=name)
    assert str(refusal.value) == (
        f"line 2: taken for {name}: the metadata is no valid YAML: mapping values are not allowed here. "
        "Write `key: value` lines, and quote a value that holds a colon."
    )


@pytest.mark.parametrize("name", ["labelled-text", "otter", "markdown"])
def test_a_date_that_is_none_is_told(name: str) -> None:
    with pytest.raises(TranscriptError) as refusal:
        parse_transcript(b"---\ndate: soon\n---\nLena: Hi.\n", force=name)
    assert str(refusal.value) == (
        f"taken for {name}: `date` is 'soon', not a day. Write it as YYYY-MM-DD, or leave it out."
    )


@pytest.mark.parametrize("name", ["labelled-text", "otter", "markdown"])
def test_prose_forced_upon_a_format_says_nothing(name: str) -> None:
    transcript = parse_transcript(b"Only prose here.\n", force=name)[1]
    assert transcript.utterances == ()
    assert [dropped.reason for dropped in transcript.dropped] == ["text before the first speaker"]


def test_a_forced_format_believes_labels_that_come_but_once() -> None:
    text = b"Lena: Hi there.\n\nOmar: So.\n"
    with pytest.raises(TranscriptError, match=r"^no transcript"):
        parse_transcript(text)
    transcript = parse_transcript(text, force="labelled-text")[1]
    assert [(said.label, said.text) for said in transcript.utterances] == [("Lena", "Hi there."), ("Omar", "So.")]


@pytest.mark.parametrize("listed", ["Lena Ortiz, Omar Haddad", "Lena Ortiz and Omar Haddad", "Lena Ortiz; Omar Haddad"])
def test_speakers_may_be_listed_in_one_line(listed: str) -> None:
    episode = episode_of(f"---\nspeakers: {listed}\n---\n{text_of(*TALK)}")
    assert [turn.speaker for turn in episode.turns[:2]] == ["Lena Ortiz", "Omar Haddad"]


def test_odd_metadata_is_no_reason_to_refuse() -> None:
    text = "---\ntitle: 2024\nspeakers:\ntags: {a: [1, null]}\ndate: '2025-11-06'\nepisode: 3\nmedia: ''\n---\n"
    episode = episode_of(text + text_of(*TALK))
    assert (episode.title, episode.date, episode.url) == ("2024", "2025-11-06", None)


@pytest.mark.parametrize(
    ("name", "language"),
    [("a/talk.es.md", "es"), ("talk.DE.vtt", "de"), ("talk.md", None), ("talk.v2.md", None), ("es.md", None)],
)
def test_a_file_name_gives_the_language_of_a_translation(name: str, language: str | None) -> None:
    assert apply_file_name(name, Transcript(utterances=())).language == language
    assert apply_file_name(name, Transcript(utterances=(), language="fr")).language == "fr"


@pytest.mark.parametrize(
    ("written", "date"),
    [
        ("2019-08-08", "2019-08-08"),
        ("2019/08/08", "2019-08-08"),
        ("August 8th 2019", "2019-08-08"),
        ("Aug. 8, 2019", "2019-08-08"),
        ("8 August 2019", "2019-08-08"),
        ("Smarch 8, 2019", None),
        ("August 32, 2019", None),
        ("2019", None),
        ("", None),
    ],
)
def test_a_day_is_read_as_people_write_it(written: str, date: str | None) -> None:
    assert read_date(written) == date


def test_a_broadcast_transcript_names_people_in_full_once_and_then_by_their_last_names() -> None:
    text = (
        "LENA ORTIZ, HOST: What changed?\n\nOMAR HADDAD: The ice.\n\nORTIZ: Since when?\n\n"
        "HADDAD: Since March.\n\nORTIZ: And now?\n\nHADDAD: It is thinner."
    )
    episode = episode_of(text)
    assert [(speaker.name, speaker.role) for speaker in episode.speakers] == [
        ("LENA ORTIZ", Role.HOST),
        ("OMAR HADDAD", Role.GUEST),
    ]
    assert [turn.text for turn in episode.turns][:2] == ["What changed?", "The ice."]
    assert episode.dropped == ()


@pytest.mark.parametrize("time", ["[00:0{}:03]", "00:0{}:03", "0{}:03"])
def test_a_time_alone_above_a_label_is_when_its_words_begin(time: str) -> None:
    text = "".join(
        f"{time.format(n)}\n{name}: {words}\n\n"
        for n, (name, words) in enumerate([("Lena", "What changed?"), ("Omar", "The ice."), ("Lena", "When?")])
    )
    episode = episode_of(text)
    assert [(turn.speaker, turn.start_s) for turn in episode.turns] == [("Lena", 3.0), ("Omar", 63.0), ("Lena", 123.0)]
    assert episode.title == "talk"


def test_pronouns_behind_a_name_are_no_part_of_it() -> None:
    episode = episode_of("Lena (she/her): What changed?\n\nOmar (they/them): The ice.\n\nLena (she/her): When?")
    assert [speaker.name for speaker in episode.speakers] == ["Lena", "Omar"]


@pytest.mark.parametrize(
    "piece",
    [
        "[",
        "*a ",
        "**a",
        "[1:00](https://x ",
        "![",
        "<https://",
        "`",
        "{{<",
        " **Ana:** x",
        "a: ",
        "\\",
        "<!--",
        "[^",
        "&a",
    ],
)
def test_one_long_line_takes_no_more_than_its_length(piece: str) -> None:
    text = "**Ana:** x\n\n**Ana:** " + piece * (100_000 // len(piece))
    parse_transcript(text.encode(), force="markdown")


@pytest.mark.parametrize(
    "line", ["N{0}: x\n\n", "n{0}: x\n\n", "N{0} 0:01\n", "## N{0}: x\n", "```\n", "<!-- x\n", "**N{0}:** x\n"]
)
def test_many_lines_take_no_more_than_their_number(line: str) -> None:
    text = "Ana: x\n\nAna: y\n\n" + "".join(line.format(number % 3000) for number in range(6_000))
    parse_transcript(text.encode(), force="labelled-text")
