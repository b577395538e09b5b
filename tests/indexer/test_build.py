"""Indexing from the outside: what a run reads, embeds, writes, and says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from embeddings.fake import FakeEmbedder
from indexer.catalog import CatalogReader
from indexer.errors import ArchiveError
from indexer.generations import current_generation
from indexer.passages import Chunking
from indexer.vectors import VectorReader
from tests.indexer.making import (
    LENA,
    OMAR,
    CountingEmbedder,
    index,
    interview,
    markdown,
    never_loaded,
    write,
)

TOPICS = ("harbours", "reservoirs", "tunnels")


@pytest.fixture
def talks(tmp_path: Path) -> Path:
    for topic in TOPICS:
        write(tmp_path / "talks" / f"{topic}.md", interview(topic))
    return tmp_path / "talks"


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "index"


def every_file(folder: Path) -> dict[str, tuple[int, int]]:
    """Path to inode and time of change, so that a rewrite with the same bytes shows."""
    stats = {path: path.stat() for path in folder.rglob("*")}
    return {str(path): (stat.st_ino, stat.st_mtime_ns) for path, stat in stats.items()}


def vectors(out: Path) -> dict[str, Any]:
    """Passage id to its vector and its sentences' vectors, as bytes."""
    folder = current_generation(out).folder
    catalog, reader = CatalogReader(folder), VectorReader(folder)
    stored = list(catalog.all_passages())
    rows = reader.passages.vectors(np.arange(len(stored), dtype=np.int64))
    catalog.close()
    return {
        entry.passage.id: (
            rows[number].tobytes(),
            reader.sentences.vectors(entry.first_sentence + np.arange(len(entry.passage.sentences))).tobytes(),
        )
        for number, entry in enumerate(stored)
    }


def sources(out: Path) -> list[str]:
    catalog = CatalogReader(current_generation(out).folder)
    catalog.close()
    return [episode.source for episode in catalog.episodes]


def test_an_index_holds_the_transcripts_and_the_report_adds_up(talks: Path, out: Path) -> None:
    outcome = index(talks, out)
    report = outcome.report
    assert outcome.changed
    assert sources(out) == ["harbours.md", "reservoirs.md", "tunnels.md"]
    assert outcome.generation is not None
    assert report["episodes"] == outcome.generation.manifest.counts["episodes"] == 3
    assert report["passages"] == outcome.generation.manifest.counts["passages"] == report["vectors_made"] == 12
    assert report["formats"] == {"markdown": 3}
    counted = report["words_indexed"], sum(report["words_of_kind"].values()), report["words_too_short"]
    assert report["words"] == sum(counted) + report["words_duplicate"]
    assert report["truncated_tokens"] == 0
    assert 0 < report["longest_passage_tokens"] <= report["window_tokens"] == 256


def test_nothing_changed_writes_nothing_and_loads_no_model(talks: Path, out: Path) -> None:
    first = index(talks, out)
    before = every_file(out / "generations")
    again = index(talks, out, load=never_loaded)
    assert (again.changed, again.generation) == (False, first.generation)
    assert again.report == first.report
    assert every_file(out / "generations") == before


def test_a_touched_file_with_the_same_words_is_no_change(talks: Path, out: Path) -> None:
    index(talks, out)
    write(talks / "tunnels.md", interview("tunnels"))
    assert not index(talks, out, load=never_loaded).changed


def test_a_changed_file_alone_is_embedded_again(talks: Path, out: Path) -> None:
    index(talks, out)
    before = vectors(out)
    write(talks / "tunnels.md", interview("tunnels", answers=3))
    embedder = CountingEmbedder()
    outcome = index(talks, out, embedder)
    after = vectors(out)
    assert len(embedder.embedded) == outcome.report["vectors_made"] == 2
    assert all("year 2" in text for text in embedder.embedded)
    assert embedder.asked == ["What did you learn about tunnels in year 2?"]
    assert outcome.report["vectors_reused"] == len(before) == 12
    assert before.items() <= after.items()


def test_an_added_file_alone_is_embedded(talks: Path, out: Path) -> None:
    index(talks, out)
    before = vectors(out)
    write(talks / "more" / "canals.md", interview("canals"))
    embedder = CountingEmbedder()
    index(talks, out, embedder)
    assert len(embedder.embedded) == 4
    assert all("canals" in text for text in (*embedder.embedded, *embedder.asked))
    assert before.items() <= vectors(out).items()


def test_a_removed_file_is_gone_and_nothing_is_embedded(talks: Path, out: Path) -> None:
    index(talks, out)
    before = vectors(out)
    (talks / "tunnels.md").unlink()
    embedder = CountingEmbedder()
    index(talks, out, embedder)
    assert embedder.embedded == embedder.asked == []
    assert sources(out) == ["harbours.md", "reservoirs.md"]
    assert vectors(out).items() <= before.items()
    assert len(vectors(out)) == 8


def test_a_moved_file_keeps_its_vectors_under_new_ids(talks: Path, out: Path) -> None:
    index(talks, out)
    before = vectors(out)
    (talks / "tunnels.md").rename(talks / "holes.md")
    embedder = CountingEmbedder()
    index(talks, out, embedder)
    assert embedder.embedded == embedder.asked == []
    assert sorted(vectors(out).values()) == sorted(before.values())
    assert len(vectors(out).keys() - before.keys()) == 4


def test_a_changed_sidecar_is_a_change(talks: Path, out: Path) -> None:
    index(talks, out)
    write(talks / "tunnels.meta.yaml", "show: Long Holes\n")
    assert index(talks, out).changed
    catalog = CatalogReader(current_generation(out).folder)
    catalog.close()
    assert [episode.show for episode in catalog.episodes] == [None, None, "Long Holes"]


def test_another_passage_size_is_a_change(talks: Path, out: Path) -> None:
    index(talks, out)
    outcome = index(talks, out, chunking=Chunking(max_tokens=12))
    assert outcome.changed
    assert outcome.report["passages"] > 12


def test_another_model_embeds_everything_again(talks: Path, out: Path) -> None:
    index(talks, out)
    embedder = CountingEmbedder(dimension=16)
    outcome = index(talks, out, embedder)
    assert len(embedder.embedded) == 12
    assert outcome.generation is not None
    assert outcome.generation.manifest.model["dimension"] == 16


def test_the_same_model_under_another_name_embeds_nothing(talks: Path, out: Path) -> None:
    index(talks, out, FakeEmbedder(name="one"))
    outcome = index(talks, out, FakeEmbedder(name="two"))
    assert (outcome.changed, outcome.report["vectors_made"]) == (True, 0)


def test_a_bad_file_is_listed_with_line_and_reason_and_the_others_are_in(talks: Path, out: Path) -> None:
    (talks / "bad.md").write_bytes(b"**Lena:** Fine.\n\n**Omar:** caf\xe9\n")
    outcome = index(talks, out)
    assert outcome.report["files_failed"] == [
        {"source": "bad.md", "line": 3, "reason": "byte 0xe9 is not valid UTF-8.", "remedy": "Save the file as UTF-8."}
    ]
    assert sources(out) == ["harbours.md", "reservoirs.md", "tunnels.md"]


def test_strict_leaves_the_index_as_it_was(talks: Path, out: Path) -> None:
    first = index(talks, out)
    before = every_file(out / "generations")
    write(talks / "bad.md", "no transcript")
    write(talks / "good.md", interview("canals"))
    outcome = index(talks, out, strict=True)
    assert (outcome.changed, outcome.generation) == (False, first.generation)
    assert [entry["source"] for entry in outcome.report["files_failed"]] == ["bad.md"]
    after = every_file(out / "generations")
    assert {path: stat for path, stat in after.items() if path in before} | before == after
    assert sources(out) == ["harbours.md", "reservoirs.md", "tunnels.md"]


def test_strict_without_an_index_makes_none(talks: Path, out: Path) -> None:
    write(talks / "bad.md", "no transcript")
    assert index(talks, out, strict=True).generation is None
    assert not (out / "CURRENT").exists()


def test_only_bad_files_are_refused_each_with_its_reason(tmp_path: Path, out: Path) -> None:
    folder = tmp_path / "bad"
    write(folder / "a.md", "")
    (folder / "b.md").write_bytes(b"one\ntwo\xe9\n")
    with pytest.raises(ArchiveError) as error:
        index(folder, out)
    assert str(error.value) == (
        f"{folder}: no file holds a transcript with words to index.\n"
        "  a.md: the file is empty. Export the transcript again, or remove the file.\n"
        "  b.md: line 2: byte 0xe9 is not valid UTF-8. Save the file as UTF-8."
    )
    assert not (out / "CURRENT").exists()


def test_transcripts_of_nods_alone_are_refused(tmp_path: Path, out: Path) -> None:
    folder = tmp_path / "nods"
    write(folder / "a.md", markdown((LENA, "Yes."), (OMAR, "No.")))
    with pytest.raises(ArchiveError, match="no file holds a transcript with words to index"):
        index(folder, out)


def test_a_refused_run_leaves_the_index_as_it_was(talks: Path, out: Path) -> None:
    index(talks, out)
    before = vectors(out)
    with pytest.raises(ArchiveError):
        index(write(talks.parent / "bad" / "a.md", "").parent, out)
    assert vectors(out) == before


def test_a_file_as_out_is_refused(talks: Path, tmp_path: Path) -> None:
    taken = write(tmp_path / "taken", "mine")
    with pytest.raises(ArchiveError) as error:
        index(talks, taken)
    assert str(error.value) == f"{taken}: a file. Choose a directory for --out."
    assert taken.read_text(encoding="utf-8") == "mine"


def test_a_folder_of_other_things_as_out_is_refused_and_left_alone(talks: Path, tmp_path: Path) -> None:
    write(tmp_path / "photos" / "cat.jpg", "meow")
    with pytest.raises(ArchiveError) as error:
        index(talks, tmp_path / "photos")
    message = f"{tmp_path / 'photos'}: holds files that are no index. Choose an empty or new directory for --out."
    assert str(error.value) == message
    assert [path.name for path in (tmp_path / "photos").rglob("*")] == ["cat.jpg"]


def test_an_out_below_a_file_is_refused(talks: Path, tmp_path: Path) -> None:
    write(tmp_path / "taken", "mine")
    with pytest.raises(ArchiveError) as error:
        index(talks, tmp_path / "taken" / "index")
    assert (
        str(error.value)
        == f"{tmp_path / 'taken' / 'index'}: cannot be written (Not a directory). Choose another --out."
    )


def test_an_empty_folder_as_out_is_taken(talks: Path, out: Path) -> None:
    out.mkdir()
    assert index(talks, out).changed


def test_an_index_inside_the_transcripts_folder_is_not_read_as_one(talks: Path) -> None:
    index(talks, talks / "index")
    assert not index(talks, talks / "index", load=never_loaded).changed
    assert sources(talks / "index") == ["harbours.md", "reservoirs.md", "tunnels.md"]


def test_two_transcripts_of_one_stem_are_two_episodes(tmp_path: Path, out: Path) -> None:
    write(tmp_path / "talks" / "a" / "transcript.md", interview("harbours"))
    write(tmp_path / "talks" / "b" / "transcript.md", interview("tunnels"))
    index(tmp_path / "talks", out)
    catalog = CatalogReader(current_generation(out).folder)
    catalog.close()
    assert [episode.source for episode in catalog.episodes] == ["a/transcript.md", "b/transcript.md"]
    assert len({episode.id for episode in catalog.episodes}) == 2
    assert len(vectors(out)) == 8


def test_the_order_of_the_paths_makes_no_difference(talks: Path, tmp_path: Path) -> None:
    paths = [talks / f"{topic}.md" for topic in TOPICS]
    index(paths, tmp_path / "one")
    index(paths[::-1], tmp_path / "two")
    assert vectors(tmp_path / "one") == vectors(tmp_path / "two")


def test_passages_carry_the_names_that_the_header_embeds(talks: Path, out: Path) -> None:
    embedder = CountingEmbedder()
    index(talks, out, embedder)
    assert sum(text.startswith("All about tunnels\nOmar Haddad: In year") for text in embedder.embedded) == 2
    assert sum(text.startswith("All about tunnels\nLena Ortiz: What did") for text in embedder.embedded) == 2


def test_progress_ends_where_it_said_it_would(talks: Path, out: Path) -> None:
    from indexer.build import build_index

    told: list[tuple[str, int, int]] = []
    embedder = FakeEmbedder()
    build_index(
        [talks],
        out,
        model=embedder.fingerprint,
        load_embedder=lambda: embedder,
        chunking=Chunking(),
        strict=False,
        progress=lambda stage, done, total: told.append((stage, done, total)),
    )
    last = {stage: (done, total) for stage, done, total in told}
    assert last["Reading transcripts"] == (3, 3)
    assert last["Embedding passages"] == (12, 12)
    assert all(0 <= done <= total for _, done, total in told)
