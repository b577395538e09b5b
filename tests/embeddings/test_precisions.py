"""What the processor multiplies in changes the speed, and hardly the vectors."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from embeddings.base import PassageInput
from embeddings.model_files import DEFAULT_MODEL, locate_model
from embeddings.openvino_runtime import OpenvinoEmbedder, Precision, Precisions, fastest_precisions
from embeddings.sentence_transformer import load_model
from indexer.catalog import CatalogReader
from indexer.generations import current_generation
from indexer.passages import embedded_text
from tests.benchmarks.load import questions_of
from tests.conftest import SEEDS

NEARLY_EQUAL = 0.01
QUESTIONS = questions_of(SEEDS / "questions.jsonl")


@pytest.fixture(scope="module")
def passages(seeds_index: Path) -> list[PassageInput]:
    catalog = CatalogReader(current_generation(seeds_index).folder)
    found = [PassageInput(*embedded_text(stored.passage)) for stored in islice(catalog.all_passages(), None, None, 3)]
    catalog.close()
    return found


@pytest.mark.parametrize("precision", list(Precision))
def test_every_precision_gives_the_models_own_vectors_and_first_hits(
    precision: Precision, passages: Sequence[PassageInput]
) -> None:
    folder = locate_model(DEFAULT_MODEL)
    reference = load_model(folder).to("cpu")
    expected = reference.encode([passage.text for passage in passages], normalize_embeddings=True)
    asked = reference.encode(QUESTIONS, normalize_embeddings=True)
    embedder = OpenvinoEmbedder(folder, Precisions(precision, precision))
    found = np.stack([vectors.vector for vectors in embedder.embed_passages(passages)])
    queries = embedder.embed_queries(QUESTIONS)
    assert (found * expected).sum(axis=1).min() > 0.999
    assert (queries * asked).sum(axis=1).min() > 0.999
    for ours, theirs in zip(queries @ found.T, asked @ expected.T, strict=True):
        first = np.argsort(-ours)[:10]
        # Passages that sentence-transformers holds for equally near may change places, others may not.
        assert theirs[first].min() > np.sort(theirs)[-10] - NEARLY_EQUAL
        assert theirs[first[0]] > theirs.max() - NEARLY_EQUAL


@pytest.mark.parametrize(
    ("flags", "precisions"),
    [
        ("fma avx512f avx512_vnni amx_bf16 amx_int8", Precisions(Precision.BFLOAT16, Precision.EIGHT_BIT)),
        ("fma avx512f avx512_bf16 avx512_vnni", Precisions(Precision.EIGHT_BIT, Precision.EIGHT_BIT)),
        ("fma avx2 avx_vnni", Precisions(Precision.EIGHT_BIT, Precision.EIGHT_BIT)),
        ("fma avx2", Precisions(Precision.FLOAT32, Precision.FLOAT32)),
        ("", Precisions(Precision.FLOAT32, Precision.FLOAT32)),
    ],
)
def test_matrix_units_are_used_for_passages_and_8_bits_for_queries(flags: str, precisions: Precisions) -> None:
    assert fastest_precisions(frozenset(flags.split())) == precisions


def test_queries_find_passages_that_were_multiplied_otherwise(passages: Sequence[PassageInput]) -> None:
    folder = locate_model(DEFAULT_MODEL)
    mixed = OpenvinoEmbedder(folder, Precisions(Precision.FLOAT32, Precision.EIGHT_BIT))
    alike = OpenvinoEmbedder(folder, Precisions(Precision.FLOAT32, Precision.FLOAT32))
    few = QUESTIONS[:20]
    cosines = (mixed.embed_queries(few) * alike.embed_queries(few)).sum(axis=1)
    assert 0.999 < cosines.min() < 1 - 1e-6
    found = np.stack([vectors.vector for vectors in mixed.embed_passages(passages)])
    assert np.array_equal(found, np.stack([vectors.vector for vectors in alike.embed_passages(passages)]))
