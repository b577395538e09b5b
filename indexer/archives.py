"""Zip archives as folders: their members are read where they are, one at a time, and never unpacked to disk.

Refused, each by name and with the reason: what is encrypted, too large, packed suspiciously well or by a rare method, a
link, or an archive itself. A Word document is a zip too, and no folder.
"""

from __future__ import annotations

import io
import stat
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePosixPath

from indexer.errors import TranscriptError

_SIGNATURES = (b"PK\x03\x04", b"PK\x05\x06")
_DOCUMENT_PARTS = frozenset({"[Content_Types].xml", "mimetype", "META-INF/MANIFEST.MF"})
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_ENCRYPTED = 0x1
_MOST_RATIO = 200
_LEAST_SUSPICIOUS = 100_000
_MB = 1024 * 1024
_BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError, OSError)


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is read: of one file, and of one zip archive, unpacked. What is larger is refused.

    A Word document and a PDF are packed too: what their text unpacks to counts as the file.
    """

    max_file_mb: int = 64
    max_zip_mb: int = 1024
    max_zip_files: int = 10_000

    def refusal(self, size: int) -> TranscriptError | None:
        """Why a file of this many bytes is not read; None for one that is."""
        if size <= self.max_file_mb * _MB:
            return None
        return TranscriptError(
            f"it holds {size / _MB:,.1f} MB, more than {self.max_file_mb}.",
            remedy="Raise --max-file-mb (ONRECORD_MAX_FILE_MB), or split the file.",
        )

    def refusal_unpacked(self, size: int, packed: int) -> TranscriptError | None:
        """Why a file that unpacks to this many bytes, or more, is not read."""
        if size > self.max_file_mb * _MB:
            return TranscriptError(
                f"it unpacks to more than {self.max_file_mb} MB.",
                remedy="Raise --max-file-mb (ONRECORD_MAX_FILE_MB), or export the transcript as text.",
            )
        if size > max(_MOST_RATIO * packed, _LEAST_SUSPICIOUS):
            return TranscriptError(
                f"it unpacks to more than {_MOST_RATIO} times its size, as bombs do.",
                remedy="Export the transcript as text, if you trust the file.",
            )
        return None


DEFAULT_LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class Member:
    """A file inside an archive. `place` is its path there, without anything that would lead out of it."""

    archive: Path
    place: PurePosixPath
    info: zipfile.ZipInfo

    @property
    def name(self) -> str:
        return self.place.name

    def read_bytes(self) -> bytes:
        """The unpacked content.

        Raises:
            TranscriptError: the archive is broken here.
        """
        return self.beginning(self.info.file_size + 1)

    def beginning(self, size: int) -> bytes:
        """As `read_bytes`, no more than the first bytes."""
        try:
            with _opened(self.archive, self.archive.stat().st_mtime_ns).open(self.info) as file:
                return file.read(size)
        except _BROKEN as error:
            raise TranscriptError("the archive is broken here.", remedy="Make the archive again.") from error

    def __str__(self) -> str:
        return f"{self.archive}/{self.place}"


def is_archive(path: Path) -> bool:
    """Whether a file is a zip archive of files, whatever its name."""
    try:
        with path.open("rb") as file:
            if not file.read(4).startswith(_SIGNATURES):
                return False
    except OSError:
        return False
    try:
        return _DOCUMENT_PARTS.isdisjoint(_opened(path, path.stat().st_mtime_ns).namelist())
    except _BROKEN:
        return True


def members(path: Path, limits: Limits) -> Iterator[tuple[Member, TranscriptError | None]]:
    """The files of an archive, hidden ones left out, each with the reason why it is not read, if there is one.

    Raises:
        TranscriptError: the archive is broken or, unpacked, too large.
    """
    try:
        found = [info for info in _opened(path, path.stat().st_mtime_ns).infolist() if not info.is_dir()]
    except _BROKEN as error:
        raise TranscriptError(
            "a broken zip archive, or a broken document that is one inside, as .docx is.",
            remedy="Make the archive again, or save the document again.",
        ) from error
    _refuse_large(found, limits)
    seen: set[PurePosixPath] = set()
    for info in found:
        parts = [part for part in info.filename.replace("\\", "/").split("/") if part not in ("", ".", "..")]
        if not parts or any(part.startswith(".") or part == "__MACOSX" for part in parts):
            continue
        place = PurePosixPath(*parts)
        refusal = _refusal(Member(path, place, info), limits)
        while place in seen:
            place = place.with_name(f"{place.stem} (again){place.suffix}")
            refusal = TranscriptError("two files of the archive have this name.", remedy="Rename one of them.")
        seen.add(place)
        yield Member(path, place, info), refusal


def _refuse_large(found: list[zipfile.ZipInfo], limits: Limits) -> None:
    if len(found) > limits.max_zip_files:
        raise TranscriptError(
            f"it holds {len(found):,} files, more than {limits.max_zip_files:,}.",
            remedy="Raise --max-zip-files (ONRECORD_MAX_ZIP_FILES), or make several archives.",
        )
    size = sum(info.file_size for info in found)
    if size > limits.max_zip_mb * _MB:
        raise TranscriptError(
            f"it unpacks to {size / _MB:,.1f} MB, more than {limits.max_zip_mb:,}.",
            remedy="Raise --max-zip-mb (ONRECORD_MAX_ZIP_MB), or make several archives.",
        )


def _refusal(member: Member, limits: Limits) -> TranscriptError | None:
    info = member.info
    if info.flag_bits & _ENCRYPTED:
        return TranscriptError("it is encrypted.", remedy="Make the archive again without a password.")
    if info.file_size > max(_MOST_RATIO * info.compress_size, _LEAST_SUSPICIOUS):
        return TranscriptError(
            f"it unpacks to more than {_MOST_RATIO} times its size, as bombs do.",
            remedy="Unpack it yourself, if you trust it.",
        )
    if info.compress_type not in _METHODS:
        return TranscriptError("it is packed by a rare method.", remedy="Make the archive again, as a usual zip.")
    if stat.S_ISLNK(info.external_attr >> 16):
        return TranscriptError("it is a link.", remedy="Put the file itself into the archive.")
    too_large = limits.refusal(info.file_size)
    if too_large:
        return too_large
    try:
        is_nested = member.beginning(4).startswith(_SIGNATURES) and _holds_files(member.read_bytes())
    except TranscriptError as error:
        return error
    if is_nested:
        return TranscriptError("an archive inside an archive.", remedy="Unpack it, and index it beside the other.")
    return None


def _holds_files(data: bytes) -> bool:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return _DOCUMENT_PARTS.isdisjoint(archive.namelist())
    except _BROKEN:
        return True


@lru_cache(maxsize=1)
def _opened(path: Path, _changed: int) -> zipfile.ZipFile:
    """An archive, kept open for its next member; it closes when another takes its place."""
    return zipfile.ZipFile(path)
