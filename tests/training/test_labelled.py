"""Questions whose answers somebody labelled are learnt from; those of held-out episodes measure."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from embeddings.base import Embedder
from embeddings.model_files import ModelFolder
from embeddings.runtimes import Runtime, open_embedder
from indexer.catalog import CatalogReader
from indexer.errors import OnRecordError
from indexer.generations import current_generation
from indexer.lexical import LexicalReader
from indexer.types import Kind
from indexer.vectors import VectorReader
from service.evaluate import Question, read_questions
from tests.conftest import SEEDS, Onrecord
from tests.indexer.making import no_progress
from training.adapt import HELD_OUT, LABELLED, adapt
from training.heldout import held_out_episodes
from training.labelled import labelled_pairs
from training.negatives import with_negatives
from training.pairs import is_taught
from training.trainer import Recipe

QUESTIONS = read_questions(SEEDS / "questions.jsonl")
NOWHERE = Question("Who tamed the walrus?", None, ("said by nobody anywhere",), "F")


def opened(folder: ModelFolder) -> Embedder:
    return open_embedder(folder, Runtime.SENTENCE_TRANSFORMERS)


@pytest.fixture
def catalog(index: Path) -> Iterator[CatalogReader]:
    reader = CatalogReader(current_generation(index).folder)
    yield reader
    reader.close()


def test_a_labelled_question_is_paired_with_the_passages_that_hold_an_anchor(catalog: CatalogReader) -> None:
    found = labelled_pairs([*QUESTIONS, NOWHERE], catalog, 1)
    assert len(QUESTIONS) not in found
    assert len(found) > 0.8 * len(QUESTIONS)
    for place, pairs in found.items():
        question = QUESTIONS[place]
        for pair in pairs:
            assert pair.query == question.query
            assert catalog.episodes[pair.episode].source == question.episode
            assert any(anchor in " ".join(pair.text.split()) for anchor in question.anchors)


def test_not_every_passage_of_a_long_answer_is_learnt_from_and_none_is_a_negative(
    index: Path, tiny: ModelFolder, catalog: CatalogReader
) -> None:
    folder = current_generation(index).folder
    spoken = [stored for stored in catalog.passages_of(0) if stored.passage.kind is Kind.CONTENT]
    everywhere = Question("what does he say of it all", None, tuple(s.passage.text[:40] for s in spoken), "O")
    [pairs] = labelled_pairs([everywhere], catalog, 1).values()
    assert len(pairs) == 2
    assert len({pair.passage for pair in pairs}) == 2
    assert pairs[1].passage in pairs[0].also
    assert len(pairs[0].also) > 5
    vectors, lexical = VectorReader(folder), LexicalReader(folder)
    for seed in range(20):
        examples, unfit = with_negatives(pairs, 2, catalog, vectors, lexical, opened(tiny), set(), seed, no_progress)
        assert not unfit
        answers = {pairs[0].passage, *pairs[0].also}
        texts = {stored.passage.text for stored in spoken if stored.number in answers}
        assert texts.isdisjoint(example.negative for example in examples)


def test_a_labelled_question_is_learnt_from_however_far_its_answer_is(
    index: Path, tiny: ModelFolder, catalog: CatalogReader
) -> None:
    folder = current_generation(index).folder
    embedder = opened(tiny)
    vectors, lexical = VectorReader(folder), LexicalReader(folder)
    query = "who is to blame when it goes wrong"
    taught = np.array([stored.number for stored in catalog.all_passages() if is_taught(stored, catalog)])
    farthest = int(taught[np.argmin(vectors.passages.cosines(taught, embedder.embed_queries([query])[0]))])
    [stored] = catalog.passages([farthest])
    answered = Question(query, None, (" ".join(stored.passage.text.split())[:60],), "P")
    [pairs] = labelled_pairs([answered], catalog, 1).values()
    examples, unfit = with_negatives(pairs, 9, catalog, vectors, lexical, embedder, set(), 1, no_progress)
    assert [example.pair for example in examples] == list(pairs)
    assert not unfit


def test_labelled_questions_are_learnt_from_and_those_of_held_out_episodes_measure(
    index: Path, tiny: ModelFolder, catalog: CatalogReader, tmp_path: Path
) -> None:
    recipe = Recipe(epochs=1, batch=16, tokens=64, pairs=64)
    found = adapt([index], tiny, opened, recipe, tmp_path / "new", [], no_progress, [*QUESTIONS, NOWHERE])
    by_place = labelled_pairs(QUESTIONS, catalog, recipe.seed)
    held_out = held_out_episodes(catalog)
    taught = [pair for pairs in by_place.values() for pair in pairs if pair.episode not in held_out]
    asked = {pair.query for pairs in by_place.values() for pair in pairs if pair.episode in held_out}
    assert found.pairs["labelled question"] == len(taught) > 20
    assert sum(found.pairs.values()) == len(taught) + 64
    assert found.compared[LABELLED].new.questions == len(asked) > 5
    assert found.compared[HELD_OUT].new.questions > 5
    unanswered = [count for why, count in found.dropped.items() if why.startswith("labelled, and no passage")]
    assert unanswered == [len(QUESTIONS) + 1 - len(by_place)]
    card = (found.folder / "README.md").read_text(encoding="utf-8")
    assert f"{len(taught):,} of labelled questions" in card


def test_what_is_learnt_from_measures_nothing(index: Path, tiny: ModelFolder, tmp_path: Path) -> None:
    with pytest.raises(OnRecordError, match=r"1 questions are to be learnt from and to measure.*leave them out"):
        adapt([index], tiny, opened, Recipe(), tmp_path / "new", QUESTIONS[:1], no_progress, QUESTIONS)
    assert not list(tmp_path.iterdir())


def test_the_command_learns_from_a_file(index: Path, tiny: ModelFolder, tmp_path: Path, onrecord: Onrecord) -> None:
    options = ["--out", tmp_path / "new", "--teach", SEEDS / "questions.jsonl", "--pairs", "40", "--epochs", "0.01"]
    ran = onrecord("adapt", index, "--runtime", "sentence-transformers", *map(str, options))
    assert ran.returncode == 1
    assert ran.stderr == ""
    assert "labelled questions" in ran.stdout
    assert "questions on held-out episodes, of those to learn from, the new model:" in ran.stdout
    wrong = tmp_path / "wrong.jsonl"
    wrong.write_text('{"query": "why"}\n', encoding="utf-8")
    ran = onrecord("adapt", index, "--out", str(tmp_path / "newer"), "--teach", str(wrong))
    assert ran.returncode == 1
    assert f"{wrong}, line 1: expected" in ran.stderr
