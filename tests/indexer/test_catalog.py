from __future__ import annotations

import sqlite3
import threading
from pathlib import Path

import numpy as np
import pytest

from indexer.catalog import CatalogReader
from indexer.columns import KINDS, read_columns
from indexer.errors import IndexBroken
from indexer.files import find_files
from indexer.gather import read_episode
from indexer.generations import current_generation
from tests.indexer.making import index, interview, write

TALK = """---
title: "Low Water — ‘Ebbe’ 🌊"
show: Gauge Readings
date: 2024-11-02
url: https://gauges.example.org/low-water
language: en
speakers:
  - {name: Mirela Quist, role: host}
  - {name: Fenna Abara, description: reservoir keeper}
---

## The dam 𝔘

**Mirela:** What did you see, Fenna, when the water was gone? \\[00:12\\] Tell us "everything".

**Fenna Abara:** A church 🛕, and [inaudible 00:01:53] after that \\[01:30\\] a bus: number 12.

It was naïve to think it would be the only bus in there. 🚌🚌

**MIRELA:** Hm.

## The gate

**Fenna Abara:** Nobody opens the gate any more; that is the whole trouble with it.
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("catalog")
    write(root / "talks" / "low-water.md", TALK)
    write(root / "talks" / "tunnels.md", interview("tunnels"))
    write(root / "talks" / "nobody.srt", "1\n00:00:01,500 --> 00:00:04,250\nnobody is named in this one here\n")
    index(root / "talks", root / "index")
    return root


@pytest.fixture
def catalog(folder: Path) -> CatalogReader:
    return CatalogReader(current_generation(folder / "index").folder)


def test_an_episode_comes_back_exactly(catalog: CatalogReader, folder: Path) -> None:
    files, _ = find_files([folder / "talks"], leave_out=folder / "index")
    for number, file in enumerate(files):
        episode, row = read_episode(file), catalog.episodes[number]
        kept = (episode.id, episode.source, episode.format, episode.title, episode.show, episode.date, episode.url)
        assert (row.id, row.source, row.format, row.title, row.show, row.date, row.url) == kept
        assert (row.language, row.words, row.turns) == (
            episode.language,
            len(episode.text.split()),
            len(episode.turns),
        )
        assert catalog.text(number) == episode.text
        stored = catalog.turns(number)
        assert [turn for _, _, turn in stored] == list(episode.turns)
        assert [(start, episode.text[start:end]) for start, end, _ in stored] == [
            (offset, turn.text) for offset, turn in zip(episode.turn_offsets, episode.turns, strict=True)
        ]
    catalog.close()


def test_voices_are_those_who_speak_and_nobody_where_nobody_is_named(catalog: CatalogReader) -> None:
    voices = [(catalog.episodes[voice.episode].source, voice.name, voice.role) for voice in catalog.voices]
    catalog.close()
    assert voices[:3] == [
        ("low-water.md", "Mirela Quist", "host"),
        ("low-water.md", "Fenna Abara", "guest"),
        ("nobody.srt", None, "unknown"),
    ]
    assert catalog.voices[0].aliases == ("Mirela", "MIRELA")
    assert catalog.voices[1].description == "reservoir keeper"


def test_turns_can_be_had_by_number(catalog: CatalogReader) -> None:
    everything = catalog.turns(0)
    assert catalog.turns(0, [3, 1]) == [everything[1], everything[3]]
    assert catalog.turns(0, []) == []
    catalog.close()


def test_a_passage_is_the_words_of_the_text_at_its_place(catalog: CatalogReader) -> None:
    stored = list(catalog.all_passages())
    for number, entry in enumerate(stored):
        passage, text = entry.passage, catalog.text(entry.episode)
        assert entry.number == number
        assert text[passage.char_start : passage.char_end] == passage.text
        assert passage.sentences[0][0] == passage.char_start
        assert passage.speaker == catalog.voices[entry.voice].name
    assert catalog.passages([entry.number for entry in stored[::-1]]) == stored[::-1]
    assert [e for row in catalog.episodes for e in catalog.passages_of(row.number)] == stored
    catalog.close()


def test_passages_by_id_leave_out_what_is_not_there(catalog: CatalogReader) -> None:
    first, second, *_ = catalog.all_passages()
    assert catalog.passages_by_id([second.passage.id, "gone", first.passage.id]) == [first, second]
    assert catalog.passages_by_id([]) == catalog.passages([]) == []
    catalog.close()


def test_columns_say_of_each_passage_what_filters_ask(catalog: CatalogReader, folder: Path) -> None:
    columns = read_columns(current_generation(folder / "index").folder)
    stored = list(catalog.all_passages())
    assert columns.voice.tolist() == [entry.voice for entry in stored]
    assert columns.episode.tolist() == [entry.episode for entry in stored]
    assert [KINDS[kind] for kind in columns.kind] == [entry.passage.kind for entry in stored]
    assert [columns.sections[n] if n >= 0 else None for n in columns.section] == [e.passage.section for e in stored]
    assert columns.first_sentence.tolist()[:-1] == [entry.first_sentence for entry in stored]
    assert np.diff(columns.first_sentence).tolist() == [len(entry.passage.sentences) for entry in stored]
    catalog.close()


def test_threads_that_ask_at_once_get_the_same_answers(catalog: CatalogReader) -> None:
    expected = list(catalog.all_passages())
    answers: list[object] = []
    threads = [threading.Thread(target=lambda: answers.append(list(catalog.all_passages()))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    catalog.close()
    assert answers == [expected] * 8


def test_a_catalog_cannot_be_written_to_by_its_readers(folder: Path) -> None:
    path = current_generation(folder / "index").folder / "catalog.sqlite"
    before = path.read_bytes()
    reader = CatalogReader(path.parent)
    list(reader.all_passages())
    reader.close()
    assert path.read_bytes() == before
    assert [p.name for p in path.parent.glob("catalog*")] == ["catalog.sqlite"]


def test_a_catalog_that_is_missing_or_no_database_is_a_broken_index(tmp_path: Path) -> None:
    with pytest.raises(
        IndexBroken, match=r"catalog\.sqlite: unable to open database file\. Run `onrecord index` again"
    ):
        CatalogReader(tmp_path)
    write(tmp_path / "catalog.sqlite", "this is no database, whatever its name says" * 99)
    with pytest.raises(IndexBroken, match=r"catalog\.sqlite: file is not a database\. Run `onrecord index` again"):
        CatalogReader(tmp_path)


def test_the_catalog_is_plain_sqlite(folder: Path) -> None:
    db = sqlite3.connect(current_generation(folder / "index").folder / "catalog.sqlite")
    assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    db.close()
