"""The index directory: immutable generations, and CURRENT, which names the live one.

    index/
      CURRENT                   one line: the id of the live generation
      .lock                     held by the one process that writes
      generations/<id>/
        manifest.json           what is in it: counts, checksums, model, settings
        …

A generation is written under a hidden name, flushed to disk, checked, renamed, and only then named in CURRENT
by an atomic replace: a reader sees the old index or the new one, whatever stops the writer.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from indexer.errors import ArchiveError, IndexBroken, IndexBusy, IndexMismatch, IndexMissing

FORMAT_VERSION = 4
CURRENT = "CURRENT"
GENERATIONS = "generations"
MANIFEST = "manifest.json"
REPORT = "report.json"
MADE = "made.json"
GENERATIONS_KEPT = 2
_BUILDING = ".building-"
_AT_ONCE = 4


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a generation holds. `inputs` maps every file that was read to its sha256; `engine`: see `vectors.Engine`."""

    id: str
    created: str
    format_version: int
    model: dict[str, Any]
    settings: dict[str, Any]
    counts: dict[str, int]
    engine: dict[str, Any]
    inputs: dict[str, str]
    files: dict[str, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Generation:
    """A generation on disk, whole and checked."""

    folder: Path
    manifest: Manifest

    def report(self) -> dict[str, Any]:
        """What the indexer reported when it built it."""
        return dict(json.loads((self.folder / REPORT).read_text(encoding="utf-8")))


def current_generation(index: Path) -> Generation:
    """The live generation, every file of it checked against its checksum.

    Raises:
        IndexMissing: there is no index.
        IndexBroken: a file is missing or altered, naming it.
        IndexMismatch: another format version wrote it.
    """
    return open_generation(_live_folder(index))


class Hold:
    """Keeps a generation on disk while somebody reads it, until it is let go or the process ends."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def release(self) -> None:
        os.close(self._descriptor)


def hold_current(index: Path) -> tuple[Generation, Hold]:
    """The live generation as `current_generation` gives it, which no writer removes before the hold is released."""
    folder = _live_folder(index)
    while (hold := _hold(folder)) is None:
        gone, folder = folder, _live_folder(index)
        if folder == gone:
            _read_manifest(folder / MANIFEST)  # raises what is wrong with it
    try:
        return open_generation(folder), hold
    except BaseException:
        hold.release()
        raise


def live_name(index: Path) -> str:
    """The id of the live generation, unchecked.

    Raises:
        IndexMissing, IndexBroken: CURRENT is not there or not readable.
    """
    return _live_folder(index).name


def open_generation(folder: Path) -> Generation:
    """A generation, checked as `current_generation` checks it."""
    manifest = _read_manifest(folder / MANIFEST)
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        list(pool.map(_check_file, (folder / name for name in manifest.files), manifest.files.values()))
    return Generation(folder, manifest)


@contextmanager
def writing(index: Path) -> Iterator[None]:
    """Holds the index for one writer.

    Raises:
        IndexBusy: another process holds it.
        ArchiveError: the directory holds something that is no index, or cannot be written.
    """
    _refuse_foreign_folder(index)
    try:
        (index / GENERATIONS).mkdir(parents=True, exist_ok=True)
        lock = (index / ".lock").open("a+", encoding="utf-8")
    except OSError as error:
        raise ArchiveError(f"{index}: cannot be written ({error.strerror}). Choose another --out.") from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            lock.seek(0)
            holder = lock.read().strip() or "unknown"
            raise IndexBusy(f"{index}: another indexer (process {holder}) is writing to it. Wait for it.") from error
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


@contextmanager
def new_folder(index: Path) -> Iterator[Path]:
    """An empty folder to build a generation in.

    It is gone afterwards, unless `publish` moved it, or a later run may go on from it: see `indexer.unfinished`.
    """
    folder = index / GENERATIONS / f"{_BUILDING}{time.time_ns()}"
    folder.mkdir()
    try:
        yield folder
    finally:
        if not (folder / MADE).exists():
            shutil.rmtree(folder, ignore_errors=True)


def building_folders(index: Path) -> list[Path]:
    """What runs have begun and not published. Whoever holds the index knows that nobody is at work there."""
    return list((index / GENERATIONS).glob(f"{_BUILDING}*"))


def publish(
    index: Path,
    folder: Path,
    *,
    model: dict[str, Any],
    settings: dict[str, Any],
    counts: dict[str, int],
    engine: dict[str, Any],
    inputs: dict[str, str],
) -> Generation:
    """Makes a built folder the live generation, and removes those that nobody needs any more."""
    created = datetime.now(UTC)
    paths = [
        path
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.endswith(".lock") and path.name != MADE
    ]
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        files = {
            path.relative_to(folder).as_posix(): {"bytes": path.stat().st_size, "sha256": digest}
            for path, digest in zip(paths, pool.map(_sha256, paths), strict=True)
        }
    manifest = Manifest(
        id="",
        created=created.isoformat(timespec="seconds").replace("+00:00", "Z"),
        format_version=FORMAT_VERSION,
        model=model,
        settings=settings,
        counts=counts,
        engine=engine,
        inputs=inputs,
        files=files,
    )
    name = f"{created:%Y%m%dT%H%M%SZ}-{_digest_of(asdict(manifest))}"
    manifest = replace(manifest, id=name)
    (folder / MANIFEST).write_text(json.dumps(asdict(manifest), indent=1, ensure_ascii=False), encoding="utf-8")
    _flush_tree(folder)
    (folder / MADE).unlink(missing_ok=True)
    final = index / GENERATIONS / name
    folder.rename(final)
    flush(final.parent)
    generation = open_generation(final)
    _name_current(index, name)
    _remove_old(index, keep=name)
    for unfinished in building_folders(index):
        shutil.rmtree(unfinished)
    return generation


def _live_folder(index: Path) -> Path:
    try:
        name = (index / CURRENT).read_text(encoding="utf-8").strip()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise IndexMissing(
            f"{index}: no index there. Make one with `onrecord index TRANSCRIPTS --out {index}`."
        ) from error
    except UnicodeDecodeError as error:
        raise IndexBroken(f"{index / CURRENT}: not readable ({error}). Run `onrecord index` again.") from error
    return index / GENERATIONS / name


def _hold(folder: Path) -> Hold | None:
    """A shared lock on a generation's manifest; None when it is gone, or a writer is removing it."""
    try:
        descriptor = os.open(folder / MANIFEST, os.O_RDONLY)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        if os.fstat(descriptor).st_nlink:
            return Hold(descriptor)
    except BlockingIOError:
        pass
    os.close(descriptor)
    return None


def _read_manifest(path: Path) -> Manifest:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise IndexBroken(f"{path}: missing. Run `onrecord index` again.") from error
    except ValueError as error:
        raise IndexBroken(f"{path}: not readable ({error}). Run `onrecord index` again.") from error
    version = content.get("format_version") if isinstance(content, dict) else None
    if version != FORMAT_VERSION:
        raise IndexMismatch(
            f"{path.parent}: index format {version}, this program reads format {FORMAT_VERSION}. "
            "Run `onrecord index` again with this version."
        )
    if content.get("id") != path.parent.name or not path.parent.name.endswith(f"-{_digest_of(content)}"):
        raise IndexBroken(f"{path}: its content was altered after it was written. Run `onrecord index` again.")
    return Manifest(**content)


def _digest_of(content: dict[str, Any]) -> str:
    """What a generation's name ends with, so that its manifest cannot change unseen."""
    rest = {key: value for key, value in content.items() if key != "id"}
    return hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()[:8]


def _check_file(path: Path, stated: dict[str, Any]) -> None:
    if not path.is_file():
        raise IndexBroken(f"{path}: missing. Run `onrecord index` again.")
    size = path.stat().st_size
    if size != stated["bytes"]:
        raise IndexBroken(f"{path}: {size} bytes, not the {stated['bytes']} written. Run `onrecord index` again.")
    if _sha256(path) != stated["sha256"]:
        raise IndexBroken(f"{path}: its content was altered after it was written. Run `onrecord index` again.")


def _refuse_foreign_folder(index: Path) -> None:
    if index.is_file():
        raise ArchiveError(f"{index}: a file. Choose a directory for --out.")
    if index.is_dir() and any(index.iterdir()) and not (index / GENERATIONS).is_dir():
        raise ArchiveError(f"{index}: holds files that are no index. Choose an empty or new directory for --out.")


def _name_current(index: Path, name: str) -> None:
    beside = index / f".{CURRENT}.new"
    beside.write_text(f"{name}\n", encoding="utf-8")
    flush(beside)
    beside.replace(index / CURRENT)
    flush(index)


def _remove_old(index: Path, *, keep: str) -> None:
    folders = (index / GENERATIONS).iterdir()
    spare = sorted((path for path in folders if not path.name.startswith(".") and path.name != keep), key=_age)
    for folder in spare[: len(spare) - (GENERATIONS_KEPT - 1)]:
        _remove_unless_held(folder)


def _age(folder: Path) -> tuple[str, int]:
    """Sorts by the second in the name; two of one second by when they were finished."""
    return folder.name.partition("-")[0], folder.stat().st_mtime_ns


def _remove_unless_held(folder: Path) -> None:
    """Removes a generation, or leaves it to a later writer while somebody reads it."""
    try:
        descriptor = os.open(folder / MANIFEST, os.O_RDONLY)
    except FileNotFoundError:
        shutil.rmtree(folder)
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(folder)
    except BlockingIOError:
        pass
    finally:
        os.close(descriptor)


def _flush_tree(folder: Path) -> None:
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        list(pool.map(flush, folder.rglob("*")))
    flush(folder)


def flush(path: Path) -> None:
    """Has what was written to a file, or the names in a folder, on disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
