"""Whatever is wrong with a file of an index is found and named, and made anew out of the catalog where that can be."""

from __future__ import annotations

import json
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict
from pathlib import Path

import pytest

from embeddings.fake import FakeEmbedder
from indexer import generations
from indexer.catalog import CATALOG_FILE
from indexer.errors import IndexBroken, IndexMismatch
from indexer.generations import (
    MANIFEST,
    Manifest,
    current_generation,
    hold_folder,
    live_name,
    open_generation,
    published_folders,
)
from indexer.repair import remove_unsound, repair_index
from indexer.retired import RETIRED_FILE
from indexer.soundness import examine_index
from service.archive import open_archive
from service.search import Search, search
from tests.conftest import ROOT
from tests.indexer.making import content, index, interview, never_loaded, no_progress, write

ASKED = "What did you learn about tunnels in year 1?"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two generations, the second of which remembers ids that the first one held."""
    folder = tmp_path_factory.mktemp("built")
    talks = folder / "talks"
    write(talks / "harbours.md", interview("harbours", answers=20))
    write(talks / "weirs.md", interview("weirs"))
    index(talks, folder / "index")
    (talks / "weirs.md").unlink()
    write(talks / "tunnels.md", interview("tunnels", answers=30))
    index(talks, folder / "index")
    return folder


@pytest.fixture
def out(built: Path, tmp_path: Path) -> Path:
    shutil.copytree(built / "index", tmp_path / "index")
    return tmp_path / "index"


def flip(place: float) -> Callable[[Path, Path], None]:
    def spoil(path: Path, _: Path) -> None:
        stored = bytearray(path.read_bytes())
        stored[min(int(place * len(stored)), len(stored) - 1)] ^= 1
        path.write_bytes(stored)

    return spoil


def cut_short(path: Path, _: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def empty(path: Path, _: Path) -> None:
    path.write_bytes(b"")


def remove(path: Path, _: Path) -> None:
    path.unlink()


def swap(path: Path, other: Path) -> None:
    """Puts the file of that name of another generation in its place."""
    source = other / path.name
    if not source.is_file():
        source = other / CATALOG_FILE
    shutil.copyfile(source, path)


SPOILERS = (flip(0), flip(0.5), flip(1), cut_short, empty, remove, swap)


def load(_: str) -> FakeEmbedder:
    return FakeEmbedder()


def test_a_fresh_index_is_sound(built: Path) -> None:
    examination = examine_index(built / "index")
    assert examination.is_sound
    assert [one.is_live for one in examination.generations] == [True, False]
    assert [(one.faults, one.foreign) for one in examination.generations] == [((), ()), ((), ())]
    assert RETIRED_FILE in current_generation(built / "index").manifest.files


def test_every_file_however_spoiled_is_named_and_never_answered_from(out: Path) -> None:
    generation = current_generation(out)
    other = published_folders(out)[0]
    assert other != generation.folder
    for name in [*sorted(generation.manifest.files), MANIFEST]:
        path = generation.folder / name
        kept = path.read_bytes()
        for spoil in SPOILERS:
            spoil(path, other)
            if path.exists() and path.read_bytes() == kept:
                continue  # of the same content in both generations
            with pytest.raises((IndexBroken, IndexMismatch)) as refused:
                open_archive(out, embedder=FakeEmbedder())
            assert name in str(refused.value) or name == MANIFEST, (name, spoil)
            [live, sound] = examine_index(out).generations
            assert [fault.path for fault in live.faults] == [path], (name, spoil)
            assert sound.faults == ()
            path.write_bytes(kept)
    assert examine_index(out).is_sound


def test_a_file_that_is_not_its_own_is_told_and_does_no_harm(out: Path) -> None:
    folder = current_generation(out).folder
    (folder / "notes.txt").write_text("mine", encoding="utf-8")
    examination = examine_index(out)
    assert examination.generations[0].foreign == (folder / "notes.txt",)
    assert examination.is_sound


def restate(folder: Path) -> Path:
    """Writes a manifest that agrees with the files as they are now, as whoever means harm would."""
    content = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    for name in content["files"]:
        path = folder / name
        content["files"][name] = {"bytes": path.stat().st_size, "sha256": generations._sha256(path)}
    content["id"] = f"{folder.name.partition('-')[0]}-{generations._digest_of(content)}"
    (folder / MANIFEST).write_text(json.dumps(content), encoding="utf-8")
    renamed = folder.with_name(content["id"])
    folder.rename(renamed)
    generations.name_current(folder.parents[1], renamed.name)
    return renamed


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("UPDATE passages SET char_end = char_end + 5000 WHERE number = 3", "1 passages that do not lie within"),
        ("UPDATE passages SET voice = voice + 1 WHERE number = 3", "1 passages that do not lie within"),
        ("UPDATE turns SET text = text || ' indeed' WHERE number = 1 AND episode = 0", "1 turns whose place is not"),
        ("UPDATE questions SET char_start = 0, char_end = 99999 WHERE number = 2", "1 questions that do not lie"),
        ("UPDATE turns SET text = replace(text, 'measured', 'mistaken')", "passages whose words are not those"),
        ("DELETE FROM passages WHERE number = 4", "1 passages whose numbers are left out"),
        ("DELETE FROM turns WHERE number = 2 AND episode = 0", "passages that do not lie within"),
    ],
)
def test_what_files_say_against_each_other_is_found_where_every_checksum_agrees(
    statement: str, told: str, out: Path
) -> None:
    folder = current_generation(out).folder
    with closing(sqlite3.connect(folder / CATALOG_FILE)) as db, db:
        db.execute(statement)
    restated = restate(folder)
    assert open_generation(restated)
    faults = examine_index(out).generations[0].faults
    assert any(told in fault.problem for fault in faults), faults


def test_vectors_of_another_index_are_found_where_every_checksum_agrees(out: Path) -> None:
    folder, other = current_generation(out).folder, published_folders(out)[0]
    for name in ("passages.npy", "sentences.npy", "lexical/episodes.npy"):
        shutil.copyfile(other / name, folder / name)
    restate(folder)
    problems = {fault.problem.partition(" are ")[0] for fault in examine_index(out).generations[0].faults}
    assert {"vectors of passages", "vectors of sentences"} <= problems


def test_a_current_that_names_nothing_is_told(out: Path) -> None:
    for spoiled in ("20200101T000000Z-00000000\n", "", "\udcff"):
        (out / "CURRENT").write_bytes(spoiled.encode("utf-8", "surrogateescape"))
        examination = examine_index(out)
        assert [fault.name for fault in examination.faults] == ["CURRENT"]
        assert not examination.is_sound
        assert [one.faults for one in examination.generations] == [(), ()]


def test_repair_makes_every_derived_file_anew(built: Path, out: Path) -> None:
    before = content(out)
    manifest = current_generation(out).manifest
    report = current_generation(out).report()
    answered = _found(out)
    names = sorted(_of_the_catalog(manifest) - {CATALOG_FILE, "report.json"})
    for name in [*names, "lexical/meta.json", "lexical/episodes.npy", "report.json"]:
        folder = current_generation(out).folder
        first = published_folders(out)[0].name
        remove(folder / name, folder)
        made = repair_index(out, load, no_progress)
        assert made is not None
        assert live_name(out) == made.manifest.id != folder.name
        # The spoiled one is gone, and the one before it is still there to go back to.
        assert [kept.name for kept in published_folders(out)] == [first, made.manifest.id]
        assert examine_index(out).is_sound
        assert content(out) == before, name
        assert {**asdict(made.manifest), **_HISTORY} == {**asdict(manifest), **_HISTORY}
        assert _of_the_catalog(made.manifest) == _of_the_catalog(manifest)
        told = made.report()
        if name == "report.json":
            assert "report.json" in told.pop("notes")
            told["notes"] = report["notes"]
        assert {**told, **_OF_A_RUN} == {**report, **_OF_A_RUN}
        assert _found(out) == answered
    # With nothing else to do, the next run sees that all is as it was.
    assert not index(built / "talks", out, load=never_loaded).changed


def _found(out: Path) -> list[tuple[str, float]]:
    archive = open_archive(out, embedder=FakeEmbedder())
    found = [(hit.stored.passage.id, hit.score) for hit in search(Search(ASKED), archive).hits]
    archive.close()
    return found


def _of_the_catalog(manifest: Manifest) -> set[str]:
    """The files, but those that tantivy names by chance."""
    return {name for name in manifest.files if not name.startswith("lexical/")}


_HISTORY = {"id": "", "created": "", "files": {}}
_OF_A_RUN = {"vectors_made": 0, "vectors_reused": 0}


def test_repair_embeds_anew_only_where_vectors_are_spoiled(out: Path) -> None:
    folder = current_generation(out).folder
    (folder / "passages.faiss").unlink()
    made = repair_index(out, load, no_progress)
    assert made is not None
    assert made.report()["vectors_made"] == 0
    (made.folder / "sentences.npy").unlink()
    made = repair_index(out, load, no_progress)
    assert made is not None
    assert made.report()["vectors_reused"] == 0


def test_repair_of_a_sound_index_does_nothing(out: Path) -> None:
    before = live_name(out)
    assert repair_index(out, lambda _: never_loaded(), no_progress) is None
    assert live_name(out) == before


@pytest.mark.parametrize("name", [CATALOG_FILE, MANIFEST])
def test_what_nothing_else_holds_is_not_made_up(name: str, out: Path) -> None:
    folder = current_generation(out).folder
    flip(0.5)(folder / name, folder)
    with pytest.raises(IndexBroken, match=r"rollback.*restore.*onrecord index"):
        repair_index(out, load, no_progress)
    assert live_name(out) == folder.name


def test_another_model_of_the_same_name_does_not_repair(out: Path) -> None:
    (current_generation(out).folder / "sentences.npy").unlink()
    with pytest.raises(IndexMismatch, match="its vectors were made by"):
        repair_index(out, lambda _: FakeEmbedder(dimension=16), no_progress)


def test_an_earlier_generation_that_is_spoiled_is_removed_and_a_sound_one_is_not(out: Path) -> None:
    first, live = published_folders(out)
    assert remove_unsound(out) == ([], [])
    (first / CATALOG_FILE).unlink()
    assert remove_unsound(out) == ([first.name], [])
    assert published_folders(out) == [live]


def test_an_earlier_generation_that_somebody_reads_is_left_to_a_later_run(out: Path) -> None:
    first, live = published_folders(out)
    (first / "terms.npy").unlink()
    hold = hold_folder(first)
    assert hold is not None
    assert remove_unsound(out, wait_s=0) == ([], [first.name])
    assert published_folders(out) == [first, live]
    hold.release()
    assert remove_unsound(out) == ([first.name], [])


def test_a_run_over_a_spoiled_generation_keeps_the_sound_one_before_it(built: Path, out: Path) -> None:
    first, live = published_folders(out)
    (live / "passages.faiss").unlink()
    made = index(built / "talks", out).generation
    assert made is not None
    assert published_folders(out) == [first, made.folder]


_KILLED = """
import os, signal, sys
from pathlib import Path
from embeddings.fake import FakeEmbedder
from indexer import generations
from indexer.repair import repair_index

class Dying(FakeEmbedder):
    def embed_passages(self, passages):
        os.kill(os.getpid(), signal.SIGKILL)

def die(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)

out, moment = sys.argv[1:]
if moment == "naming":
    generations.name_current = die
repair_index(Path(out), lambda _: Dying() if moment == "embedding" else FakeEmbedder(), lambda *_: None)
"""


@pytest.mark.parametrize("moment", ["embedding", "naming"])
def test_kill_9_in_a_repair_changes_nothing_and_the_next_one_completes(moment: str, out: Path) -> None:
    before = content(out)
    first, second = published_folders(out)
    (second / "sentences.npy").unlink()
    killed = subprocess.run([sys.executable, "-c", _KILLED, str(out), moment], cwd=ROOT, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert live_name(out) == second.name
    made = repair_index(out, load, no_progress)
    assert made is not None
    assert published_folders(out) == [first, made.folder]
    assert content(out) == before
    assert not [path for path in (out / "generations").iterdir() if path.name.startswith(".")]
