"""CSV text to rows under headings: comma, semicolon or tab, whichever makes the headings that are looked for.

`csv.Sniffer` guesses from commas in the words, and is not used. A quotation mark that is never closed would swallow the
rows below it, and is refused.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from indexer.errors import TranscriptError
from indexer.tables import Row

_SEPARATORS = (",", ";", "\t")
_LONGEST_HEADER = 5_000


@dataclass(frozen=True, slots=True)
class CsvTable:
    """The headings of a table, the sign between its columns, and the text below them, from line `first_row` on."""

    header: tuple[str, ...]
    separator: str
    text: str
    first_row: int


def find_table(text: str, rank: Callable[[tuple[str, ...]], int]) -> CsvTable | None:
    """The table that the first line heads; None where no separator makes headings of it that rank above 0."""
    body, line = text.lstrip("\ufeff"), 1
    if body[:4].casefold() == "sep=" and body[5:6] == "\n":
        body, line = body[6:], 2
    head, _, rest = body.partition("\n")
    if len(head) > _LONGEST_HEADER:
        return None
    tables = []
    for separator in _SEPARATORS:
        header = tuple(cell.strip() for cell in next(csv.reader([head], delimiter=separator), []))
        tables.append(CsvTable(header, separator, rest, line + 1))
    best = max(tables, key=lambda table: rank(table.header))
    return best if rank(best.header) > 0 else None


def read_table(table: CsvTable, *, needed: int, last_is_text: bool) -> Iterator[Row]:
    """The rows that are not blank, each with no more cells than there are headings.

    Args:
        needed: how many cells every row must have.
        last_is_text: separators in an unquoted last cell are part of it.

    Raises:
        TranscriptError: a row has too many cells or too few, or its quotation marks are wrong.
    """
    spaced = f'{table.separator} "' in table.text
    width = len(table.header)
    for line, cells in _unquoted(table) if _is_plain(table) else _quoted(table, spaced=spaced):
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) > width and last_is_text and not spaced:
            cells[width - 1 :] = [table.separator.join(cells[width - 1 :])]
        if not needed <= len(cells) <= width:
            raise TranscriptError(
                f"the headings name {width} columns, this row has {len(cells)}.",
                line=line,
                remedy='Put a text that holds the separator, or a new line, in quotes: "like, this".',
            )
        yield Row(line, cells)


def _is_plain(table: CsvTable) -> bool:
    """Tabs on every line, as many as in the headings: then quotation marks are the speaker's own."""
    tabs = len(table.header) - 1
    return table.separator == "\t" and all(line.count("\t") == tabs for line in table.text.split("\n") if line.strip())


def _unquoted(table: CsvTable) -> Iterator[tuple[int, list[str]]]:
    for line, content in enumerate(table.text.split("\n"), table.first_row):
        yield line, [_without_quotes(cell) for cell in content.split("\t")]


def _without_quotes(cell: str) -> str:
    quoted = cell.strip()
    inner = quoted[1:-1]
    is_quoted = len(quoted) > 1 and quoted[0] == quoted[-1] == '"' and '"' not in inner.replace('""', "")
    return inner.replace('""', '"') if is_quoted else cell


def _quoted(table: CsvTable, *, spaced: bool) -> Iterator[tuple[int, list[str]]]:
    csv.field_size_limit(max(csv.field_size_limit(), len(table.text) + 1))
    lines = io.StringIO(table.text, newline="")
    reader = csv.reader(lines, delimiter=table.separator, skipinitialspace=spaced, strict=True)
    line = table.first_row
    try:
        for cells in reader:
            yield line, cells
            line = table.first_row + reader.line_num
    except csv.Error as error:
        raise TranscriptError(
            f"a quotation mark is not closed, or stands inside a cell ({error}).",
            line=line,
            remedy='Double the marks inside a quoted cell: "she said ""yes""".',
        ) from error
