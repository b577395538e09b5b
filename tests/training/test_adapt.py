"""A model is trained on the sample interviews, measured, and used."""

from __future__ import annotations

import doctest
import json
import warnings
from collections import Counter
from pathlib import Path
from shutil import copytree

import numpy as np
import pytest
import torch
from peft import PeftModel
from safetensors.torch import load_file, save_file

import training.adapt
from embeddings.base import Embedder, EmbeddingError
from embeddings.model_files import (
    ADAPTER_BASE,
    ADAPTER_CONFIGURATION,
    ADAPTER_WEIGHTS,
    DEFAULT_MODEL,
    ModelFolder,
    fingerprint,
    locate_model,
)
from embeddings.runtimes import Runtime, open_embedder
from embeddings.sentence_transformer import load_model
from indexer.catalog import CatalogReader
from indexer.errors import IndexMismatch, OnRecordError
from indexer.generations import current_generation
from indexer.lexical import Analyzer, LexicalReader
from indexer.types import Kind
from indexer.vectors import VectorReader
from service.evaluate import Judged, Question, compare, measure, read_questions
from tests.conftest import SEEDS, Onrecord
from tests.embeddings.conftest import edit_json
from tests.indexer.making import index as make_index
from tests.indexer.making import interview, no_progress, write
from training.adapt import HELD_OUT, YOUR_QUESTIONS, Adapted, Comparison, NothingToLearnError, adapt
from training.heldout import held_out_episodes, judge_held_out
from training.negatives import with_negatives
from training.pairs import Source, drawn_pairs, mine_pairs
from training.trainer import Recipe
from training.words import WEIGHT, shares

RECIPE = Recipe(epochs=6, batch=32, tokens=64, full_weights=True, learning_rate=5e-3)
_QUERIES = ["who is to blame when it goes wrong", "what does a kilowatt-hour cost"]


def opened(folder: ModelFolder) -> Embedder:
    return open_embedder(folder, Runtime.SENTENCE_TRANSFORMERS)


@pytest.fixture(scope="module")
def adapted(index: Path, tiny: ModelFolder, tmp_path_factory: pytest.TempPathFactory) -> Adapted:
    out = tmp_path_factory.mktemp("model") / "adapted"
    return adapt([index], tiny, opened, RECIPE, out, read_questions(SEEDS / "questions.jsonl"), no_progress)


@pytest.fixture(scope="module")
def adapter(index: Path, tiny: ModelFolder, tmp_path_factory: pytest.TempPathFactory) -> Adapted:
    out = tmp_path_factory.mktemp("model") / "adapter"
    return adapt([index], tiny, opened, Recipe(epochs=1, batch=32, tokens=64), out, [], no_progress)


def test_the_loss_falls_and_more_of_the_questions_find_their_answers(
    adapted: Adapted, index: Path, tiny: ModelFolder
) -> None:
    assert adapted.losses[-1] < adapted.losses[0] - 2
    assert adapted.compared[HELD_OUT].new.questions > 15
    folder = current_generation(index).folder
    catalog, lexical = CatalogReader(folder), LexicalReader(folder)
    mined = mine_pairs(catalog, 1).pairs
    taught = {row.number for row in catalog.episodes} - held_out_episodes(catalog)
    models = (opened(tiny), opened(locate_model(str(adapted.folder))))
    before, after = (measure(judge_held_out(mined, catalog, lexical, taught, model)).mrr_at_10 for model in models)
    catalog.close()
    assert after > 2 * before


def test_a_model_that_is_worse_on_somebodys_questions_is_not_recommended(adapted: Adapted) -> None:
    asked = adapted.compared[YOUR_QUESTIONS]
    assert asked.new.questions == len(read_questions(SEEDS / "questions.jsonl"))
    assert asked.differences["mrr_at_10"].high < 0
    assert not adapted.is_recommended
    assert "NOT better" in (adapted.folder / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("old", "new", "better"),
    [
        ([2, 3, None, 9] * 25, [1, 1, 4, 2] * 25, True),
        ([1, 1, 4, 2] * 25, [2, 3, None, 9] * 25, False),
        ([1, 1, 4, 2] * 25, [1, 1, 4, 2] * 25, False),
        ([1] * 30 + [20] * 70, [2] * 30 + [1] * 70, True),
        ([1] * 50 + [20] * 50, [12] * 50 + [1] * 50, False),
        ([2, 3, None, 9], [1, 3, 4, 9], False),
        ([2] * 1050 + [1] * 1000, [1] * 1050 + [2] * 1000, False),
        ([2] * 5 + [1] * 26, [1] * 31, False),
        ([2] * 6 + [1] * 26, [1] * 32, True),
    ],
    ids=[
        "better",
        "worse",
        "the same",
        "better in all",
        "better and worse",
        "too few",
        "many, hardly",
        "five gain",
        "six gain",
    ],
)
def test_better_is_what_is_surely_so(old: list[int | None], new: list[int | None], better: bool) -> None:
    before, after = (
        [Judged(Question(f"q{i}", None, ("a",), "-"), rank, rank and 100 * rank) for i, rank in enumerate(ranks)]
        for ranks in (old, new)
    )
    assert Comparison(measure(before), measure(after), compare(after, before)).is_better is better


def test_the_model_opens_under_its_folders_name_and_is_another_one(adapted: Adapted, tiny: ModelFolder) -> None:
    folder = locate_model(str(adapted.folder))
    assert not fingerprint(folder).comparable_with(fingerprint(tiny))
    assert np.abs(opened(folder).embed_queries(_QUERIES) - opened(tiny).embed_queries(_QUERIES)).max() > 0.01
    assert not list(adapted.folder.parent.glob("*.unfinished"))
    card = (adapted.folder / "README.md").read_text(encoding="utf-8")
    assert f"{adapted.pairs['question']:,} of questions" in card


def test_an_adapter_is_small_and_the_same_in_both_runtimes(adapter: Adapted, tiny: ModelFolder) -> None:
    folder = locate_model(str(adapter.folder))
    assert folder.path == tiny.path
    assert sum(path.stat().st_size for path in adapter.folder.iterdir()) < 100_000
    vectors = opened(folder).embed_queries(_QUERIES)
    assert np.abs(vectors - opened(tiny).embed_queries(_QUERIES)).max() > 1e-4
    compiled = open_embedder(folder, Runtime.OPENVINO).embed_queries(_QUERIES)
    assert (vectors * compiled).sum(axis=1).min() > 0.99


def test_an_adapter_is_refused_on_another_model(adapter: Adapted, tmp_path: Path) -> None:
    copied = Path(copytree(adapter.folder, tmp_path / "copy"))
    edit_json(copied / ADAPTER_BASE, weights="0" * 64)
    with pytest.raises(EmbeddingError, match="trained on another"):
        locate_model(str(copied))


def test_an_adapter_without_its_weights_or_with_others_is_refused(adapter: Adapted, tmp_path: Path) -> None:
    copied = Path(copytree(adapter.folder, tmp_path / "copy"))
    weights = load_file(copied / ADAPTER_WEIGHTS)
    renamed = {name.removeprefix("base_model.model."): value for name, value in weights.items()}
    save_file(renamed, copied / ADAPTER_WEIGHTS, metadata={"format": "pt"})
    with pytest.raises(EmbeddingError, match="not those of an adapter of this model"):
        opened(locate_model(str(copied)))
    (copied / ADAPTER_WEIGHTS).unlink()
    with pytest.raises(EmbeddingError, match="missing"):
        opened(locate_model(str(copied)))


def test_an_adapter_is_added_as_peft_adds_it(adapter: Adapted, tiny: ModelFolder) -> None:
    model = load_model(tiny)[0].auto_model
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of one library about another
        expected = PeftModel.from_pretrained(model, str(adapter.folder)).merge_and_unload().state_dict()
    found = load_model(locate_model(str(adapter.folder)))[0].auto_model.state_dict()
    assert set(found) == set(expected)
    assert all(torch.allclose(found[name], value, atol=1e-6) for name, value in expected.items())


@pytest.mark.parametrize("change", [{"use_dora": True}, {"peft_type": "LOHA"}, {"rank_pattern": {"query": 2}}])
def test_an_adapter_of_another_kind_is_refused(adapter: Adapted, tmp_path: Path, change: dict[str, object]) -> None:
    copied = Path(copytree(adapter.folder, tmp_path / "copy"))
    edit_json(copied / ADAPTER_CONFIGURATION, **change)
    with pytest.raises(EmbeddingError, match="of a kind that is not known here"):
        load_model(locate_model(str(copied)))


def test_an_adapter_is_added_to_the_one_that_it_was_trained_on(
    adapter: Adapted, tiny: ModelFolder, tmp_path: Path
) -> None:
    second = Path(copytree(adapter.folder, tmp_path / "second"))
    first = locate_model(str(adapter.folder))
    (second / ADAPTER_BASE).write_text(json.dumps(fingerprint(first).to_json()), encoding="utf-8")
    both = locate_model(str(second))
    assert both.path == tiny.path
    assert both.adapters == (adapter.folder, second)
    assert not fingerprint(both).comparable_with(fingerprint(first))
    name = "encoder.layer.0.attention.self.query.weight"
    plain, once, twice = (load_model(folder)[0].auto_model.state_dict()[name] for folder in (tiny, first, both))
    assert float((once - plain).abs().max()) > 0
    assert torch.allclose(twice - plain, 2 * (once - plain), atol=1e-6)


def test_an_interrupted_run_goes_on_to_the_same_model(
    index: Path, tiny: ModelFolder, tmp_path: Path, adapted: Adapted
) -> None:
    class Cut(Exception):  # noqa: N818  a power cut is no error of ours
        pass

    steps = []

    def cut(stage: str, done: int, total: int) -> None:
        if stage == "Training":
            steps.append(done)
            if done > total / 2 and len(steps) == done:
                raise Cut

    out = tmp_path / "model"
    with pytest.raises(Cut):
        adapt([index], tiny, opened, RECIPE, out, [], cut)
    assert not out.exists()
    again = adapt([index], tiny, opened, RECIPE, out, [], cut)
    assert steps.count(1) == 1
    queries = [opened(locate_model(str(one.folder))).embed_queries(_QUERIES) for one in (again, adapted)]
    assert (queries[0] * queries[1]).sum(axis=1).min() > 0.9999


def test_a_negative_is_of_what_is_taught_is_no_part_of_the_answer_and_has_a_header_if_that_has(
    seeds_index: Path,
) -> None:
    generation = current_generation(seeds_index)
    catalog = CatalogReader(generation.folder)
    held_out = held_out_episodes(catalog)
    embedder = open_embedder(locate_model(DEFAULT_MODEL))
    assert len(held_out) == 2
    pairs = [pair for pair in mine_pairs(catalog, 1).pairs if pair.episode not in held_out]
    vectors, lexical = VectorReader(generation.folder), LexicalReader(generation.folder)
    examples, unfit = with_negatives(pairs, 1000, catalog, vectors, lexical, embedder, held_out, 1, no_progress)
    assert len(examples) + unfit["has hardly to do with its answer"] == len(pairs)
    few, _ = with_negatives(pairs, 10, catalog, vectors, lexical, embedder, held_out, 1, no_progress)
    assert few == examples[:10]
    passages = {stored.number: stored for stored in catalog.all_passages()}
    catalog.close()
    queries = embedder.embed_queries([example.pair.query for example in examples])
    less_near = 0
    for example, query in zip(examples, queries, strict=True):
        pair, answer = example.pair, passages[example.pair.passage]
        [chosen] = [one for one in passages.values() if example.negative == one.passage.text]
        assert chosen.episode not in held_out
        assert chosen.passage.kind is Kind.CONTENT
        texts = [pair.header + pair.text, example.negative_header + example.negative]
        near, far = (
            vectors.passages.cosines(np.array([pair.passage, chosen.number]), query)
            + WEIGHT * shares([example.words], texts, Analyzer())[0]
        )
        less_near += bool(far < 0.95 * near)
        assert far < 0.95 * near or chosen.episode != answer.episode
        if chosen.episode == answer.episode:
            assert abs(chosen.number - answer.number) > 2
            assert answer.passage.question_turn is None or chosen.passage.question_turn != answer.passage.question_turn
        names = pair.source in (Source.SECTION, Source.TITLE)
        assert example.negative_header == ("" if names else chosen.passage.header)
    assert less_near > len(examples) / 2


def test_nothing_is_learnt_of_what_is_held_out(index: Path, tiny: ModelFolder, adapted: Adapted) -> None:
    generation = current_generation(index)
    catalog = CatalogReader(generation.folder)
    held_out = held_out_episodes(catalog)
    pairs = drawn_pairs([pair for pair in mine_pairs(catalog, 1).pairs if pair.episode not in held_out], 1)
    vectors, lexical = VectorReader(generation.folder), LexicalReader(generation.folder)
    examples, unfit = with_negatives(
        pairs, len(pairs), catalog, vectors, lexical, opened(tiny), held_out, RECIPE.seed, no_progress
    )
    catalog.close()
    assert adapted.pairs == Counter(example.pair.source.value for example in examples)
    assert adapted.dropped["has hardly to do with its answer"] == unfit["has hardly to do with its answer"] > 0


def test_held_out_questions_are_judged_by_their_own_answers(index: Path, tiny: ModelFolder) -> None:
    folder = current_generation(index).folder
    catalog, lexical = CatalogReader(folder), LexicalReader(folder)
    pairs = mine_pairs(catalog, 1).pairs
    judged = judge_held_out(pairs, catalog, lexical, held_out_episodes(catalog), opened(tiny))
    catalog.close()
    assert len(judged) > 15
    assert all(one.rank is None or one.tokens is not None for one in judged)
    assert len({one.rank for one in judged}) > 3


def test_the_question_itself_is_not_taken_for_its_answer(seeds_index: Path) -> None:
    folder = current_generation(seeds_index).folder
    catalog, lexical = CatalogReader(folder), LexicalReader(folder)
    embedder = open_embedder(locate_model(DEFAULT_MODEL))
    judged = judge_held_out(mine_pairs(catalog, 1).pairs, catalog, lexical, held_out_episodes(catalog), embedder)
    catalog.close()
    assert measure(judged).recall_at_1 > 0.1


def test_what_cannot_be_done_is_said(index: Path, tiny: ModelFolder, adapted: Adapted, tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    with pytest.raises(OnRecordError, match="is there already"):
        adapt([index], tiny, opened, RECIPE, tmp_path / "there", [], no_progress)
    with pytest.raises(IndexMismatch, match=r"its vectors are of .* Give --model"):
        adapt([index], locate_model(str(adapted.folder)), opened, RECIPE, tmp_path / "new", [], no_progress)


def test_examples_in_docstrings_are_true() -> None:
    assert doctest.testmod(training.adapt).failed == 0


def test_too_little_to_learn_from_is_refused(tiny: ModelFolder, tmp_path: Path) -> None:
    write(tmp_path / "talks" / "one.md", interview("harbours", answers=3))
    make_index(tmp_path / "talks", tmp_path / "index", opened(tiny))
    with pytest.raises(NothingToLearnError, match=r"\d+ pairs to learn from and \d+ questions"):
        adapt([tmp_path / "index"], tiny, opened, RECIPE, tmp_path / "model", [], no_progress)
    assert not (tmp_path / "model").exists()


def test_the_command_tells_what_was_learnt_and_ends_with_1_where_nothing_was(
    index: Path, tiny: ModelFolder, tmp_path: Path, onrecord: Onrecord
) -> None:
    out = tmp_path / "model"
    options = ["--out", out, "--epochs", "0.01", "--runtime", "sentence-transformers"]
    ran = onrecord("adapt", index, *map(str, options))
    assert ran.returncode == 1
    assert ran.stderr == ""
    assert "Learnt from" in ran.stdout
    assert f"{out}: not better than the model that it is made of. Keep that one." in ran.stdout
    assert (out / ADAPTER_WEIGHTS).is_file()
