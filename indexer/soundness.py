"""Whether an index is as it was written: every file against its checksum, and what the files say against each other."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from indexer.catalog import CATALOG_FILE, CatalogReader
from indexer.columns import read_columns
from indexer.cut import vector_key
from indexer.database import read_only
from indexer.errors import FormatMismatch, IndexBroken
from indexer.generations import (
    CURRENT,
    GENERATIONS,
    MADE,
    MANIFEST,
    Manifest,
    building_folders,
    file_problem,
    hold_folder,
    named_generation,
    published_folders,
    read_manifest,
)
from indexer.lexical import LexicalReader
from indexer.passages import embedded_text
from indexer.retired import RETIRED_FILE
from indexer.types import TURN_SEPARATOR
from indexer.vectors import VectorReader

# In the place of a file's name: the version of a manifest.
FORMAT = "format_version"
_AT_ONCE = 4
# Each counts what contradicts the promise that a passage is its slice of the canonical text.
_SLICES = {
    "passages whose numbers are left out": "SELECT ifnull(max(number), -1) + 1 - count(*) FROM passages",
    "turns whose place is not as long as their text": (
        "SELECT count(*) FROM turns WHERE char_end - char_start <> length(text)"
    ),
    "turns that do not follow the one before": (
        "SELECT count(*) FROM turns t JOIN turns b ON b.episode = t.episode AND b.number = t.number - 1 "
        f"WHERE t.char_start <> b.char_end + {len(TURN_SEPARATOR)}"
    ),
    "passages that do not lie within their turn": (
        "SELECT count(*) FROM passages p LEFT JOIN turns t ON t.episode = p.episode AND t.number = p.turn "
        "WHERE t.number IS NULL OR p.char_start < t.char_start OR p.char_end > t.char_end OR p.voice <> t.voice "
        "OR p.char_start >= p.char_end"
    ),
    "questions that do not lie within their turn": (
        "SELECT count(*) FROM questions q LEFT JOIN turns t ON t.episode = q.episode AND t.number = q.turn "
        "WHERE t.number IS NULL OR q.char_start < t.char_start OR q.char_end > t.char_end"
    ),
}


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong, and where. `name`: of the file, below its generation's folder."""

    path: Path
    name: str
    problem: str


@dataclass(frozen=True, slots=True)
class Examined:
    """A generation and what is wrong with it. `manifest` is None where it cannot be read.

    `foreign`: the files in its folder that are not its own, and that nobody reads.
    """

    folder: Path
    is_live: bool
    manifest: Manifest | None
    faults: tuple[Fault, ...]
    foreign: tuple[Path, ...]

    @property
    def is_repairable(self) -> bool:
        """Whether everything that is wrong can be made anew out of the catalog."""
        spoiled = {fault.name for fault in self.faults}
        return self.manifest is not None and CATALOG_FILE not in spoiled

    @property
    def is_of_another_format(self) -> bool:
        """Whether another version of this program wrote it, for which it may be sound."""
        return any(fault.name == FORMAT for fault in self.faults)


@dataclass(frozen=True, slots=True)
class Examination:
    """An index. `faults`: of the index itself; `left`: what interrupted runs left, which the next one removes."""

    faults: tuple[Fault, ...]
    generations: tuple[Examined, ...]
    left: tuple[Path, ...]

    @property
    def is_sound(self) -> bool:
        of_ours = [one for one in self.generations if one.is_live or not one.is_of_another_format]
        return not self.faults and not any(one.faults for one in of_ours)


def examine_index(index: Path) -> Examination:
    """Every generation that is kept, the newest first.

    Raises:
        IndexMissing: there is no index.
    """
    live = named_generation(index)
    folders = published_folders(index)
    faults = []
    if live is None:
        faults.append(Fault(index / CURRENT, CURRENT, "missing or not readable"))
    elif index / GENERATIONS / live not in folders:
        faults.append(Fault(index / CURRENT, CURRENT, f"names {live}, which is not there"))
    examined = (examine_generation(folder, is_live=folder.name == live) for folder in reversed(folders))
    return Examination(tuple(faults), tuple(one for one in examined if one), tuple(building_folders(index)))


def examine_generation(folder: Path, *, is_live: bool) -> Examined | None:
    """A generation, which is kept on disk meanwhile; None where a writer is removing it."""
    hold = hold_folder(folder)
    if hold is None and not folder.exists():
        return None
    try:
        try:
            manifest = read_manifest(folder)
        except (IndexBroken, FormatMismatch) as error:
            name = FORMAT if isinstance(error, FormatMismatch) else MANIFEST
            fault = Fault(folder / MANIFEST, name, _without_remedy(error, folder / MANIFEST))
            return Examined(folder, is_live, None, (fault,), ())
        faults = _spoiled(folder, manifest) or list(_contradictions(folder, manifest))
        return Examined(folder, is_live, manifest, tuple(faults), tuple(_foreign(folder, manifest)))
    finally:
        if hold is not None:
            hold.release()


def _spoiled(folder: Path, manifest: Manifest) -> list[Fault]:
    names = list(manifest.files)
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        problems = pool.map(file_problem, (folder / name for name in names), manifest.files.values())
        return [Fault(folder / name, name, problem) for name, problem in zip(names, problems, strict=True) if problem]


def _foreign(folder: Path, manifest: Manifest) -> Iterator[Path]:
    known = manifest.files.keys() | {MANIFEST, MADE}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if not path.is_dir() and name not in known and not name.endswith(".lock"):
            yield path


def _contradictions(folder: Path, manifest: Manifest) -> Iterator[Fault]:
    """What checksums cannot tell: each file is as it was written, but not what the others are of."""
    for name in (CATALOG_FILE, RETIRED_FILE):
        if name in manifest.files:
            yield from (Fault(folder / name, name, problem) for problem in _database_problems(folder / name))
    try:
        yield from _wrong_counts(folder, manifest)
    except IndexBroken as error:
        yield Fault(folder, ".", _without_remedy(error, folder))


def _database_problems(path: Path) -> list[str]:
    try:
        with closing(sqlite3.connect(read_only(path), uri=True)) as db:
            found = [row[0] for row in db.execute("PRAGMA integrity_check(10)") if row[0] != "ok"]
            if path.name == CATALOG_FILE:
                counts = {what: _one(db, statement) for what, statement in _SLICES.items()}
                found += [f"{count} {what}" for what, count in counts.items() if count]
        if path.name == CATALOG_FILE and not found and (count := _reworded(path.parent)):
            found.append(f"{count} passages whose words are not those that were embedded")
    except sqlite3.DatabaseError as error:
        return [str(error)]
    return found


def _reworded(folder: Path) -> int:
    """How many passages have other words, as their slices, than their vectors were made of."""
    catalog = CatalogReader(folder)
    with closing(catalog):
        return sum(stored.vector_key != vector_key(*embedded_text(stored.passage)) for stored in catalog.all_passages())


def _wrong_counts(folder: Path, manifest: Manifest) -> Iterator[Fault]:
    counts = manifest.counts
    with closing(sqlite3.connect(read_only(folder / CATALOG_FILE), uri=True)) as db:
        questions = int(_one(db, "SELECT count(*) FROM questions"))
        stored = {what: int(_one(db, f"SELECT count(*) FROM {what}")) for what in ("episodes", "passages")}
    vectors, columns = VectorReader(folder), read_columns(folder)
    found = {
        "the catalog's episodes": (stored["episodes"], counts["episodes"]),
        "the catalog's passages": (stored["passages"], counts["passages"]),
        "the columns' passages": (len(columns.voice), counts["passages"]),
        "the columns' sentences": (int(columns.first_sentence[-1]), counts["sentences"]),
        "the engine's vectors": (len(vectors), counts["passages"]),
        "vectors of passages": (len(vectors.passages), max(counts["passages"], 1)),
        "vectors of sentences": (len(vectors.sentences), max(counts["sentences"], 1)),
        "vectors of questions": (len(vectors.questions), max(questions, 1)),
        "the lexical index's passages": (len(LexicalReader(folder)), counts["passages"]),
    }
    for what, (there, stated) in found.items():
        if there != stated:
            yield Fault(folder, ".", f"{what} are {there}, not {stated}")


def _one(db: sqlite3.Connection, statement: str) -> Any:
    return db.execute(statement).fetchone()[0]


def _without_remedy(error: Exception, path: Path) -> str:
    """What an error says of a file; what to do about it depends on what else is wrong."""
    message = str(error).removeprefix(f"{path}: ").removeprefix(f"{path.parent}: ")
    return message.partition(". Run ")[0]
