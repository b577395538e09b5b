"""The index directory: immutable generations, and CURRENT, which names the live one.

    index/
      CURRENT                   one line: the id of the live generation
      .lock                     held by the one process that writes
      generations/<id>/
        manifest.json           what is in it: counts, checksums, model, settings
        made.json               there until it is named in CURRENT: it has never been live
        …

A generation is written under a hidden name, flushed to disk, checked, renamed, and only then named in CURRENT
by an atomic replace: a reader sees the old index or the new one, whatever stops the writer. What is removed loses its
name first. Ids sort in the order in which generations were made, also where the clock went back in between.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TextIO

from indexer.disk import is_full, not_written
from indexer.errors import ArchiveError, FormatMismatch, IndexBroken, IndexBusy, IndexMissing

FORMAT_VERSION = 4
CURRENT = "CURRENT"
GENERATIONS = "generations"
MANIFEST = "manifest.json"
REPORT = "report.json"
MADE = "made.json"
GENERATIONS_KEPT = 2
_BUILDING = ".building-"
_REMOVING = ".removing-"
_STAMP = "%Y%m%dT%H%M%SZ"
_AT_ONCE = 4
_LOOK_AGAIN_S = 0.1
# A service goes over to a new generation within a second, one request after the other.
LET_GO_S = 10.0


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
        FormatMismatch: another format version wrote it.
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
    while (held := hold_generation(folder)) is None:
        gone, folder = folder, _live_folder(index)
        if folder == gone:
            raise IndexBroken(f"{folder / MANIFEST}: missing. Run `onrecord index` again.")
    return held


def hold_generation(folder: Path) -> tuple[Generation, Hold] | None:
    """A generation as `open_generation` gives it, held; None where it is gone or being removed."""
    hold = hold_folder(folder)
    if hold is None:
        return None
    try:
        return open_generation(folder), hold
    except BaseException:
        hold.release()
        raise


@dataclass(frozen=True, slots=True)
class Earlier:
    """A generation that was live before: whole as far as some of its files go, and of whatever format version."""

    folder: Path
    id: str
    created: str


def earlier_generations(index: Path, live: Generation | None, *, needed: str, beside: str) -> list[Earlier]:
    """What a new generation follows: the live one and, where CURRENT was set back, those that came after it.

    Where the live one is not whole, or none is live, the one before it stands in.

    Args:
        live: the live generation if it is known to be whole.
        needed: the file that matters, and `beside` one more, where the generation was written with it.
    """
    folders = published_folders(index)
    named = live.folder if live else _named_folder(index)
    place = folders.index(named) if named in folders else len(folders) - 1
    base = Earlier(live.folder, live.manifest.id, live.manifest.created) if live else None
    before = reversed(folders[: place + 1])
    while base is None and (folder := next(before, None)):
        base = _earlier(folder, needed, beside)
    newer = (_earlier(folder, needed, beside) for folder in folders[place + 1 :])
    return [one for one in (base, *newer) if one]


def _named_folder(index: Path) -> Path | None:
    try:
        return _live_folder(index)
    except (IndexMissing, IndexBroken):
        return None


def _earlier(folder: Path, needed: str, beside: str) -> Earlier | None:
    try:
        content = _read_content(folder / MANIFEST)
        _refuse_altered(folder / MANIFEST, content)
        files = content.get("files", {})
        if needed not in files:
            return None
        for name in {needed, beside} & files.keys():
            _check_file(folder / name, files[name])
    except IndexBroken:
        return None
    return Earlier(folder, content["id"], content["created"])


def published_folders(index: Path) -> list[Path]:
    """The folders of the generations that were finished, be they whole or not, the oldest first.

    Raises:
        IndexMissing: there is no index.
    """
    if not (index / GENERATIONS).is_dir():
        _live_folder(index)
    folders = [path for path in (index / GENERATIONS).iterdir() if _is_named(path) and not _was_never_live(path)]
    return sorted(folders, key=_age)


def live_name(index: Path) -> str:
    """The id of the live generation, unchecked.

    Raises:
        IndexMissing, IndexBroken: CURRENT is not there or not readable.
    """
    return _live_folder(index).name


def named_generation(index: Path) -> str | None:
    """What CURRENT names, whether it is there and whole or not."""
    named = _named_folder(index)
    return named.name if named else None


def open_generation(folder: Path) -> Generation:
    """A generation, checked as `current_generation` checks it."""
    manifest = read_manifest(folder)
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        list(pool.map(_check_file, (folder / name for name in manifest.files), manifest.files.values()))
    return Generation(folder, manifest)


@contextmanager
def writing(index: Path) -> Iterator[None]:
    """Holds the index for one writer.

    Raises:
        IndexBusy: another process holds it.
        ArchiveError: the directory holds something that is no index.
        IndexNotWritten: its disk is full, read-only, failing, or without locks, now or before the block ends.
    """
    _refuse_foreign_folder(index)
    try:
        (index / GENERATIONS).mkdir(parents=True, exist_ok=True)
        with (index / ".lock").open("a+", encoding="utf-8") as lock:
            _lock(index, lock)
            _finish(index)
            yield
    except (NotADirectoryError, FileExistsError) as error:
        raise ArchiveError(f"{index}: cannot be written ({error.strerror}). Choose another --out.") from error
    except BrokenPipeError:
        raise  # whoever read what is printed has gone, which is no matter of the disk
    except OSError as error:
        raise not_written(index, error, live=_named_folder(index)) from error


def _lock(index: Path, lock: TextIO) -> None:
    """Locks the file for this process, whose end, however it comes, gives it free: what stands in it only tells."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        lock.seek(0)
        holder = lock.read().strip() or "that has just begun"
        raise IndexBusy(f"{index}: another indexer (process {holder}) is writing to it. Wait for it.") from error
    except OSError as error:
        raise ArchiveError(
            f"{index}: its file system has no locks ({error.strerror}), so that two indexers could not be kept apart. "
            "Choose an --out on another disk."
        ) from error
    lock.truncate(0)
    lock.write(f"{os.getpid()}, since {datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC")
    lock.flush()


def _finish(index: Path) -> None:
    """Does what a writer that was killed had left to do."""
    live = _named_folder(index)
    if live:
        (live / MADE).unlink(missing_ok=True)
    for folder in (index / GENERATIONS).glob(f"{_REMOVING}*"):
        shutil.rmtree(folder)


@contextmanager
def new_folder(index: Path) -> Iterator[Path]:
    """An empty folder to build a generation in.

    It is gone afterwards, unless `publish` moved it, or a later run may go on from it: see `indexer.unfinished`. A disk
    that is full is not left so: then it is gone whatever is in it.
    """
    folder = index / GENERATIONS / f"{_BUILDING}{time.time_ns()}"
    folder.mkdir()
    keep = True
    try:
        yield folder
    except BrokenPipeError:
        raise
    except OSError as error:
        keep = not is_full(error, folder)
        raise not_written(index, error, begun=folder, live=_named_folder(index)) from error
    finally:
        if not (keep and (folder / MADE).exists()):
            shutil.rmtree(folder, ignore_errors=True)


def building_folders(index: Path) -> list[Path]:
    """What runs have begun and not published. Whoever holds the index knows that nobody is at work there."""
    folders = (index / GENERATIONS).iterdir()
    return [path for path in folders if path.name.startswith(_BUILDING) or (_is_named(path) and _was_never_live(path))]


def publish(
    index: Path,
    folder: Path,
    *,
    model: dict[str, Any],
    settings: dict[str, Any],
    counts: dict[str, int],
    engine: dict[str, Any],
    inputs: dict[str, str],
    in_place_of: str | None = None,
) -> Generation:
    """Makes a built folder the live generation, and removes those that nobody needs any more.

    Args:
        folder: with its note of what was made, which says until then that it was never live.
        in_place_of: a generation that is broken, to be removed before any other.
    """
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
    name = f"{_stamp(index, created)}-{_digest_of(asdict(manifest))}"
    manifest = replace(manifest, id=name)
    (folder / MANIFEST).write_text(json.dumps(asdict(manifest), indent=1, ensure_ascii=False), encoding="utf-8")
    return make_live(index, folder, name, in_place_of=in_place_of)


def make_live(index: Path, folder: Path, name: str, *, in_place_of: str | None = None) -> Generation:
    """Makes a folder with its manifest, and its note of what was made, the live generation: see `publish`.

    Raises:
        IndexBroken: it is not as its manifest states it; then it is removed.
    """
    _flush_tree(folder)
    final = index / GENERATIONS / name
    folder.rename(final)
    flush(final.parent)
    try:
        generation = open_generation(final)
    except IndexBroken:
        remove(final)
        raise
    before = named_generation(index)
    name_current(index, name)
    (final / MADE).unlink(missing_ok=True)
    flush(final)
    if in_place_of and (broken := index / GENERATIONS / in_place_of).exists():
        remove_unless_held(broken)
    clear_away(index, generation, None if before == in_place_of else before)
    return generation


def clear_away(index: Path, live: Generation, before: str | None = None) -> None:
    """Removes the generations that are not kept, and what runs have begun.

    Args:
        before: what was live before, which is kept beside the live one; without it the newest other one is.
    """
    _remove_old(index, keep=live.manifest.id, first=before)
    for begun in building_folders(index):
        remove(begun)


def remove(folder: Path) -> None:
    """Removes a folder of `generations`: whatever stops it, nothing half removed is left under its name."""
    gone = folder.with_name(f"{_REMOVING}{folder.name}")
    folder.rename(gone)
    shutil.rmtree(gone)


def _stamp(index: Path, now: datetime) -> str:
    """The second in a generation's name: now, or the first after all others where that has been taken or is past."""
    taken = [now - timedelta(seconds=1)]
    for folder in (index / GENERATIONS).iterdir():
        with suppress(ValueError):
            taken.append(datetime.strptime(folder.name.partition("-")[0], _STAMP).replace(tzinfo=UTC))
    return f"{max(taken) + timedelta(seconds=1):{_STAMP}}"


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


def hold_folder(folder: Path) -> Hold | None:
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


def read_manifest(folder: Path) -> Manifest:
    """What a generation holds, by its manifest alone.

    Raises:
        IndexBroken: it is missing or altered.
        FormatMismatch: another format version wrote it.
    """
    return manifest_in(_read_content(folder / MANIFEST), folder / MANIFEST)


def manifest_in(content: dict[str, Any], path: Path) -> Manifest:
    """The same, of what stands in a manifest.

    Args:
        path: what to call it in errors; its folder has the generation's name.
    """
    version = content.get("format_version")
    if version != FORMAT_VERSION:
        raise FormatMismatch(
            f"{path.parent}: index format {version}, this program reads format {FORMAT_VERSION}. "
            "Run `onrecord index` again with this version."
        )
    _refuse_altered(path, content)
    return Manifest(**content)


def _read_content(path: Path) -> dict[str, Any]:
    """A manifest of whatever format version; empty where it is no manifest."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise IndexBroken(f"{path}: missing. Run `onrecord index` again.") from error
    except ValueError as error:
        raise IndexBroken(f"{path}: not readable ({error}). Run `onrecord index` again.") from error
    return content if isinstance(content, dict) else {}


def _refuse_altered(path: Path, content: dict[str, Any]) -> None:
    if content.get("id") != path.parent.name or not path.parent.name.endswith(f"-{_digest_of(content)}"):
        raise IndexBroken(f"{path}: its content was altered after it was written. Run `onrecord index` again.")


def _digest_of(content: dict[str, Any]) -> str:
    """What a generation's name ends with, so that its manifest cannot change unseen."""
    rest = {key: value for key, value in content.items() if key != "id"}
    return hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()[:8]


def _check_file(path: Path, stated: dict[str, Any]) -> None:
    if problem := file_problem(path, stated):
        raise IndexBroken(f"{path}: {problem}. Run `onrecord index` again.")


def file_problem(path: Path, stated: dict[str, Any]) -> str | None:
    """What is wrong with a file, by what the manifest states of it; None where nothing is."""
    if not path.is_file():
        return "missing"
    size = path.stat().st_size
    if size != stated["bytes"]:
        return f"{size} bytes, not the {stated['bytes']} written"
    if _sha256(path) != stated["sha256"]:
        return "its content was altered after it was written"
    return None


def _refuse_foreign_folder(index: Path) -> None:
    if index.is_file():
        raise ArchiveError(f"{index}: a file. Choose a directory for --out.")
    if index.is_dir() and any(index.iterdir()) and not (index / GENERATIONS).is_dir():
        raise ArchiveError(f"{index}: holds files that are no index. Choose an empty or new directory for --out.")


def name_current(index: Path, name: str) -> None:
    """Makes a published generation the live one, in one step."""
    beside = index / f".{CURRENT}.new"
    beside.write_text(f"{name}\n", encoding="utf-8")
    flush(beside)
    beside.replace(index / CURRENT)
    flush(index)


def remove_when_let_go(folders: Iterable[Path], *, wait_s: float) -> list[str]:
    """Removes generations as soon as nobody reads them.

    Args:
        wait_s: how long to wait for those who do, to let them go over to the live one.

    Returns:
        The names of those that are still read.
    """
    end = time.monotonic() + wait_s
    left = list(folders)
    while left := [folder for folder in left if not remove_unless_held(folder)]:
        if time.monotonic() > end:
            break
        time.sleep(_LOOK_AGAIN_S)
    return sorted(folder.name for folder in left)


def _remove_old(index: Path, *, keep: str, first: str | None) -> None:
    spare = sorted(
        (path for path in published_folders(index) if path.name != keep), key=lambda path: path.name == first
    )
    for folder in spare[: len(spare) - (GENERATIONS_KEPT - 1)]:
        remove_unless_held(folder)


def _is_named(folder: Path) -> bool:
    return not folder.name.startswith(".")


def _was_never_live(folder: Path) -> bool:
    return (folder / MADE).exists()


def _age(folder: Path) -> tuple[str, int]:
    """Sorts by the second in the name; two of one second, as older programs named them, by when they were finished."""
    return folder.name.partition("-")[0], folder.stat().st_mtime_ns


def remove_unless_held(folder: Path) -> bool:
    """Removes a generation, or leaves it to a later writer while somebody reads it; whether it is gone."""
    try:
        descriptor = os.open(folder / MANIFEST, os.O_RDONLY)
    except FileNotFoundError:
        remove(folder)
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        remove(folder)
    except BlockingIOError:
        return False
    finally:
        os.close(descriptor)
    return True


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
