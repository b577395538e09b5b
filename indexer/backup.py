"""The live generation as one file, and back: a tar, first the manifest, then every file that it states.

It is not compressed: what unpacks to more than it holds cannot be, and vectors hardly shrink. What is in it is known by
the manifest's checksums, and the manifest by the generation's name.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO

from indexer.errors import BackupBroken, IndexBroken, IndexBusy, IndexNotWritten
from indexer.generations import (
    GENERATIONS,
    MADE,
    MANIFEST,
    Generation,
    Manifest,
    flush,
    hold_current,
    make_live,
    manifest_in,
    name_current,
    new_folder,
    open_generation,
    remove_unless_held,
    writing,
)
from indexer.progress import Progress

_MAX_MANIFEST_BYTES = 256_000_000
_PIECE = 1_048_576
_NAME = re.compile(r"\.?[A-Za-z0-9_-][A-Za-z0-9_.-]{0,199}")


def back_up(index: Path, file: Path, progress: Progress) -> Generation:
    """Writes the live generation to a file, while others read it or write the next one.

    The file has its name once it is whole and on the disk.

    Raises:
        IndexMissing, IndexBroken, IndexMismatch: there is nothing sound to back up.
        IndexNotWritten: the file is there already, or cannot be written.
    """
    if file.exists():
        raise IndexNotWritten(f"{file}: is there already. Choose another name, or remove it.")
    generation, hold = hold_current(index)
    beside = file.with_name(f".{file.name}.{os.getpid()}.new")
    try:
        _pack(generation, beside, progress)
        flush(beside)
        beside.rename(file)
        flush(file.parent)
    except OSError as error:
        raise IndexNotWritten(
            f"{file}: cannot be written ({error.strerror or error}). Free space there, or choose another place."
        ) from error
    finally:
        beside.unlink(missing_ok=True)
        hold.release()
    return generation


def restore(file: Path, index: Path, progress: Progress) -> Generation:
    """Makes the generation in a backup the live one of an index, which need not be there yet.

    What was live stays, as the one before it. Until everything is checked, nothing of the backup is live.

    Raises:
        BackupBroken: the file is none of ours, or not whole.
        IndexMismatch: another format version wrote it.
        IndexBusy: another process writes there, or reads a spoiled copy of that generation.
        IndexNotWritten: as `build_index`.
    """
    with _opened(file) as tar:
        manifest, stored = _manifest(file, tar)
        with writing(index):
            there = index / GENERATIONS / manifest.id
            if there.exists():
                try:
                    generation = open_generation(there)
                except IndexBroken as error:
                    if not remove_unless_held(there):
                        raise IndexBusy(
                            f"{error} Somebody still reads it: stop the service, and restore the backup again."
                        ) from error
                else:
                    name_current(index, manifest.id)
                    (there / MADE).unlink(missing_ok=True)
                    return generation
            with new_folder(index) as folder:
                _unpack(file, tar, manifest, folder, progress)
                (folder / MANIFEST).write_bytes(stored)
                (folder / MADE).write_text(json.dumps({"writer": "restore"}), encoding="utf-8")
                return make_live(index, folder, manifest.id)


def _pack(generation: Generation, path: Path, progress: Progress) -> None:
    names = [MANIFEST, *generation.manifest.files]
    with tarfile.open(path, "x", format=tarfile.PAX_FORMAT) as tar:
        for done, name in enumerate(names):
            progress("Packing files", done, len(names))
            tar.add(generation.folder / name, f"{generation.manifest.id}/{name}", recursive=False, filter=_nobodys)
    progress("Packing files", len(names), len(names))


def _nobodys(member: tarfile.TarInfo) -> tarfile.TarInfo:
    """Whose the files were here is of no use elsewhere."""
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    member.mode = 0o644
    return member


@contextmanager
def _opened(file: Path) -> Iterator[tarfile.TarFile]:
    try:
        tar = tarfile.open(file, "r:")  # noqa: SIM115  closed below
    except tarfile.TarError as error:
        raise BackupBroken(f"{file}: no backup of an index ({error}). `onrecord backup` makes one.") from error
    except OSError as error:
        raise BackupBroken(f"{file}: cannot be read ({error.strerror}).") from error
    with tar:
        try:
            yield tar
        except tarfile.TarError as error:
            raise BackupBroken(f"{file}: not whole ({error}). Take another backup.") from error


def _manifest(file: Path, tar: tarfile.TarFile) -> tuple[Manifest, bytes]:
    """The manifest, and as it is stored."""
    member = tar.next()
    parts = PurePosixPath(member.name).parts if member else ()
    if not (member and _is_plain(member) and parts[1:] == (MANIFEST,) and member.size <= _MAX_MANIFEST_BYTES):
        raise BackupBroken(f"{file}: no backup of an index: it does not begin with a manifest.")
    stored = _content(tar, member).read()
    try:
        content = json.loads(stored)
        manifest = manifest_in(content if isinstance(content, dict) else {}, file / member.name)
    except (ValueError, TypeError, IndexBroken) as error:
        raise BackupBroken(f"{file}: its manifest was altered. Take another backup.") from error
    sizes = [stated.get("bytes") if isinstance(stated, dict) else None for stated in manifest.files.values()]
    names = (manifest.id, *(part for name in manifest.files for part in name.split("/")))
    if manifest.id.startswith(".") or not all(map(_NAME.fullmatch, names)) or {MADE, MANIFEST} & manifest.files.keys():
        raise BackupBroken(f"{file}: its manifest names files that no index has.")
    if not all(isinstance(size, int) for size in sizes):
        raise BackupBroken(f"{file}: its manifest was altered. Take another backup.")
    return manifest, stored


def _unpack(file: Path, tar: tarfile.TarFile, manifest: Manifest, folder: Path, progress: Progress) -> None:
    """Every file that the manifest states, and no other, once each, as long as it is stated to be."""
    wanted = dict(manifest.files)
    while member := tar.next():
        folder_name, _, name = member.name.partition("/")
        if folder_name != manifest.id or name not in wanted or not _is_plain(member):
            raise BackupBroken(f"{file}: holds {member.name!r}, which its manifest does not state.")
        if member.size != wanted.pop(name)["bytes"]:
            raise BackupBroken(f"{file}: {name} has {member.size} bytes, not those that its manifest states.")
        progress("Unpacking files", len(manifest.files) - len(wanted), len(manifest.files))
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        with path.open("xb") as target:
            shutil.copyfileobj(_content(tar, member), target, _PIECE)
    if wanted:
        raise BackupBroken(f"{file}: not whole: it lacks {', '.join(sorted(wanted))}. Take another backup.")


def _content(tar: tarfile.TarFile, member: tarfile.TarInfo) -> IO[bytes]:
    content = tar.extractfile(member)
    assert content is not None
    return content


def _is_plain(member: tarfile.TarInfo) -> bool:
    return member.isreg() and not member.issparse()
