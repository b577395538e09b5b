"""Tables as text: comma, semicolon or tab between the columns, headings above, a row for each stretch of speech.

    start,end,speaker,text
    0:03,0:07,Lena Ortiz,"Good morning, Omar."
    0:07,0:09,Omar Haddad,"Good morning.

    A second paragraph in the same cell."

The headings name the columns (see `indexer.tables`) and so tell which sign stands between them. A blank speaker is
nobody named. Times are clocks, or seconds; milliseconds where the heading says so, and in the `start end text` files
that Whisper writes. What stands in other columns is not speech.
"""

from __future__ import annotations

from dataclasses import replace

from indexer.csv_rows import CsvTable, find_table, read_table
from indexer.errors import TranscriptError
from indexer.tables import Columns, Row, cell_of, find_columns, read_rows
from indexer.types import Dropped, Transcript

_WHISPER = ("start", "end", "text")


def recognises(text: str) -> bool:
    table = find_table(text, _rank)
    columns = find_columns(table.header) if table else None
    return columns is not None and (columns.speaker is not None or columns.start is not None)


def parse(text: str) -> Transcript:
    table = find_table(text, _rank)
    columns = find_columns(table.header) if table else None
    if table is None or columns is None:
        raise TranscriptError(
            "no column of words: the first line should name the columns.",
            line=1,
            remedy="Begin the file with a line such as `speaker,start,text`.",
        )
    if _is_whisper(table):
        columns = replace(columns, per_second=1000)
    last_is_text = columns.text == len(table.header) - 1
    rows = list(read_table(table, needed=columns.text + 1, last_is_text=last_is_text))
    _refuse_several_episodes(rows, columns)
    utterances, dropped = read_rows(rows, columns, blank_is_same=False)
    others = [heading for place, heading in enumerate(table.header) if place not in columns.used and heading]
    unread = [Dropped("other column", table.first_row - 1, heading) for heading in others]
    return Transcript(utterances=utterances, dropped=(*unread, *dropped))


def _rank(header: tuple[str, ...]) -> int:
    """How many columns of a transcript the headings name."""
    columns = find_columns(header) if len(header) > 1 else None
    return len(columns.used) if columns else 0


def _is_whisper(table: CsvTable) -> bool:
    return table.separator == "\t" and table.header == _WHISPER


def _refuse_several_episodes(rows: list[Row], columns: Columns) -> None:
    named = dict.fromkeys(cell_of(row, columns.episode).strip() for row in rows)
    several = [name for name in named if name]
    if len(several) > 1:
        raise TranscriptError(
            f"it holds {len(several)} interviews ({several[0]}, {several[1]}…).",
            remedy="Make one file of each.",
        )
