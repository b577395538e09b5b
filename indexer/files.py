"""Which files of the given paths are transcripts, which stand beside them, and which are not meant.

A zip archive is a folder here. What the lists of episodes in a folder state goes with the transcripts that they name.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from indexer.archives import Limits, Member, is_archive, members
from indexer.errors import ArchiveError, TranscriptError
from indexer.metadata import SIDECAR_SUFFIXES, sidecar_of
from indexer.stated import is_list, read_statements

PEOPLE_FILES = ("speakers.yaml", "speakers.yml", "speakers.json")
_NEVER_TRANSCRIPTS = ("readme", "license", "licence", "copying", "changelog", "contributing")
_LEADS_OUT = TranscriptError(
    "a link that leads out of the folder.", remedy="Put the file itself there, or give the folder that it is in too."
)
_BESIDE = "metadata beside a transcript"
_BESIDE_NONE = "metadata of no transcript: none beside it has its name, or another of that name came first"


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file to read. `source` is its path below the folder that was given, with forward slashes.

    `stated` and `shows` are what lists of episodes say of it, and of its show, the most trusted first. `refusal` is why
    it is not to be read.
    """

    path: Path | Member
    source: str
    sidecar: Path | Member | None
    stated: tuple[Mapping[str, Any], ...] = ()
    shows: tuple[Mapping[str, Any], ...] = ()
    refusal: TranscriptError | None = None

    def read(self) -> bytes:
        """The file's content.

        Raises:
            TranscriptError: it is refused, or cannot be read.
        """
        if self.refusal:
            raise self.refusal
        try:
            return self.path.read_bytes()
        except PermissionError as error:
            raise TranscriptError(f"cannot be read ({error.strerror}).", remedy="Check its permissions.") from error
        except OSError as error:
            remedy = "It was there when the run began: run this again when nothing moves it."
            raise TranscriptError(f"cannot be read ({error.strerror}).", remedy=remedy) from error

    def inputs(self) -> dict[str, str]:
        """A digest of everything that its episode is made from, under names that tell what it is of."""
        found = {self.source: f"refused: {self.refusal.reason}" if self.refusal else digest_or_why(self.path)}
        if self.sidecar:
            found[f"{self.source} + {self.sidecar.name}"] = digest_or_why(self.sidecar)
        if self.stated or self.shows:
            stated = json.dumps([self.stated, self.shows], sort_keys=True)
            found[f"{self.source} + lists of episodes"] = hashlib.sha256(stated.encode()).hexdigest()
        return found


@dataclass(frozen=True, slots=True)
class SkippedFile:
    """A file that is not meant to be a transcript, and why."""

    source: str
    reason: str


@dataclass(frozen=True, slots=True)
class _Found:
    """A file in a folder or in an archive, and why it is not read, if it is not."""

    path: Path | Member
    source: str
    refusal: TranscriptError | None = None


def find_files(
    paths: Sequence[Path], *, leave_out: Path, limits: Limits | None = None
) -> tuple[list[SourceFile], list[SkippedFile]]:
    """The files below some paths, in the order of their sources, those among them that are refused.

    Args:
        leave_out: the index directory, which may lie below one of the paths.

    Raises:
        ArchiveError: a path does not exist, holds no file, or two files have the same source.
    """
    files: dict[str, SourceFile] = {}
    skipped: list[SkippedFile] = []
    for root in paths:
        found, not_utf8 = _found_below(root, leave_out.resolve(), limits or Limits())
        here, left = _sorted_out(found, whole_folder=root.is_dir() or is_archive(root))
        for file in here:
            if file.source in files:
                raise ArchiveError(
                    f"{file.path} and {files[file.source].path} are both called {file.source} below their folders. "
                    "Index the folder that holds both, so that their names differ."
                )
            files[file.source] = file
        skipped += (*not_utf8, *left)
    if not files:
        raise ArchiveError(
            f"{', '.join(map(str, paths))}: no files to index. Put transcripts there, or give another path."
        )
    return [files[source] for source in sorted(files)], sorted(skipped, key=lambda file: file.source)


def one_file(path: Path, *, limits: Limits | None = None) -> SourceFile:
    """A single transcript, with what stands beside it.

    Raises:
        ArchiveError: it is an archive of several files.
    """
    found = list(_expanded(path, path.name, limits or Limits()))
    if len(found) != 1:
        raise ArchiveError(f"{path}: an archive of {len(found)} files. Index it, or unpack the one that is meant.")
    lists = [_Found(beside, beside.name) for beside in _lists_beside(path)]
    files, _ = _sorted_out([*found, *lists], whole_folder=False)
    return next((file for file in files if file.path == found[0].path), SourceFile(path, path.name, None))


def find_people_file(paths: Sequence[Path]) -> Path | None:
    """The user's own list of people, at the top of one of the folders.

    Raises:
        ArchiveError: there are several, so that none of them can be trusted.
    """
    named = [(root, root / name) for root in paths for name in PEOPLE_FILES]
    found = [path for root, path in named if path.is_file() and not _leads_out(path, root)]
    if len(found) > 1:
        raise ArchiveError(f"{' and '.join(map(str, found))}: several lists of speakers. Keep one.")
    return found[0] if found else None


def digest_of(inputs: Mapping[str, str]) -> str:
    """One digest of all that an episode is made from, see `SourceFile.inputs`."""
    return hashlib.sha256(json.dumps(inputs, sort_keys=True).encode()).hexdigest()


def digest(path: Path) -> str:
    """The sha256 of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _found_below(root: Path, leave_out: Path, limits: Limits) -> tuple[list[_Found], list[SkippedFile]]:
    """The files of a folder and of its archives; a single file with the lists of episodes beside it."""
    if root.is_file():
        return [*_expanded(root, root.name, limits), *(_Found(path, path.name) for path in _lists_beside(root))], []
    found: list[_Found] = []
    skipped: list[SkippedFile] = []
    for path in _files_below(root, leave_out):
        source = path.relative_to(root).as_posix()
        if _is_utf8(source):
            found += [_Found(path, source, _LEADS_OUT)] if _leads_out(path, root) else _expanded(path, source, limits)
        else:
            shown = source.encode(errors="surrogateescape").decode(errors="replace")
            skipped.append(SkippedFile(shown, "its name is not UTF-8; rename it"))
    return found, skipped


def _leads_out(path: Path, root: Path) -> bool:
    """Whether a file of a folder is a link to somewhere else, whose words nobody meant to be indexed."""
    return not path.resolve().is_relative_to(root.resolve())


def _expanded(path: Path, source: str, limits: Limits) -> Iterator[_Found]:
    """A file, or the files in it where it is an archive."""
    if not is_archive(path):
        yield _Found(path, source, limits.refusal(_size(path)))
        return
    try:
        inside = [_Found(member, f"{source}/{member.place}", refusal) for member, refusal in members(path, limits)]
    except TranscriptError as error:
        inside = [_Found(path, source, error)]
    yield from inside or [_Found(path, source, TranscriptError("an empty archive.", remedy="Remove it."))]


def _lists_beside(path: Path) -> list[Path]:
    try:
        return sorted(other for other in path.parent.iterdir() if other != path and other.is_file() and is_list(other))
    except OSError:
        return []  # the folder is not to be listed; the file may still be read


def _sorted_out(found: Sequence[_Found], *, whole_folder: bool) -> tuple[list[SourceFile], list[SkippedFile]]:
    """What one path holds: transcripts and lists that are broken, and what is no transcript."""
    skipped: list[SkippedFile] = []
    lists: dict[str, Path | Member] = {}
    sidecars: list[_Found] = []
    transcripts: list[_Found] = []
    for file in found:
        if file.refusal is None and file.path.name.endswith(SIDECAR_SUFFIXES):
            sidecars.append(file)
        elif file.refusal is None and (reason := _not_meant(file.path)):
            skipped.append(SkippedFile(file.source, reason))
        elif file.refusal is None and is_list(file.path):
            lists[file.source] = file.path
        else:
            transcripts.append(file)
    stated = read_statements(lists, [file.source for file in transcripts], whole_folder=whole_folder)
    by_source = {file.source: file.path for file in found}
    refused = {file.path for file in found if file.refusal}
    files = [
        SourceFile(
            path=file.path,
            source=file.source,
            sidecar=None if file.refusal else _sidecar(file, by_source, refused),
            stated=tuple(stated.entries[file.source]),
            shows=tuple(stated.shows[file.source]),
            refusal=file.refusal,
        )
        for file in transcripts
    ]
    used = {file.sidecar for file in files}
    skipped += (SkippedFile(file.source, _BESIDE if file.path in used else _BESIDE_NONE) for file in sidecars)
    files += (SourceFile(lists[source], source, None, refusal=error) for source, error in stated.broken.items())
    skipped += (SkippedFile(source, told) for source, told in stated.read.items())
    return files, skipped


def _sidecar(file: _Found, by_source: Mapping[str, Path | Member], refused: Set[Path | Member]) -> Path | Member | None:
    if isinstance(file.path, Path):
        found = sidecar_of(file.path)
        return None if found in refused else found
    stem = PurePosixPath(file.source).with_suffix("")
    return next((by_source[f"{stem}{suffix}"] for suffix in SIDECAR_SUFFIXES if f"{stem}{suffix}" in by_source), None)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def digest_or_why(file: Path | Member) -> str:
    """The sha256 of a file's content, or why it cannot be read: another one is a change either way."""
    try:
        return digest(file) if isinstance(file, Path) else hashlib.sha256(file.read_bytes()).hexdigest()
    except OSError as error:
        return f"unreadable: {error.strerror}"
    except TranscriptError as error:
        return f"unreadable: {error.reason}"


def _files_below(root: Path, leave_out: Path) -> list[Path]:
    if not root.is_dir():
        raise ArchiveError(f"{root}: no such file or folder.")
    here = root.resolve()
    try:
        return sorted(
            path
            for path in root.rglob("*")
            if path.is_file()
            and not any(part.startswith(".") for part in path.relative_to(root).parts)
            and leave_out not in (here / path.relative_to(root)).parents
        )
    except OSError as error:
        raise ArchiveError(
            f"{error.filename or root}: cannot be looked through ({error.strerror}). Run this again when nothing moves "
            "it."
        ) from error


def _is_utf8(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _not_meant(path: Path | Member) -> str | None:
    if path.name in PEOPLE_FILES:
        return "the archive's list of speakers"
    name = PurePosixPath(path.name)
    if name.stem.casefold() in _NEVER_TRANSCRIPTS:
        return "about the folder, not a transcript"
    if name.suffix == ".jsonl" and _is_question_file(path):
        return "questions for `onrecord eval`"
    return None


def _is_question_file(path: Path | Member) -> bool:
    if isinstance(path, Member):
        first = path.beginning(100_000).split(b"\n", 1)[0]
    else:
        try:
            with path.open("rb") as file:
                first = file.readline(100_000)
        except OSError:
            return False  # so that it is read as a transcript, which says what is the matter
    try:
        question = json.loads(first.decode(errors="replace"))
    except (ValueError, RecursionError):
        return False
    return isinstance(question, dict) and "query" in question and "anchors" in question
