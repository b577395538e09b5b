"""Word documents, as people write them and as Teams, Zoom, Rev and Otter export them.

    **Lena Ortiz**   0:03          **Lena Ortiz:** Good morning.          0:03 | Lena Ortiz  | Good morning.
    Good morning.                  **Omar Haddad:** Good morning.         0:05 | Omar Haddad | Good morning.

Tables are read here: with headings that name their columns, or of up to four columns that show what they are. So are
the cues of Teams, `0:0:3.490 --> 0:0:5.120` with the name on the line below. Bold names and headings are read as
`indexer.documents` says, and the remaining lines as the formats that read text read them. Page headers and footers,
notes, comments, text boxes and deleted text are not speech. The title is the document's; its dates are those of the
file, not of the interview, and not read. "Lines" are paragraphs.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby

from indexer.archives import DEFAULT_LIMITS, Limits
from indexer.clock import CLOCK
from indexer.documents import Paragraph, is_heading, read_paragraphs, title_of
from indexer.fields import one_line
from indexer.labels import is_label
from indexer.tables import Columns, Row, find_columns, is_time, read_rows
from indexer.types import Dropped, Transcript, Utterance
from indexer.word import Table, is_word, read_word

_NOTICE = re.compile(r"\W{0,3}(?P<name>[^\n]{1,60}) (?:started|stopped) transcription\W{0,3}")
_NAME_AND_TIME = re.compile(rf"(?P<name>[^\n]{{1,60}}?)\s{{1,9}}[\[(]?(?P<time>{CLOCK})[\])]?")
_MOST = 0.8


def recognises(data: bytes) -> bool:
    return is_word(data)


def parse(data: bytes, limits: Limits = DEFAULT_LIMITS) -> Transcript:
    file = read_word(data, limits)
    paragraphs = [block for block in file.blocks if isinstance(block, Paragraph)]
    transcript = _read_tables(file.blocks) or _read_cues(paragraphs)
    if transcript is None:
        notices = [p for p in paragraphs if (notice := _NOTICE.fullmatch(p.text.strip())) and _is_name(notice["name"])]
        transcript = read_paragraphs([p for p in paragraphs if p not in notices])
        tables = [block for block in file.blocks if isinstance(block, Table)]
        dropped = [*_beside(notices, "the recorder's notice"), *(_whole(table) for table in tables)]
        transcript = replace(transcript, dropped=(*transcript.dropped, *dropped))
    return replace(transcript, title=transcript.title or file.title, dropped=(*transcript.dropped, *file.asides))


def _beside(paragraphs: Sequence[Paragraph], reason: str) -> list[Dropped]:
    return [Dropped(reason, p.place, words) for p in paragraphs if (words := one_line(p.text))]


def _whole(table: Table) -> Dropped:
    words = one_line(" ".join(cell for row in table.rows for cell in row.cells))
    return Dropped("table", table.rows[0].line if table.rows else 1, words)


def _read_tables(blocks: Sequence[Paragraph | Table]) -> Transcript | None:
    """What is said in the tables, where they hold more than what stands between them."""
    spoken = _spoken_tables([block for block in blocks if isinstance(block, Table)])
    paragraphs = [block for block in blocks if isinstance(block, Paragraph)]
    beside = sum(len(p.text.split()) for p in paragraphs if not p.heading)
    if sum(len(row.cells[c.text].split()) for c, rows in spoken.values() for row in _fitting(rows, c)) <= beside:
        return None
    title = title_of(paragraphs)
    section: str | None = None
    utterances: list[Utterance] = []
    dropped: list[Dropped] = []
    for block in blocks:
        if isinstance(block, Paragraph):
            if block.heading and block is not title:
                section = block.text
            elif block is not title:
                dropped += _beside([block], "text outside the table")
        elif block in spoken:
            columns, rows = spoken[block]
            said, empty, section = _read_table(rows, columns, section)
            utterances += said
            dropped += empty
        else:
            dropped.append(_whole(block))
    return Transcript(tuple(utterances), title=title.text if title else None, dropped=tuple(dropped))


def _spoken_tables(tables: Sequence[Table]) -> dict[Table, tuple[Columns, tuple[Row, ...]]]:
    """The columns and rows of the tables that hold speech."""
    found: dict[Table, tuple[Columns, tuple[Row, ...]]] = {}
    headless: list[tuple[Table, tuple[Row, ...]]] = []
    above: tuple[int, Columns] | None = None
    for table in tables:
        columns = find_columns([one_line(cell) for cell in table.rows[0].cells]) if table.rows else None
        if columns and (columns.speaker is not None or columns.start is not None):
            above = len(table.rows[0].cells), columns
            found[table] = columns, table.rows[1:]
        elif above and above[0] == _width(table.rows):
            found[table] = above[1], table.rows  # the same table goes on
        else:
            headless.append((table, _with_times_apart(table.rows)))
    for width in (2, 3, 4):
        alike = [(table, rows) for table, rows in headless if _width(rows) == width]
        columns = _shown_columns([row for _, rows in alike for row in rows if len(row.cells) == width])
        found |= {table: (columns, rows) for table, rows in alike if columns}
    return found


def _width(rows: Sequence[Row]) -> int:
    """How many cells most rows have."""
    return max(Counter(len(row.cells) for row in rows).items(), key=lambda entry: entry[1], default=(0, 0))[0]


def _with_times_apart(rows: tuple[Row, ...]) -> tuple[Row, ...]:
    """Rows whose first cell holds a name and a time, with the time in a cell of its own."""
    split = [_NAME_AND_TIME.fullmatch(one_line(row.cells[0])) if row.cells else None for row in rows]
    if _width(rows) != 2 or sum(match is not None for match in split) < _MOST * len(rows):
        return rows
    return tuple(
        Row(row.line, [match["time"], match["name"], *row.cells[1:]] if match else ["", *row.cells])
        for row, match in zip(rows, split, strict=True)
    )


def _shown_columns(rows: Sequence[Row]) -> Columns | None:
    """Which column holds what, by what stands in it: clocks, and names that come again. Row numbers hold nothing."""
    if len(rows) < 2:
        return None
    columns = [[cell for row in rows if (cell := one_line(row.cells[place]))] for place in range(len(rows[0].cells))]
    start = next((place for place, cells in enumerate(columns) if cells and all(map(is_time, cells))), None)
    others = [place for place, cells in enumerate(columns) if place != start and not _are_numbers(cells)]
    speaker = next((place for place in others if _are_names(columns[place])), None)
    texts = [place for place in others if place != speaker]
    if len(texts) != 1 or (speaker is None and start is None):
        return None
    return Columns(text=texts[0], speaker=speaker, start=start)


def _are_numbers(cells: Sequence[str]) -> bool:
    return len(set(cells)) == len(cells) and all(cell.rstrip(".").isdigit() for cell in cells)


def _are_names(cells: Sequence[str]) -> bool:
    names = [cell.removesuffix(":").rstrip() for cell in cells]
    return len(set(names)) < len(names) and sum(map(is_label, names)) >= _MOST * len(names)


def _is_name(words: str) -> bool:
    """Whether these words are a name, in either order: "Ortiz, Lena" too."""
    return all(is_label(part.strip()) for part in words.split(","))


def _fitting(rows: Sequence[Row], columns: Columns) -> list[Row]:
    return [row for row in rows if len(row.cells) > max(columns.used)]


def _read_table(
    rows: Sequence[Row], columns: Columns, section: str | None
) -> tuple[list[Utterance], list[Dropped], str | None]:
    """What is said in a table, and the section at its end. A short cell across the columns is a heading."""
    utterances: list[Utterance] = []
    dropped: list[Dropped] = []
    for is_whole, group in groupby(rows, lambda row: len(row.cells) > max(columns.used)):
        if is_whole:
            said, empty = read_rows(group, columns, blank_is_same=True)
            utterances += (replace(u, section=u.section or section) for u in said)
            dropped += empty
            continue
        for row in group:
            words = one_line(" ".join(row.cells))
            if is_heading(words):
                section = words
            elif words:
                utterances.append(Utterance(None, words, row.line, section=section))
    return utterances, dropped, section


def _read_cues(paragraphs: Sequence[Paragraph]) -> Transcript | None:
    """The cues of Teams: their first lines are names, or come again and again, as the words of captions never do."""
    before: list[Dropped] = []
    cues: list[tuple[Row, list[str]]] = []
    for p in paragraphs:
        for line in p.text.split("\n"):
            words = one_line(line)
            if "-->" in words and is_time(words):
                cues.append((Row(p.place, [words]), []))
            elif words and cues:
                cues[-1][1].append(words)
            elif words:
                before.append(Dropped("page furniture", p.place, words))
    names = Counter(said[0] if said else "" for _, said in cues)
    come_again = 2 * len(names) <= len(cues) and all(name and name[-1] not in ".?!…" for name in names)
    if len(cues) < 3 or not (come_again or all(map(_is_name, names))):
        return None
    rows = [Row(time.line, [*time.cells, said[0], " ".join(said[1:])]) for time, said in cues]
    utterances, dropped = read_rows(rows, Columns(start=0, speaker=1, text=2), blank_is_same=False)
    return Transcript(utterances, dropped=(*before, *dropped))
