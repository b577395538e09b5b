"""Writes which ids a new generation retires: those that earlier ones held or remembered, and it does not hold.

What earlier generations remembered is copied as a file, and only passages that were not taken over are compared, so
that the cost is that of what changed.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from indexer.blocks import Block
from indexer.catalog import CATALOG_FILE, joined_turn, text_of
from indexer.database import read_only, unfinished
from indexer.generations import Earlier
from indexer.retired import RETIRED_FILE, RetiredCounts, squeezed, unsqueezed

_SCHEMA = """
CREATE TABLE generations (id TEXT PRIMARY KEY, created TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE episodes (
    id TEXT, generation TEXT, source TEXT NOT NULL, title TEXT NOT NULL, show TEXT, date TEXT, language TEXT, url TEXT,
    PRIMARY KEY (id, generation)
) WITHOUT ROWID;
CREATE TABLE passages (
    id TEXT PRIMARY KEY, generation TEXT NOT NULL, episode TEXT, speaker TEXT, role TEXT, section TEXT, turn INTEGER,
    char_start INTEGER, char_end INTEGER, start_s REAL, time TEXT, before TEXT, after TEXT, text BLOB
);
CREATE TABLE speakers (
    passage TEXT, name TEXT, role TEXT NOT NULL, generation TEXT NOT NULL, PRIMARY KEY (passage, name)
) WITHOUT ROWID;
CREATE INDEX forgotten ON passages (id) WHERE text IS NULL;
"""
_TABLES = ("generations", "episodes", "passages", "speakers")
_RETIRE = f"""
INSERT OR REPLACE INTO main.passages
SELECT p.id, ?1, e.id, v.name, v.role, p.section, p.turn, p.char_start, p.char_end, p.start_s, p.time, b.id, a.id,
    squeezed({text_of("p")})
FROM earlier.passages p JOIN earlier.voices v ON v.number = p.voice JOIN earlier.episodes e ON e.number = p.episode
    {joined_turn("p").replace("JOIN turns", "JOIN earlier.turns")}
    LEFT JOIN earlier.passages b ON b.number = p.number - 1 AND b.episode = p.episode
    LEFT JOIN earlier.passages a ON a.number = p.number + 1 AND a.episode = p.episode
WHERE p.number BETWEEN ?2 AND ?3 AND NOT EXISTS (SELECT 1 FROM fresh.passages f WHERE f.id = p.id)
ORDER BY p.number
"""
# A label that the new name is known to be the same person by changes nothing.
_NOTE_SPEAKERS = """
INSERT OR REPLACE INTO main.speakers
SELECT p.id, v.name, v.role, ?1
FROM earlier.passages p JOIN earlier.voices v ON v.number = p.voice
    JOIN fresh.passages f ON f.id = p.id JOIN fresh.voices w ON w.number = f.voice
WHERE p.number BETWEEN ?2 AND ?3 AND v.name IS NOT NULL AND v.name IS NOT w.name
    AND NOT EXISTS (SELECT 1 FROM json_each(w.aliases) WHERE value = v.name)
"""
_NOTE_EPISODES = """
INSERT OR IGNORE INTO main.episodes
SELECT id, ?1, source, title, show, date, language, url FROM earlier.episodes WHERE number IN (
    SELECT p.episode FROM earlier.passages p
    WHERE p.number BETWEEN ?2 AND ?3 AND NOT EXISTS (SELECT 1 FROM fresh.passages f WHERE f.id = p.id)
)
"""
_NOTE_SPEAKERS_BEFORE = """
INSERT OR REPLACE INTO main.speakers
SELECT p.id, p.speaker, p.role, p.generation
FROM fresh.passages f JOIN main.passages p ON p.id = f.id JOIN fresh.voices w ON w.number = f.voice
WHERE f.number BETWEEN ? AND ? AND p.speaker IS NOT NULL AND p.speaker IS NOT w.name
    AND NOT EXISTS (SELECT 1 FROM json_each(w.aliases) WHERE value = p.speaker)
"""
_LIVE_AGAIN = "DELETE FROM passages WHERE id IN (SELECT id FROM fresh.passages WHERE number BETWEEN ? AND ?)"
_REMEMBER = (_RETIRE, _NOTE_SPEAKERS, _NOTE_EPISODES)
_WITHOUT_NAMES = (
    "UPDATE passages SET section = NULL, "
    "speaker = CASE WHEN speaker IN (SELECT name FROM fresh.voices) THEN speaker END, "
    "episode = CASE WHEN episode IN (SELECT id FROM fresh.episodes) THEN episode END",
    # Described as they are now: what they were called may be what is to be forgotten.
    "DELETE FROM episodes",
    "INSERT INTO episodes SELECT DISTINCT e.id, p.generation, e.source, e.title, e.show, e.date, e.language, e.url "
    "FROM passages p JOIN fresh.episodes e ON e.id = p.episode",
    "DELETE FROM speakers WHERE name NOT IN (SELECT name FROM fresh.voices WHERE name IS NOT NULL)",
)
_WITHOUT_ANYTHING = """
UPDATE passages SET episode = NULL, speaker = NULL, role = NULL, section = NULL, turn = NULL, char_start = NULL,
    char_end = NULL, start_s = NULL, time = NULL, before = NULL, after = NULL, text = NULL
WHERE id = ?
"""
_PROBE = 10
_BASE = np.uint64(0x9E3779B97F4A7C15)


def retire(
    folder: Path, earlier: Sequence[Earlier], blocks: Sequence[Block], passages: int, *, forget: bool
) -> RetiredCounts:
    """Writes the retired ids of the generation in a folder, whose catalog is finished.

    Args:
        earlier: what to remember; the first one is what this generation was built upon, the others came after that.
        blocks: what was taken over from the first one.
        passages: how many there are now.
        forget: drop all words, names and titles that do not stand in the new catalog.
    """
    if not earlier:
        return RetiredCounts()
    path = folder / RETIRED_FILE
    base, *newer = earlier
    if (base.folder / RETIRED_FILE).exists():
        shutil.copyfile(base.folder / RETIRED_FILE, path)
    with closing(unfinished(path)) as db:
        _prepare(db, folder)
        for generation in newer:
            _merge(db, generation)
        read = [_remember(db, base, [block.passages.source for block in blocks])]
        read += [_remember(db, generation, ()) for generation in newer]
        compared = [] if newer else [block.passages.target for block in blocks]
        for first, end in gaps(compared, passages):
            for statement in (_NOTE_SPEAKERS_BEFORE, _LIVE_AGAIN):
                db.execute(statement, (first, end - 1))
        if forget:
            _forget(db)
        ids = _one(db, "SELECT count(*) FROM passages")
        forgotten = _one(db, "SELECT count(*) FROM passages WHERE text IS NULL")
        is_empty = not ids and not _one(db, "SELECT count(*) FROM speakers")
    if is_empty:
        path.unlink()
    unread = tuple(one.id for one, could in zip(earlier, read, strict=True) if not could)
    return RetiredCounts(ids, forgotten, unread)


def gaps(taken: Sequence[slice], total: int) -> Iterator[tuple[int, int]]:
    """The (first, end) of the numbers below `total` that are in none of some slices.

    >>> list(gaps([slice(2, 4), slice(4, 6)], 9))
    [(0, 2), (6, 9)]
    """
    end = 0
    for part in sorted(taken, key=lambda part: part.start):
        if part.start > end:
            yield end, part.start
        end = max(end, part.stop)
    if end < total:
        yield end, total


def _prepare(db: sqlite3.Connection, folder: Path) -> None:
    # What is moved about for a while is nobody else's to read.
    db.execute("PRAGMA temp_store = MEMORY")
    db.create_function("squeezed", 1, squeezed, deterministic=True)
    if not db.execute("SELECT 1 FROM sqlite_master").fetchone():
        db.executescript(_SCHEMA)
    db.execute("ATTACH ? AS fresh", (read_only(folder / CATALOG_FILE),))


def _merge(db: sqlite3.Connection, earlier: Earlier) -> None:
    """What a generation remembered."""
    if not (earlier.folder / RETIRED_FILE).exists():
        return
    db.execute("ATTACH ? AS remembered", (read_only(earlier.folder / RETIRED_FILE),))
    for table in _TABLES:
        db.execute(f"INSERT OR IGNORE INTO main.{table} SELECT * FROM remembered.{table}")
    db.execute("DETACH remembered")


def _remember(db: sqlite3.Connection, earlier: Earlier, taken: Sequence[slice]) -> bool:
    """The ids of a generation that the new one does not hold; False where its catalog is of another form."""
    db.execute("ATTACH ? AS earlier", (read_only(earlier.folder / CATALOG_FILE),))
    try:
        for statement in _REMEMBER:
            db.execute(f"EXPLAIN {statement}", ("", 0, 0))
    except sqlite3.OperationalError:
        db.execute("DETACH earlier")
        return False
    db.execute("BEGIN")
    before = db.total_changes
    for first, end in gaps(taken, _one(db, "SELECT ifnull(max(number), -1) + 1 FROM earlier.passages")):
        for statement in _REMEMBER:
            db.execute(statement, (earlier.id, first, end - 1))
    if db.total_changes > before:
        db.execute("INSERT OR IGNORE INTO generations VALUES (?, ?)", (earlier.id, earlier.created))
    db.execute("COMMIT")
    db.execute("DETACH earlier")
    return True


def _forget(db: sqlite3.Connection) -> None:
    """Drops what no longer stands anywhere, from the file itself too."""
    stands = _standing(db)
    db.execute("BEGIN")
    for (passage_id,) in db.execute("SELECT id FROM passages WHERE text IS NOT NULL").fetchall():
        if passage_id not in stands:
            db.execute(_WITHOUT_ANYTHING, (passage_id,))
    for statement in _WITHOUT_NAMES:
        db.execute(statement)
    db.execute("COMMIT")
    db.execute("VACUUM")


def _standing(db: sqlite3.Connection) -> set[str]:
    """The ids whose words stand in some transcript now, whatever blanks are between them.

    A few letters out of the middle of each are looked for first, all at once.
    """
    words = {i: _bare(unsqueezed(text)) for i, text in db.execute("SELECT id, text FROM passages WHERE text NOT NULL")}
    by_probe: dict[int, list[str]] = defaultdict(list)
    for passage_id, bare in words.items():
        by_probe[_probe(bare)].append(passage_id)
    probes = np.array(sorted(by_probe), dtype=np.uint64)
    found: set[str] = set()
    for (number,) in db.execute("SELECT number FROM fresh.episodes").fetchall():
        turns = db.execute("SELECT text FROM fresh.turns WHERE episode = ? ORDER BY number", (number,))
        transcript = _bare("".join(text for (text,) in turns))
        for probe in np.intersect1d(_windows(transcript), probes).tolist():
            found |= {i for i in by_probe[probe] if i not in found and words[i] in transcript}
    return found


def _bare(text: str) -> str:
    return "".join(text.split())


def _probe(bare: str) -> int:
    start = max(0, (len(bare) - _PROBE) // 2)
    return int(_windows(bare[start : start + _PROBE].ljust(_PROBE))[0])


def _windows(text: str) -> NDArray[np.uint64]:
    """A number for each run of `_PROBE` code points, by where it begins."""
    codes = np.frombuffer(text.encode("utf-32-le"), dtype=np.uint32).astype(np.uint64)
    total = np.zeros(max(0, len(codes) - _PROBE + 1), dtype=np.uint64)
    for i in range(_PROBE):
        total = total * _BASE + codes[i : i + len(total)]
    return total


def _one(db: sqlite3.Connection, statement: str) -> int:
    return int(db.execute(statement).fetchone()[0])
