"""Which files of the given paths are transcripts, which stand beside them, and which are not meant."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from indexer.errors import ArchiveError
from indexer.metadata import SIDECAR_SUFFIXES, sidecar_of

_NEVER_TRANSCRIPTS = ("readme", "license", "licence", "copying", "changelog", "contributing")


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file to read. `source` is its path below the folder that was given, with forward slashes."""

    path: Path
    source: str
    sidecar: Path | None


@dataclass(frozen=True, slots=True)
class SkippedFile:
    """A file that is not meant to be a transcript, and why."""

    source: str
    reason: str


def find_files(paths: Sequence[Path], *, leave_out: Path) -> tuple[list[SourceFile], list[SkippedFile]]:
    """The files below some paths, in the order of their sources.

    Args:
        leave_out: the index directory, which may lie below one of the paths.

    Raises:
        ArchiveError: a path does not exist, holds no file, or two files have the same source.
    """
    found: dict[str, SourceFile] = {}
    skipped: list[SkippedFile] = []
    for root in paths:
        for path in _files_below(root, leave_out.resolve()):
            source = path.name if path == root else path.relative_to(root).as_posix()
            if reason := _not_meant(path):
                skipped.append(SkippedFile(source, reason))
                continue
            if source in found:
                raise ArchiveError(
                    f"{path} and {found[source].path} are both called {source} below their folders. "
                    "Index the folder that holds both, so that their names differ."
                )
            found[source] = SourceFile(path, source, sidecar_of(path))
    if not found:
        raise ArchiveError(
            f"{', '.join(map(str, paths))}: no files to index. Put transcripts there, or give another path."
        )
    return [found[source] for source in sorted(found)], sorted(skipped, key=lambda file: file.source)


def digest(path: Path) -> str:
    """The sha256 of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _files_below(root: Path, leave_out: Path) -> list[Path]:
    if root.is_file():
        return [root]
    if not root.is_dir():
        raise ArchiveError(f"{root}: no such file or folder.")
    return sorted(
        path
        for path in root.rglob("*")
        if path.is_file()
        and not any(part.startswith(".") for part in path.relative_to(root).parts)
        and leave_out not in path.resolve().parents
    )


def _not_meant(path: Path) -> str | None:
    if path.name.endswith(SIDECAR_SUFFIXES):
        return "metadata beside a transcript"
    if path.stem.casefold() in _NEVER_TRANSCRIPTS:
        return "about the folder, not a transcript"
    if path.suffix == ".jsonl" and _is_question_file(path):
        return "questions for `onrecord eval`"
    return None


def _is_question_file(path: Path) -> bool:
    with path.open(encoding="utf-8", errors="replace") as file:
        first = file.readline(100_000)
    try:
        question = json.loads(first)
    except (ValueError, RecursionError):
        return False
    return isinstance(question, dict) and "query" in question and "anchors" in question
