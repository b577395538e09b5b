"""A backup is one whole generation or refused, and what is restored from it is what was backed up."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import signal
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from embeddings.fake import FakeEmbedder
from indexer import generations
from indexer.backup import back_up, restore
from indexer.errors import BackupBroken, FormatMismatch, IndexBroken, IndexBusy, IndexMissing, IndexNotWritten
from indexer.generations import MANIFEST, current_generation, hold_folder, live_name, published_folders, writing
from indexer.soundness import examine_index
from service.archive import open_archive
from tests.conftest import ROOT
from tests.disks import small_disk
from tests.indexer.making import content, index, interview, no_progress, write


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("built")
    write(folder / "talks" / "harbours.md", interview("harbours", answers=5))
    index(folder / "talks", folder / "index")
    write(folder / "talks" / "weirs.md", interview("weirs"))
    index(folder / "talks", folder / "index")
    back_up(folder / "index", folder / "backup.tar", no_progress)
    return folder


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def files_of(out: Path) -> dict[str, str]:
    generation = current_generation(out)
    return {
        name: hashlib.sha256((generation.folder / name).read_bytes()).hexdigest()
        for name in [*generation.manifest.files, MANIFEST]
    }


def test_what_is_restored_is_what_was_backed_up(built: Path, tmp_path: Path) -> None:
    restored = restore(built / "backup.tar", tmp_path / "new" / "index", no_progress)
    assert restored.manifest == current_generation(built / "index").manifest
    assert files_of(tmp_path / "new" / "index") == files_of(built / "index")
    assert examine_index(tmp_path / "new" / "index").is_sound
    # It is an index as any other: nothing is to be done, and what is done goes on from it.
    talks = shutil.copytree(built / "talks", tmp_path / "talks")
    assert not index(talks, tmp_path / "new" / "index").changed
    write(talks / "tunnels.md", interview("tunnels"))
    assert index(talks, tmp_path / "new" / "index").report["vectors_reused"] > 0


def test_what_was_live_is_kept_beside_what_is_restored(built: Path, tmp_path: Path) -> None:
    write(tmp_path / "talks" / "tunnels.md", interview("tunnels"))
    out = tmp_path / "index"
    old = index(tmp_path / "talks", out).generation
    assert old is not None
    restored = restore(built / "backup.tar", out, no_progress)
    assert live_name(out) == restored.manifest.id
    assert {folder.name for folder in published_folders(out)} == {old.manifest.id, restored.manifest.id}


def test_a_generation_that_is_there_already_is_named_and_mended_where_it_is_spoiled(
    built: Path, tmp_path: Path
) -> None:
    out = shutil.copytree(built / "index", tmp_path / "index")
    live = live_name(out)
    write(tmp_path / "talks" / "tunnels.md", interview("tunnels"))
    index(tmp_path / "talks", out)
    assert restore(built / "backup.tar", out, no_progress).manifest.id == live_name(out) == live
    (current_generation(out).folder / "passages.npy").unlink()
    restore(built / "backup.tar", out, no_progress)
    assert files_of(out) == files_of(built / "index")


def test_a_spoiled_generation_that_somebody_reads_is_not_pulled_away(built: Path, tmp_path: Path) -> None:
    out = shutil.copytree(built / "index", tmp_path / "index")
    spoiled_one = current_generation(out).folder
    (spoiled_one / "passages.npy").unlink()
    hold = hold_folder(spoiled_one)
    assert hold is not None
    with pytest.raises(IndexBusy, match="stop the service, and restore the backup again"):
        restore(built / "backup.tar", out, no_progress)
    assert (spoiled_one / "catalog.sqlite").exists()
    hold.release()
    restore(built / "backup.tar", out, no_progress)
    assert files_of(out) == files_of(built / "index")


def test_it_is_read_by_any_program_for_tar(built: Path, tmp_path: Path) -> None:
    subprocess.run(["tar", "-xf", built / "backup.tar", "-C", tmp_path], check=True)
    name = live_name(built / "index")
    assert (tmp_path / name / MANIFEST).read_bytes() == (
        current_generation(built / "index").folder / MANIFEST
    ).read_bytes()


def test_a_backup_never_takes_the_place_of_a_file(built: Path, tmp_path: Path) -> None:
    there = write(tmp_path / "backup.tar", "precious")
    with pytest.raises(IndexNotWritten, match="is there already"):
        back_up(built / "index", there, no_progress)
    assert there.read_text(encoding="utf-8") == "precious"
    with pytest.raises(IndexNotWritten, match=r"nowhere.*cannot be written"):
        back_up(built / "index", tmp_path / "nowhere" / "backup.tar", no_progress)
    assert names_in(tmp_path) == ["backup.tar"]


def test_what_is_spoiled_is_not_backed_up(built: Path, tmp_path: Path) -> None:
    out = shutil.copytree(built / "index", tmp_path / "index")
    (current_generation(out).folder / "passages.faiss").unlink()
    with pytest.raises(IndexBroken, match=r"passages\.faiss: missing"):
        back_up(out, tmp_path / "backup.tar", no_progress)
    with pytest.raises(IndexMissing):
        back_up(tmp_path / "none", tmp_path / "backup.tar", no_progress)
    assert not (tmp_path / "backup.tar").exists()


def test_a_backup_is_taken_while_an_indexer_writes_and_the_generation_is_kept_for_it(
    built: Path, tmp_path: Path
) -> None:
    out = shutil.copytree(built / "index", tmp_path / "index")
    old = live_name(out)
    talks = shutil.copytree(built / "talks", tmp_path / "talks")

    def publish_meanwhile(stage: str, done: int, total: int) -> None:
        if done == 2:
            for topic in ("tunnels", "bridges", "locks"):
                write(talks / f"{topic}.md", interview(topic))
                index(talks, out)

    assert back_up(out, tmp_path / "backup.tar", publish_meanwhile).manifest.id == old
    assert live_name(out) != old
    restore(tmp_path / "backup.tar", tmp_path / "restored", no_progress)
    assert files_of(tmp_path / "restored") == files_of(built / "index")


def spoiled(built: Path, change: Callable[[bytearray], None], tmp_path: Path) -> Path:
    stored = bytearray((built / "backup.tar").read_bytes())
    change(stored)
    path = tmp_path / "spoiled.tar"
    path.write_bytes(stored)
    return path


def test_a_backup_with_a_flipped_byte_or_a_missing_end_is_never_live(built: Path, tmp_path: Path) -> None:
    write(tmp_path / "talks" / "tunnels.md", interview("tunnels"))
    out = tmp_path / "index"
    index(tmp_path / "talks", out)
    before = files_of(out)
    size = (built / "backup.tar").stat().st_size
    for place in range(40):
        at = place * size // 40 + 100

        def flip(stored: bytearray, at: int = at) -> None:
            stored[min(at, len(stored) - 1)] ^= 1

        def cut(stored: bytearray, at: int = at) -> None:
            del stored[at:]

        for change in (flip, cut):
            path = spoiled(built, change, tmp_path)
            try:
                restore(path, out, no_progress)
            except (BackupBroken, IndexBroken, FormatMismatch):
                assert files_of(out) == before
            else:  # a byte that nobody reads, between two files
                assert files_of(out) == files_of(built / "index")
                shutil.rmtree(out)
                index(tmp_path / "talks", out)
                before = files_of(out)
            assert not [path for path in (out / "generations").iterdir() if path.name.startswith(".")]


def forged(built: Path, path: Path, *members: tarfile.TarInfo, **stated: object) -> Path:
    """A backup whose manifest agrees with itself, and says what is stated; with more members behind it."""
    with tarfile.open(built / "backup.tar") as tar:
        entries = [(member, tar.extractfile(member)) for member in tar.getmembers()]
        manifest = json.loads(entries[0][1].read())  # type: ignore[union-attr]
        manifest = {**manifest, **{key: value for key, value in stated.items() if key != "files"}}
        manifest["files"] = {**manifest["files"], **(stated.get("files") or {})}  # type: ignore[dict-item]
        manifest["id"] = f"{stated.get('id', '20990101T000000Z')}-{generations._digest_of(manifest)}"
        with tarfile.open(path, "w") as written:
            stored = json.dumps(manifest).encode()
            head = tarfile.TarInfo(f"{manifest['id']}/{MANIFEST}")
            head.size = len(stored)
            written.addfile(head, io.BytesIO(stored))
            for member in members:
                written.addfile(member, io.BytesIO(b"x" * member.size))
            for member, content_of in entries[1:]:
                member.name = f"{manifest['id']}/{member.name.partition('/')[2]}"
                written.addfile(member, content_of)
    return path


def member(name: str, kind: bytes = tarfile.REGTYPE, size: int = 3) -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.type, made.size = kind, size if kind == tarfile.REGTYPE else 0
    made.linkname = "/etc/passwd"
    return made


@pytest.mark.parametrize(
    "more",
    [
        member("../escaped"),
        member("/tmp/escaped"),
        member("catalog.sqlite"),
        member("x", tarfile.SYMTYPE),
        member("x", tarfile.LNKTYPE),
        member("x", tarfile.CHRTYPE),
        member("x", tarfile.DIRTYPE),
    ],
    ids=lambda one: f"{one.name}-{one.type!r}",
)
def test_nothing_but_what_the_manifest_states_is_unpacked(more: tarfile.TarInfo, built: Path, tmp_path: Path) -> None:
    path = forged(built, tmp_path / "forged.tar", more)
    with pytest.raises(BackupBroken, match="which its manifest does not state"):
        restore(path, tmp_path / "index", no_progress)
    assert names_in(tmp_path) == ["forged.tar", "index"]
    assert names_in(tmp_path / "index" / "generations") == []


@pytest.mark.parametrize(
    "name", ["../escaped", "/tmp/escaped", "a/../../escaped", "a//b", "made.json", "manifest.json", "a\\b", "", "x\0y"]
)
def test_a_manifest_that_names_other_places_is_refused(name: str, built: Path, tmp_path: Path) -> None:
    path = forged(built, tmp_path / "forged.tar", files={name: {"bytes": 3, "sha256": "0" * 64}})
    with pytest.raises(BackupBroken, match="names files that no index has"):
        restore(path, tmp_path / "index", no_progress)
    assert names_in(tmp_path) == ["forged.tar"]


@pytest.mark.parametrize("stated", [{"files": {"x.npy": 3}}, {"files": {"x.npy": {"sha256": "0"}}}, {"more": 1}])
def test_a_manifest_of_another_shape_is_refused(stated: dict[str, object], built: Path, tmp_path: Path) -> None:
    with pytest.raises(BackupBroken, match="altered"):
        restore(forged(built, tmp_path / "forged.tar", **stated), tmp_path / "index", no_progress)


def test_another_format_version_is_told(built: Path, tmp_path: Path) -> None:
    path = forged(built, tmp_path / "forged.tar", format_version=99)
    with pytest.raises(FormatMismatch, match="index format 99"):
        restore(path, tmp_path / "index", no_progress)
    assert names_in(tmp_path) == ["forged.tar"]


def test_what_is_no_backup_is_told(tmp_path: Path, built: Path) -> None:
    text = write(tmp_path / "notes.txt", "A note.\n" * 1000)
    with tarfile.open(tmp_path / "other.tar", "w") as tar:
        tar.add(text, "notes.txt")
    shutil.make_archive(str(tmp_path / "zipped"), "gztar", built / "talks")
    (tmp_path / "empty").write_bytes(b"")
    for path in (
        text,
        tmp_path / "other.tar",
        tmp_path / "zipped.tar.gz",
        tmp_path / "empty",
        tmp_path,
        built / "none",
    ):
        with pytest.raises(BackupBroken, match=str(path)):
            restore(path, tmp_path / "index", no_progress)
    assert not (tmp_path / "index").exists()


def test_two_do_not_write_at_once(built: Path, tmp_path: Path) -> None:
    with writing(tmp_path / "index"), pytest.raises(IndexBusy):
        restore(built / "backup.tar", tmp_path / "index", no_progress)


def test_a_full_disk_leaves_nothing_behind(built: Path, tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", kilobytes=60) as disk:
        with pytest.raises(IndexNotWritten):
            back_up(built / "index", disk / "backup.tar", no_progress)
        assert names_in(disk) == []
        with pytest.raises(IndexNotWritten, match="no space is left"):
            restore(built / "backup.tar", disk / "index", no_progress)
        assert names_in(disk / "index" / "generations") == []


_KILLED = """
import os, signal, sys
from pathlib import Path
from indexer import generations
from indexer.backup import back_up, restore

def die(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)

what, moment, *paths = sys.argv[1:]
if moment == "naming":
    generations.name_current = die
def progress(stage, done, total):
    if moment == "halfway" and done == 3:
        die()
{"backup": back_up, "restore": restore}[what](*map(Path, paths), progress)
"""


@pytest.mark.parametrize(("what", "moment"), [("backup", "halfway"), ("restore", "halfway"), ("restore", "naming")])
def test_kill_9_leaves_the_old_index_and_the_next_try_completes(
    what: str, moment: str, built: Path, tmp_path: Path
) -> None:
    write(tmp_path / "talks" / "tunnels.md", interview("tunnels"))
    out = tmp_path / "index"
    index(tmp_path / "talks", out)
    before = content(out)
    paths = [out, tmp_path / "new.tar"] if what == "backup" else [built / "backup.tar", out]
    command = [sys.executable, "-c", _KILLED, what, moment, *map(str, paths)]
    killed = subprocess.run(command, cwd=ROOT, check=False, capture_output=True)
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()
    assert not (tmp_path / "new.tar").exists()
    assert content(out) == before
    archive = open_archive(out, embedder=FakeEmbedder())
    archive.close()
    if what == "backup":
        back_up(out, tmp_path / "new.tar", no_progress)
        restore(tmp_path / "new.tar", tmp_path / "again", no_progress)
        assert content(tmp_path / "again") == before
    else:
        restore(built / "backup.tar", out, no_progress)
        assert content(out) == content(built / "index")
