"""What an interrupted run leaves behind: the folder it was building, and a note of which vectors in it are whole.

The note is replaced in one step, after the vectors that it counts are on disk. A folder without one is worth nothing.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from embeddings.base import Fingerprint
from indexer.generations import MADE, building_folders, flush, remove


@dataclass(frozen=True, slots=True)
class Made:
    """The first `passages` and `questions` of a folder's catalog have their vectors, made with `model`.

    `writer` is the digest of the code that wrote them: no other code reads a folder that nobody has checked.
    """

    writer: str
    model: Fingerprint
    passages: int
    questions: int


def note_made(folder: Path, made: Made) -> None:
    """Says how far a folder is. What it counts must be on disk."""
    beside = folder / f"{MADE}.new"
    beside.write_text(json.dumps(asdict(made)), encoding="utf-8")
    flush(beside)
    beside.replace(folder / MADE)
    flush(folder)


def find_unfinished(index: Path, *, writer: str, model: Fingerprint) -> tuple[Path, Made] | None:
    """The folder that came furthest of those that this code left with vectors of this model; others are removed."""
    noted = {folder: _read(folder / MADE, writer) for folder in building_folders(index)}
    fit = {folder: made for folder, made in noted.items() if made and made.model.comparable_with(model)}
    furthest = max(fit, key=lambda folder: fit[folder].passages + fit[folder].questions, default=None)
    for folder in noted.keys() - {furthest}:
        remove(folder)
    return (furthest, fit[furthest]) if furthest else None


def _read(path: Path, writer: str) -> Made | None:
    if not path.is_file():
        return None
    note = json.loads(path.read_text(encoding="utf-8"))
    if note["writer"] != writer:
        return None
    return Made(**{**note, "model": Fingerprint(**note["model"])})
