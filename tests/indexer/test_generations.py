"""The index directory on disk: whole or refused, whatever happens to it."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from embeddings.base import PassageInput, PassageVectors
from embeddings.fake import FakeEmbedder
from indexer.catalog import CatalogReader
from indexer.errors import IndexBroken, IndexBusy, IndexMismatch, IndexMissing, OnRecordError
from indexer.generations import FORMAT_VERSION, current_generation, hold_current, open_generation, writing
from tests.indexer.making import CountingEmbedder, content, index, interview, write

AGAIN = "Run `onrecord index` again"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("built")
    write(folder / "talks" / "harbours.md", interview("harbours"))
    index(folder / "talks", folder / "index")
    return folder / "index"


@pytest.fixture
def out(built: Path, tmp_path: Path) -> Path:
    """A copy of an index that a test may break."""
    shutil.copytree(built, tmp_path / "index")
    return tmp_path / "index"


def broken(out: Path) -> str:
    with pytest.raises((IndexBroken, IndexMismatch)) as error:
        current_generation(out)
    return str(error.value)


def files_of(out: Path) -> list[str]:
    generation = current_generation(out)
    return [*sorted(generation.manifest.files), "manifest.json"]


def test_an_index_that_was_just_built_is_whole(built: Path) -> None:
    generation = current_generation(built)
    assert generation == open_generation(generation.folder)
    assert generation.manifest.format_version == FORMAT_VERSION
    assert generation.manifest.id == generation.folder.name == (built / "CURRENT").read_text(encoding="utf-8").strip()
    on_disk = {p.relative_to(generation.folder).as_posix() for p in generation.folder.rglob("*") if p.is_file()}
    assert {name for name in on_disk if not name.endswith(".lock")} == {*generation.manifest.files, "manifest.json"}
    assert generation.report()["episodes"] == 1


def test_a_place_without_an_index_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(IndexMissing) as error:
        current_generation(tmp_path / "gone")
    gone = tmp_path / "gone"
    assert str(error.value) == f"{gone}: no index there. Make one with `onrecord index TRANSCRIPTS --out {gone}`."


def test_every_file_that_is_removed_is_missed_by_name(out: Path) -> None:
    folder = current_generation(out).folder
    for name in files_of(out):
        content = (folder / name).read_bytes()
        (folder / name).unlink()
        assert broken(out) == f"{folder / name}: missing. {AGAIN}."
        (folder / name).write_bytes(content)
    assert current_generation(out)


def test_every_file_that_is_truncated_is_found_by_name(out: Path) -> None:
    folder = current_generation(out).folder
    for name in files_of(out):
        content = (folder / name).read_bytes()
        for length in (0, len(content) // 2, len(content) - 1):
            (folder / name).write_bytes(content[:length])
            said = f"{length} bytes, not the {len(content)} written." if name != "manifest.json" else "not readable"
            assert broken(out).startswith(f"{folder / name}: {said}")
        (folder / name).write_bytes(content)
    assert current_generation(out)


def test_every_file_with_one_byte_flipped_is_found_by_name(out: Path) -> None:
    folder = current_generation(out).folder
    for name in files_of(out):
        content = bytearray((folder / name).read_bytes())
        for place in {0, len(content) // 3, len(content) // 2, len(content) - 1} - {-1}:
            content[place] ^= 1
            (folder / name).write_bytes(content)
            assert str(folder / name) in broken(out)
            content[place] ^= 1
        (folder / name).write_bytes(content)
    assert current_generation(out)


def test_no_byte_of_the_manifest_can_change_unseen(out: Path) -> None:
    path = current_generation(out).folder / "manifest.json"
    content = bytearray(path.read_bytes())
    for place in range(0, len(content), 7):
        content[place] ^= 1
        path.write_bytes(content)
        assert str(path.parent) in broken(out)
        content[place] ^= 1


@pytest.mark.parametrize("content", [b"", b"20990101T000000Z-00000000\n", b"\xff\xfe", b"../..\n"])
def test_a_current_that_names_no_generation_is_a_broken_index(content: bytes, out: Path) -> None:
    (out / "CURRENT").write_bytes(content)
    assert AGAIN in broken(out)


def test_a_manifest_of_another_format_version_is_a_mismatch_with_the_remedy(out: Path) -> None:
    path = current_generation(out).folder / "manifest.json"
    manifest = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**manifest, "format_version": 99}), encoding="utf-8")
    with pytest.raises(IndexMismatch) as error:
        current_generation(out)
    assert str(error.value) == (
        f"{path.parent}: index format 99, this program reads format {FORMAT_VERSION}. {AGAIN} with this version."
    )


@pytest.mark.parametrize("content", ["[]", "{}", "null", '{"format_version": 1}', "not json"])
def test_a_manifest_that_is_none_is_refused(content: str, out: Path) -> None:
    path = current_generation(out).folder / "manifest.json"
    path.write_text(content, encoding="utf-8")
    assert str(path.parent) in broken(out)


def test_a_broken_index_is_built_anew(out: Path, tmp_path: Path) -> None:
    write(tmp_path / "talks" / "harbours.md", interview("harbours"))
    (current_generation(out).folder / "catalog.sqlite").unlink()
    embedder = CountingEmbedder()
    assert index(tmp_path / "talks", out, embedder).changed
    assert len(embedder.embedded) == 4
    assert current_generation(out)


def test_a_second_writer_is_told_who_is_writing(tmp_path: Path) -> None:
    write(tmp_path / "talks" / "harbours.md", interview("harbours"))
    out = tmp_path / "index"
    with writing(out), pytest.raises(IndexBusy) as error:
        index(tmp_path / "talks", out)
    said, since = str(error.value).split(", since ")
    assert said == f"{out}: another indexer (process {os.getpid()}"
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC\) is writing to it\. Wait for it\.", since)
    assert index(tmp_path / "talks", out).changed


def test_readers_are_not_kept_out_by_a_writer(out: Path) -> None:
    with writing(out):
        assert current_generation(out)


def test_two_generations_are_kept_and_the_live_one_is_among_them(tmp_path: Path) -> None:
    names = []
    for number, topic in enumerate(("harbours", "tunnels", "canals", "locks")):
        write(tmp_path / "talks" / f"{topic}.md", interview(topic))
        generation = index(tmp_path / "talks", tmp_path / "index").generation
        assert generation is not None
        names.append(generation.folder.name)
        kept = {path.name for path in (tmp_path / "index" / "generations").iterdir()}
        assert len(kept) == min(number + 1, 2)
        assert names[-1] in kept <= set(names)
    assert current_generation(tmp_path / "index").folder.name == names[-1]


def test_a_reader_keeps_the_generation_it_opened(tmp_path: Path) -> None:
    write(tmp_path / "talks" / "harbours.md", interview("harbours"))
    index(tmp_path / "talks", tmp_path / "index")
    reader = CatalogReader(current_generation(tmp_path / "index").folder)
    for topic in ("tunnels", "canals", "locks"):
        write(tmp_path / "talks" / f"{topic}.md", interview(topic))
        index(tmp_path / "talks", tmp_path / "index")
    assert len(list(reader.all_passages())) == 4
    reader.close()


def test_a_generation_that_is_held_stays_until_it_is_let_go(tmp_path: Path) -> None:
    def publish(topic: str) -> None:
        write(tmp_path / "talks" / f"{topic}.md", interview(topic))
        index(tmp_path / "talks", tmp_path / "index")

    publish("harbours")
    generation, hold = hold_current(tmp_path / "index")
    for topic in ("tunnels", "canals", "locks"):
        publish(topic)
    assert open_generation(generation.folder) == generation
    assert len(list(generation.folder.parent.iterdir())) == 3
    hold.release()
    publish("weirs")
    assert not generation.folder.exists()
    assert len(list(generation.folder.parent.iterdir())) == 2


def test_what_is_broken_cannot_be_held(out: Path) -> None:
    folder = current_generation(out).folder
    (folder / "manifest.json").unlink()
    with pytest.raises(IndexBroken) as error:
        hold_current(out)
    assert str(error.value) == f"{folder / 'manifest.json'}: missing. {AGAIN}."


KILLED = """
import os, signal, sys, time
from pathlib import Path
from embeddings.fake import FakeEmbedder
from indexer import build
from indexer.passages import Chunking

talks, out, moment, *batches = sys.argv[1:]

class Dying(FakeEmbedder):
    left = several = int(batches[0]) if batches else 0

    def embed_passages(self, passages):
        if passages and not self.left:
            while self.several and not list(Path(out).glob("generations/*/made.json")):
                time.sleep(0.01)
            os.kill(os.getpid(), signal.SIGKILL)
        self.left -= bool(passages)
        return super().embed_passages(passages)

def flush_dying(path, name=None, **_):
    os.kill(os.getpid(), signal.SIGKILL)

embedder = Dying() if moment == "embedding" else FakeEmbedder()
if moment == "publishing":
    from indexer import generations
    generations.name_current = flush_dying
build.build_index([Path(talks)], Path(out), model=embedder.fingerprint, load_embedder=lambda: embedder,
                  chunking=Chunking(), strict=False, progress=lambda *_: None)
"""


def kill(talks: Path, out: Path, moment: str, batches: int = 0) -> None:
    """Indexes in a process that is killed in `embedding` after some batches, some of it on disk, or in `publishing`."""
    command = [sys.executable, "-c", KILLED, str(talks), str(out), moment, str(batches)]
    killed = subprocess.run(command, cwd=Path(__file__).parents[2], check=False, capture_output=True)
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()


@pytest.mark.parametrize("moment", ["embedding", "publishing"])
def test_kill_9_while_indexing_leaves_the_old_index_and_the_next_run_completes(moment: str, tmp_path: Path) -> None:
    talks, out = tmp_path / "talks", tmp_path / "index"
    write(talks / "harbours.md", interview("harbours"))
    old = index(talks, out).generation
    write(talks / "tunnels.md", interview("tunnels"))
    kill(talks, out, moment)
    assert current_generation(out) == old
    outcome = index(talks, out)
    assert (outcome.changed, outcome.report["episodes"]) == (True, 2)
    assert current_generation(out) == outcome.generation
    # The one that was finished and not named was never live: it does not stand in the place of the one that was.
    assert old is not None
    assert outcome.generation is not None
    kept = {path.name for path in (out / "generations").iterdir()}
    assert kept == {old.manifest.id, outcome.generation.manifest.id}


@pytest.fixture
def long_talks(tmp_path: Path) -> Path:
    """More than two batches of passages."""
    for topic in ("harbours", "tunnels", "weirs"):
        write(tmp_path / "long" / f"{topic}.md", interview(topic, answers=400))
    return tmp_path / "long"


def test_an_index_that_was_killed_while_embedding_goes_on_where_it_stopped(long_talks: Path, tmp_path: Path) -> None:
    out = tmp_path / "index"
    clean = index(long_talks, tmp_path / "clean")
    assert clean.report["passages"] == 2400
    kill(long_talks, out, "embedding", batches=2)
    kill(long_talks, out, "embedding", batches=1)
    embedder = CountingEmbedder()
    outcome = index(long_talks, out, embedder)
    # What the model had just made when it died was not on disk yet.
    assert outcome.report["vectors_reused"] in (1024, 2048)
    assert outcome.report["vectors_made"] == len(embedder.embedded) == 2400 - outcome.report["vectors_reused"]
    assert content(out) == content(tmp_path / "clean")
    assert [path.name for path in (out / "generations").iterdir() if path.name.startswith(".")] == []


def test_vectors_of_another_model_are_not_gone_on_from(long_talks: Path, tmp_path: Path) -> None:
    kill(long_talks, tmp_path / "index", "embedding", batches=2)
    outcome = index(long_talks, tmp_path / "index", FakeEmbedder(dimension=16))
    assert (outcome.report["vectors_reused"], outcome.report["vectors_made"]) == (0, 2400)


def test_what_a_killed_run_left_and_nobody_can_read_is_not_gone_on_from(long_talks: Path, tmp_path: Path) -> None:
    kill(long_talks, tmp_path / "index", "embedding", batches=2)
    [left] = (tmp_path / "index" / "generations").glob("*/sentences.npy")
    left.write_bytes(left.read_bytes()[:100])
    outcome = index(long_talks, tmp_path / "index")
    assert (outcome.report["vectors_reused"], outcome.report["vectors_made"]) == (0, 2400)


def test_a_run_that_was_interrupted_by_hand_goes_on_where_it_stopped(long_talks: Path, tmp_path: Path) -> None:
    class Stopped(CountingEmbedder):
        def embed_passages(self, passages: Sequence[PassageInput]) -> list[PassageVectors]:
            if self.embedded:
                raise KeyboardInterrupt
            return super().embed_passages(passages)

    with pytest.raises(KeyboardInterrupt):
        index(long_talks, tmp_path / "index", Stopped())
    outcome = index(long_talks, tmp_path / "index")
    assert outcome.report["vectors_reused"] == 1024


def test_every_index_error_is_one_that_the_user_can_act_on() -> None:
    assert all(issubclass(kind, OnRecordError) for kind in (IndexBroken, IndexBusy, IndexMismatch, IndexMissing))
