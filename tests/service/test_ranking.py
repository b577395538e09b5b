"""The signals and their weights: what counts for nothing changes nothing, and whose words count as answers."""

from __future__ import annotations

import numpy as np
import pytest

from indexer.types import Role
from service.ranking import WEIGHTS, Mode, Ranking, rank
from tests.service.synthetic import Synthetic

ASKED = "who repairs the lantern?"
HYBRID = WEIGHTS[Mode.HYBRID]
EVERYTHING = 10_000


def _rank(synthetic: Synthetic, **weights: float) -> Ranking:
    archive = synthetic.archive
    vector = archive.embedder.embed_queries([ASKED])[0]
    mask = np.ones(archive.passages, dtype=np.bool_)
    return rank(ASKED, vector, mask, EVERYTHING, archive, {**HYBRID, **weights})


def _only(synthetic: Synthetic, signal: str) -> Ranking:
    return _rank(synthetic, **{**dict.fromkeys(HYBRID, 0.0), signal: 1.0})


@pytest.mark.parametrize("signal", HYBRID)
def test_a_signal_alone_is_the_score_and_without_weight_it_is_none_of_it(signal: str, synthetic: Synthetic) -> None:
    alone = _only(synthetic, signal)
    assert alone.scores == pytest.approx(np.clip(alone.signals[signal], 0, 1))
    others = {name: weight for name, weight in HYBRID.items() if name != signal}
    without = _rank(synthetic, **{signal: 0.0})
    mean = sum(np.clip(without.signals[name], 0, 1) * weight for name, weight in others.items()) / sum(others.values())
    assert without.scores == pytest.approx(mean, abs=1e-6)


def test_every_passage_is_a_candidate_unless_words_alone_count(synthetic: Synthetic) -> None:
    assert sorted(_rank(synthetic, passage=0.0).numbers) == list(range(synthetic.archive.passages))
    words = _only(synthetic, "lexical")
    assert 0 < len(words.numbers) < synthetic.archive.passages
    assert (words.signals["lexical"] > 0).all()


def test_a_guest_answers_the_guests_host_asks_and_where_nobody_is_a_guest_all_are_equal(synthetic: Synthetic) -> None:
    archive = synthetic.archive
    with_guest = {voice.episode for voice in archive.catalog.voices if voice.role is Role.GUEST}
    assert 0 < len(with_guest) < len(archive.catalog.episodes)
    for voice in archive.catalog.voices:
        known = {Role.GUEST: 1.0, Role.HOST: 0.0} if voice.episode in with_guest else {}
        assert archive.answering[voice.number] == known.get(voice.role, 0.5)
    ranking = _rank(synthetic)
    assert ranking.signals["answer"].tolist() == archive.answering[archive.columns.voice[ranking.numbers]].tolist()
