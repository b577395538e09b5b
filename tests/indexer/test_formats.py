"""What each format may look like, one fact a test; the golden files show whole conversations."""

from __future__ import annotations

import json

import pytest

from indexer.types import Episode, Role, TimeMark
from tests.indexer.making import episode_of, markdown

VTT = "WEBVTT\n\n"
SRT = "1\n00:00:01,000 --> 00:00:02,000\n"


def said(episode: Episode) -> list[tuple[str | None, str]]:
    return [(turn.speaker, turn.text) for turn in episode.turns]


def cues(*segments: dict[str, object]) -> Episode:
    return episode_of(json.dumps({"segments": segments}))


def test_a_cue_without_a_name_goes_on_in_the_last_voice() -> None:
    text = f"{VTT}0.0 --> 1.0\n<v Lena>It was\n\n1.0 --> 2.0\nlate.\n\n2.0 --> 3.0\n<v Omar>Was it?\n"
    assert said(episode_of(text)) == [("Lena", "It was late."), ("Omar", "Was it?")]


def test_words_before_the_first_name_are_nobodys() -> None:
    assert said(episode_of(f"{SRT}Hello there.\n\n2\n00:00:03,000 --> 00:00:04,000\nLena: Hi.\n")) == [
        (None, "Hello there."),
        ("Lena", "Hi."),
    ]


def test_a_cue_with_two_voices_makes_two_turns_and_only_the_first_is_timed() -> None:
    turns = episode_of(f"{VTT}0:07.500 --> 0:09.000\n<v Lena>Ready?</v> <v Omar>No.</v>\n").turns
    assert [(turn.speaker, turn.text, turn.start_s) for turn in turns] == [
        ("Lena", "Ready?", 7.5),
        ("Omar", "No.", None),
    ]


def test_a_number_that_is_said_is_not_a_cues_number() -> None:
    text = f"{SRT}Lena: The year was\n1976\n\n2\n00:00:03,000 --> 00:00:04,000\nand it rained.\n"
    assert said(episode_of(text)) == [("Lena", "The year was 1976 and it rained.")]


def test_an_end_before_the_start_is_no_end() -> None:
    turn = cues({"speaker": "Lena", "startTime": 15, "endTime": 14.2, "body": "Ha."}).turns[0]
    assert (turn.start_s, turn.end_s) == (15.0, None)


def test_punctuation_in_a_segment_of_its_own_joins_the_word_before_it() -> None:
    bodies = ["It", "'s", "…", "Friday", ",", " ", "the", "2nd", ".", "“", "Yes", "”", "!"]
    episode = cues(*({"speaker": "Lena", "startTime": n, "body": body} for n, body in enumerate(bodies)))
    assert episode.text == "It 's… Friday, the 2nd. “ Yes”!"
    assert TimeMark(episode.text.index(","), 4.0) in episode.turns[0].marks


@pytest.mark.parametrize("label", [None, "", "  ", 7])
def test_a_segment_whose_speaker_is_no_name_goes_on_in_the_last_voice(label: object) -> None:
    assert said(cues({"speaker": "Lena", "body": "So"}, {"speaker": label, "body": "it is."})) == [
        ("Lena", "So it is.")
    ]


def test_a_name_with_a_line_break_in_it_is_one_name() -> None:
    assert said(cues({"speaker": "Lena\nOrtiz", "body": "Hi."})) == [("Lena Ortiz", "Hi.")]


def test_half_a_character_in_json_becomes_the_replacement_character() -> None:
    assert said(episode_of('{"segments": [{"speaker": "L\\udc00", "body": "a \\ud83d\\u0000 b"}]}')) == [
        ("L\ufffd", "a \ufffd\ufffd b")
    ]


def test_a_turn_that_a_heading_cuts_is_two_turns_of_two_sections() -> None:
    text = "## One\n\n**Lena:** First.\n\n## Two\n\nSecond.\n\n**Omar:** Third.\n"
    assert [(turn.speaker, turn.section, turn.text) for turn in episode_of(text).turns] == [
        ("Lena", "One", "First."),
        ("Lena", "Two", "Second."),
        ("Omar", "Two", "Third."),
    ]


def test_a_title_is_the_first_heading_above_all_speech() -> None:
    assert episode_of(f"# Low Water\n\n{markdown(('Lena', 'Hi.'), ('Omar', 'So.'))}").title == "Low Water"
    assert episode_of(markdown(("Lena", "Hi."), ("Omar", "So.")), "2024/low-water.md").title == "low-water"


def test_a_stamp_in_mid_sentence_marks_its_place_and_is_no_word() -> None:
    turn = episode_of(markdown(("Lena", r"One \[08:15\] two [1:02:03], three \[1:10:00\]"), ("Omar", "Hm."))).turns[0]
    assert turn.text == "One two, three"
    assert turn.marks == (TimeMark(4, 495.0), TimeMark(7, 3723.0), TimeMark(14, 4200.0))


@pytest.mark.parametrize("word", ["and", "Yeah", "Exactly", "So it", "Lena said"])
def test_words_before_a_stamp_are_no_name_where_names_are_bold(word: str) -> None:
    turns = (("Lena", f"We left.\n\n{word} \\[08:15\\] it was dark."), ("Omar", f"No.\n\n{word} [09:15] it was."))
    assert said(episode_of(markdown(*turns))) == [
        ("Lena", f"We left.\n{word} it was dark."),
        ("Omar", f"No.\n{word} it was."),
    ]


def test_a_stamp_alone_on_its_line_times_the_words_below_it() -> None:
    turns = episode_of("**Lena:** \\[00:12\\]\n\nGood morning.\n\n[00:20]\n\nSo.\n\n**Omar:** Hm.\n").turns
    assert (turns[0].text, turns[0].marks) == ("Good morning.\nSo.", (TimeMark(0, 12.0), TimeMark(14, 20.0)))
    assert turns[1].marks == ()


def test_a_bold_word_that_is_no_name_is_speech() -> None:
    text = markdown(("Lena", "Hi."), ("Omar", "So.")) + "\n**Note:** keep this.\n\n**and this:** too.\n"
    assert said(episode_of(text))[-1] == ("Omar", "So.\nNote: keep this.\nand this: too.")


def test_words_below_a_name_are_never_a_heading() -> None:
    text = "Lena:\n\nYeah\n\nOmar:\n\nSo it goes\n\nLena:\n\nIt does\n\nOmar:\n\nBye\n"
    assert said(episode_of(text)) == [("Lena", "Yeah"), ("Omar", "So it goes"), ("Lena", "It does"), ("Omar", "Bye")]


def test_the_last_line_of_a_page_is_speech_when_somebody_says_it() -> None:
    page = "Lena:\nHello.\nOmar:\nHello.\nLena:\n"
    assert episode_of(f"{page}So try it today.\n").turns[-1].text == "So try it today."
    assert (
        episode_of(f"{page}Bye.\nWe want you to visit us now.\n").turns[-1].text == "Bye.\nWe want you to visit us now."
    )
    assert episode_of(f"{page}Bye.\nStart your free trial today.\n").turns[-1].text == "Bye."


def test_a_title_line_names_the_guest_and_the_page_describes_them() -> None:
    page = "Ægir Þórsson — Why Ice\n\nÆgir Þórsson is chief scientist of Lowmark, in the north.\n\nTranscript\n\n"
    episode = episode_of(f"{page}Ægir:\nIce.\nLena:\nIce?\nÆgir:\nIce.\n")
    assert episode.title == "Ægir Þórsson — Why Ice"
    assert [(s.name, s.role, s.description) for s in episode.speakers[:1]] == [
        ("Ægir Þórsson", Role.GUEST, "chief scientist of Lowmark")
    ]


@pytest.mark.parametrize(
    ("written", "date"),
    [
        ("September 3, 2024", "2024-09-03"),
        ("Sept. 3, 2024", "2024-09-03"),
        ("Sep 3, 2024", "2024-09-03"),
        ("May 31, 2024", "2024-05-31"),
        ("February 30, 2024", None),
        ("Smarch 3, 2024", None),
    ],
)
def test_the_day_that_a_page_states_is_the_episodes_date(written: str, date: str | None) -> None:
    page = f"Slow Freight\n\nGrain by Rail\n\n{written}\n\n"
    turns = "".join(f"{name} - 00:0{n}:00\n\nWords.\n\n" for n, name in enumerate(("Lena", "Omar", "Lena")))
    assert episode_of(page + turns).date == date


def test_a_last_answer_that_begins_like_a_heading_is_kept() -> None:
    turns = "".join(f"{name} - 00:0{n}:00\n\nWords.\n\n" for n, name in enumerate(("Lena", "Omar", "Lena")))
    answer = "Related reading is what I do on trains."
    assert episode_of(f"{turns}{answer}\n\nRelated Listening\n\nBuy a boat.\n").turns[-1].text == f"Words.\n{answer}"


def test_what_is_not_speech_is_named_with_its_line() -> None:
    episode = episode_of(f"{VTT}NOTE\nby hand\n\n0.0 --> 1.0\n<v Lena></v>\n\n1.0 --> 2.0\n<v Lena>Hi.\n")
    assert [(dropped.reason, dropped.line) for dropped in episode.dropped] == [
        ("caption header", 1),
        ("caption note", 3),
        ("empty cue", 6),
    ]


def test_two_files_of_one_stem_have_two_ids() -> None:
    text = markdown(("Lena", "Hi."), ("Omar", "So."))
    ids = [episode_of(text, source).id for source in ("a/transcript.md", "b/transcript.md", "b/transcript.md")]
    assert ids[0] != ids[1] == ids[2]
    assert all(key.startswith("transcript-") for key in ids)
    assert episode_of(text, "Привет!.md").id.startswith("episode-")


@pytest.mark.parametrize("doubt", ["[inaudible 00:01:53]", "(unintelligible)", "[INAUDIBLE]", "[indiscernible]"])
def test_a_transcribers_doubt_is_a_flag_of_the_turn(doubt: str) -> None:
    turns = episode_of(markdown(("Lena", f"It was {doubt} there."), ("Omar", "Hm."))).turns
    assert [turn.flags for turn in turns] == [("inaudible",), ()]
