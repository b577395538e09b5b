"""A folder's `episodes.csv`: a row for each transcript, its columns in any order.

    file,title,show,date,host,guests,duration,link_template
    ep1.vtt,Left Shoes,Second Opinion,2024-04-04,Marguerite Oyelaran,Desmond Achterloo; Ann Wu,41:30,
    ,,Second Opinion,,,,,https://second-opinion.example.org/listen?t={s}

A file is named by its path below the folder, its name, or its stem. A row without a file speaks of every episode of its
show. Names of people are separated by semicolons. What a row leaves blank it does not state.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from indexer.csv_rows import find_table, read_table
from indexer.errors import TranscriptError
from indexer.fields import one_line
from indexer.listings import Entry, Keys, Listing
from indexer.metadata import apply
from indexer.tables import Row, plain_headings
from indexer.types import Transcript

EPISODES_FILE = "episodes.csv"
_FILE = ("file", "filename", "file_name", "source", "path")
_PEOPLE = ("hosts", "host", "guests", "guest", "speakers", "speaker")
_TEXTS = ("title", "show", "podcast", "date", "url", "link", "language", "lang", "duration", "link_template")
_REMEDY = "Begin it with a line such as `file,title,show,date,guest`."


def read_episodes_csv(text: str) -> Listing:
    """What the list states.

    Raises:
        TranscriptError: it cannot be understood, with the line.
    """
    table = find_table(text, _rank)
    if table is None:
        raise TranscriptError("no column `file`: the first line should name the columns.", line=1, remedy=_REMEDY)
    headings = plain_headings(table.header)
    entries: list[Entry] = []
    shows: list[Mapping[str, Any]] = []
    for row in read_table(table, needed=1, last_is_text=False):
        cells = {key: words for key, cell in zip(headings, row.cells, strict=False) if (words := one_line(cell))}
        metadata = _metadata(cells, row)
        name = next((cells[key] for key in _FILE if key in cells), None)
        if name:
            key = frozenset({_normal(name.replace("\\", "/").removeprefix("./"))})
            entries.append(Entry(f"{name} (line {row.line})", metadata, (key, key, key)))
        elif "show" in metadata or "podcast" in metadata:
            shows.append(metadata)
        else:
            raise TranscriptError(
                "the row names no file and no show.", line=row.line, remedy="Say which transcript it is about."
            )
    unknown = [heading for heading in headings if heading not in (*_FILE, *_PEOPLE, *_TEXTS)]
    doubts = (f"columns not known: {', '.join(unknown)}",) if unknown else ()
    return Listing(tuple(entries), _keys_of, tuple(shows), doubts, expects_files=True)


def _rank(header: Sequence[str]) -> int:
    """How many of the known columns there are, if one is the file's or the show's."""
    headings = set(plain_headings(header))
    return len(headings & {*_FILE, *_PEOPLE, *_TEXTS}) if headings & {*_FILE, "show"} else 0


def _metadata(cells: Mapping[str, str], row: Row) -> dict[str, Any]:
    people = {
        key: [name for part in cells[key].split(";") if (name := part.strip())] for key in _PEOPLE if key in cells
    }
    metadata = {key: cells[key] for key in _TEXTS if key in cells} | people
    try:
        apply(metadata, Transcript(()), first=True)
    except TranscriptError as error:
        raise TranscriptError(error.reason, line=row.line, remedy=error.remedy) from error
    return metadata


def _keys_of(path: PurePosixPath) -> Keys:
    whole = frozenset({_normal(str(path)), _normal(str(path.with_suffix("")))})
    return whole, frozenset({_normal(path.name)}), frozenset({_normal(path.stem)})


def _normal(path: str) -> str:
    """One spelling for what some file systems spell in two."""
    return unicodedata.normalize("NFC", path)
