"""CSV, semicolons, tabs: the headings say what is what, quotation marks swallow no row, times are never guessed."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexer.errors import TranscriptError
from indexer.parsers import csv_table
from indexer.parsers.csv_table import parse, recognises
from indexer.tables import find_columns
from indexer.types import Transcript
from tests.indexer.test_conversations import Talk, talks

QUOTES = 'Double the marks inside a quoted cell: "she said ""yes""".'
IN_QUOTES = 'Put a text that holds the separator, or a new line, in quotes: "like, this".'
HEADINGS = {
    "text": ("Text", "transcript", "UTTERANCE", "Content", "dialogue", "caption"),
    "speaker": ("speaker", "Speaker Name", "speaker_name", "Name", "who", "speakerName"),
    "start": ("start", "Start Time", "timestamp", "time", "startTime", "Timecode (HH:MM:SS)"),
}


def said(text: str) -> list[tuple[str | None, str]]:
    return [(utterance.label, utterance.text) for utterance in parse(text).utterances]


def starts(transcript: Transcript) -> list[float | None]:
    return [utterance.marks[0].seconds if utterance.marks else None for utterance in transcript.utterances]


def refusal(text: str) -> str:
    with pytest.raises(TranscriptError) as error:
        parse(text)
    return str(error.value)


@settings(max_examples=60, deadline=None)
@given(data=st.data(), talk=talks())
def test_every_cell_of_words_is_said_once_in_order_by_its_speaker(data: st.DataObject, talk: Talk) -> None:
    separator = data.draw(st.sampled_from(",;\t"))
    order = data.draw(st.permutations(["text", "speaker", "start"]))
    out = io.StringIO()
    if data.draw(st.booleans()):
        writer = csv.writer(out, delimiter=separator, quoting=csv.QUOTE_ALL, lineterminator="\n")
    else:
        writer = csv.writer(out, delimiter=separator, quoting=csv.QUOTE_MINIMAL, lineterminator="\n")
    writer.writerow([data.draw(st.sampled_from(HEADINGS[column])) for column in order])
    for number, (name, paragraphs) in enumerate(talk):
        cells = {"speaker": name, "start": f"0:{number:02}", "text": "\n".join(map(" ".join, paragraphs))}
        writer.writerow([cells[column] for column in order])
    text = out.getvalue()
    assert recognises(text)
    transcript = parse(text)
    expected = [(name, words) for name, paragraphs in talk for words in paragraphs]
    assert [(u.label, u.text.split()) for u in transcript.utterances] == expected
    firsts = [n for n, (_, paragraphs) in enumerate(talk) for _ in paragraphs[:1]]
    assert [start for start in starts(transcript) if start is not None] == firsts
    assert transcript.dropped == ()


@pytest.mark.parametrize("text", ["Lena: Good morning, Omar.", "speaker\nLena", "text,more\nhello,you", "a,b\n1,2", ""])
def test_text_without_the_headings_is_no_table(text: str) -> None:
    assert not recognises(text)


def test_headings_are_known_by_their_words() -> None:
    columns = find_columns(["#", "Start (ms)", "end_ms", "Speaker Label", "Chapter", "Caption"])
    assert columns is not None
    assert (columns.text, columns.speaker, columns.start, columns.end, columns.section) == (5, 3, 1, 2, 4)
    assert columns.per_second == 1000
    assert find_columns(["speaker", "start"]) is None


def test_clocks_seconds_milliseconds_frames_and_ranges_are_times() -> None:
    assert starts(parse('start,text\n[0:03],a\n"3,5",b\n4.25s,c\n01:00:05:12,d\n,e\n-,f\n')) == [
        3.0,
        3.5,
        4.25,
        3605.0,
        None,
        None,
    ]
    assert starts(parse("start_ms,speaker,text\n1500,A,x\n")) == [1.5]
    ranged = parse("time,speaker,text\n00:00:01.000 --> 00:00:04.500,A,x\n0:05-0:09,A,y\n0:10 to 0:12,A,z\n")
    assert [(u.marks[0].seconds, u.end_s) for u in ranged.utterances] == [(1.0, 4.5), (5.0, 9.0), (10.0, 12.0)]


def test_a_time_of_day_is_no_place_in_the_recording() -> None:
    transcript = parse("timestamp,speaker,text\n2024-05-01 10:00:03,A,x\n10:03 PM,A,y\n1714557603,A,z\n0:07,A,w\n")
    assert starts(transcript) == [None, None, None, 7.0]
    assert {dropped.reason for dropped in transcript.dropped} == {"time of day, not of the recording"}


def test_whispers_own_tables_count_milliseconds_and_quote_nothing() -> None:
    transcript = parse('start\tend\ttext\n0\t2500\t"Dry," says he.\n2500\t4000\tSo it is, "dry\n')
    assert [(u.text, u.marks[0].seconds, u.end_s) for u in transcript.utterances] == [
        ('"Dry," says he.', 0.0, 2.5),
        ('So it is, "dry', 2.5, 4.0),
    ]


def test_a_blank_speaker_is_nobody_and_a_number_is_no_name() -> None:
    assert said("speaker,text\nLena:,a\n,b\n0,c\nSPEAKER_01,d\n") == [
        ("Lena", "a"),
        (None, "b"),
        ("Speaker 0", "c"),
        ("SPEAKER_01", "d"),
    ]


def test_separators_in_an_unquoted_last_cell_are_words() -> None:
    assert said("speaker,text\nLena,So, here it is, then.\n") == [("Lena", "So, here it is, then.")]
    assert said('speaker, text\nLena, "So, here"\n') == [("Lena", "So, here")]


def test_the_line_that_spreadsheets_put_above_is_skipped() -> None:
    transcript = parse("sep=;\nwho;text\nLena;a\n")
    assert [(u.label, u.text, u.line) for u in transcript.utterances] == [("Lena", "a", 3)]


def test_other_columns_and_rows_without_words_are_named() -> None:
    dropped = parse("id,speaker,text,mood\n1,Lena,a,glad\n2,Lena,,sad\n").dropped
    assert [(entry.reason, entry.line, entry.text) for entry in dropped] == [
        ("other column", 1, "id"),
        ("other column", 1, "mood"),
        ("row without words", 3, "2 Lena sad"),
    ]


def test_a_cell_may_be_longer_than_csv_allows_by_default() -> None:
    long = "word " * 60_000
    assert said(f'speaker,text\nLena,"{long}"\n') == [("Lena", long.strip())]


@pytest.mark.parametrize(
    ("text", "message"),
    {
        "an open quote": (
            'speaker,text\nLena,"open\nOmar,b\n',
            f"line 2: a quotation mark is not closed, or stands inside a cell (unexpected end of data). {QUOTES}",
        ),
        "a quote inside": (
            'speaker,text\nLena,"so" she said\n',
            f"line 2: a quotation mark is not closed, or stands inside a cell (',' expected after '\"'). {QUOTES}",
        ),
        "too many cells": (
            "text,speaker\nSo, here,Lena\n",
            f"line 2: the headings name 2 columns, this row has 3. {IN_QUOTES}",
        ),
        "too few cells": (
            "speaker,text\nLena,a\nand on\n",
            f"line 3: the headings name 2 columns, this row has 1. {IN_QUOTES}",
        ),
        "no time": (
            "speaker,start,text\nLena,soon,a\n",
            "line 2: 'soon' is no time. Write times as HH:MM:SS.mmm or as seconds.",
        ),
        "several interviews": (
            "episode,speaker,text\n1,Lena,a\n2,Lena,b\n",
            "it holds 2 interviews (1, 2…). Make one file of each.",
        ),
        "no headings": (
            "Lena,a\n",
            "line 1: no column of words: the first line should name the columns. "
            "Begin the file with a line such as `speaker,start,text`.",
        ),
    }.values(),
)
def test_a_broken_table_is_refused_with_the_line(text: str, message: str) -> None:
    assert refusal(text) == message


@settings(max_examples=150, deadline=None)
@given(st.text(alphabet='speaker,text;\t"\n 0:1-ms', max_size=80))
def test_any_text_is_read_or_refused(text: str) -> None:
    csv_table.recognises(text)
    try:
        csv_table.parse(f"speaker,start,text\n{text}")
    except TranscriptError as error:
        assert error.reason and error.remedy
