"""The questions that the shipped adapter learnt from name their answers without holding a word of them."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from indexer.catalog import CatalogReader
from indexer.generations import current_generation
from service.evaluate import is_answered_by
from tests.benchmarks.meetings import Meeting
from tests.benchmarks.recipe import LEARNT_FROM
from tests.benchmarks.written import WRITTEN, anchor_of, digest_of, questions_of_meetings, written_questions


@pytest.fixture
def catalog(seeds_index: Path) -> Iterator[CatalogReader]:
    reader = CatalogReader(current_generation(seeds_index).folder)
    yield reader
    reader.close()


def test_a_written_question_finds_its_answer_by_a_digest(catalog: CatalogReader, tmp_path: Path) -> None:
    lines, expected = [], []
    for row in catalog.episodes:
        stored = max(catalog.passages_of(row.number), key=lambda one: len(one.passage.sentences))
        passage, first = stored.passage, stored.passage.char_start
        sentences = [passage.text[start - first : end - first] for start, end in passage.sentences]
        anchor = anchor_of(sentences, 1)
        lines.append(f'seeds\t{row.source}\t{digest_of(anchor)}\tF\tHow "big" is episode {row.number}?\n')
        expected.append((row.source, f'How "big" is episode {row.number}?', passage.text))
    lines.append(f"seeds\t{catalog.episodes[0].source}\t{'0' * 12}\tF\tWhat did nobody say?\n")
    lines.append(lines[0].replace("seeds", "elsewhere").replace("How", "Why"))
    path = tmp_path / "written.tsv"
    path.write_text("".join(lines), encoding="utf-8")
    found = written_questions("seeds", catalog, path)
    assert [(one.episode, one.query) for one in found] == [(source, query) for source, query, _ in expected]
    assert all(is_answered_by(one, text) for one, (*_, text) in zip(found, expected, strict=True))


@pytest.mark.parametrize(
    ("place", "anchor"),
    [
        (0, "Yes. No. That is what the kiln told us then."),
        (1, "No. That is what the kiln told us then."),
        (2, "That is what the kiln told us then."),
        (3, "That is what the kiln told us then. Ash."),
    ],
)
def test_a_sentence_too_short_to_be_told_takes_its_neighbours(place: int, anchor: str) -> None:
    assert anchor_of(["Yes.", "No.", "That is what\nthe kiln  told us then.", "Ash."], place) == anchor


def test_a_passage_too_short_to_be_told_is_its_own_anchor() -> None:
    assert anchor_of(["Yes.", "No."], 1) == "Yes. No."


def test_questions_of_meetings_are_answered_by_the_turns_of_their_spans() -> None:
    long = "The ferry to the island leaves at six in the morning"
    turns = (("A", f"{long}. Yes."), ("B", "Mm."), ("A", f"{long} on Mondays."), ("B", f"{long} on no other day."))
    meeting = Meeting("m.json", turns, (("When does it leave?", ((0, 1), (3, 3))), ("Who hums?", ((1, 1),))))
    [found] = questions_of_meetings([meeting])
    assert found.anchors == (f"{long}.", f"{long} on no other day.")


def test_the_file_is_whole() -> None:
    with WRITTEN.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file, "excel-tab", quoting=csv.QUOTE_NONE))
    assert len(rows) > 25_000
    assert {where for where, *_ in rows} == set(LEARNT_FROM)
    assert all(re.fullmatch("[0-9a-f]{12}", digest) and kind in "PFOQ" for _, _, digest, kind, _ in rows)
    assert all(2 < len(query.split()) <= 40 for *_, query in rows)
    assert len({query.casefold() for *_, query in rows}) == len(rows)
