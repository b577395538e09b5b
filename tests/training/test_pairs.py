"""What is learnt from an archive, and what is not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from indexer.catalog import CatalogReader
from indexer.generations import current_generation
from tests.indexer.making import index as make_index
from tests.indexer.making import write
from training.pairs import Mined, Pair, Source, drawn_pairs, mine_pairs

_TALK = """---
title: Kilns and what they cost
---

# What a kiln is for

**Ada Brandt:** Welcome back. Why would anybody in their right mind fire porcelain with wood in this century?

**Odd Nygaard:** Because ash is a glaze that nobody can mix. It flies through the chamber for three days, and where it
lands it melts into the shoulder of the jar. A gas burner gives you the same jar every time, and I have never wanted the
same jar. We lose a third of them. That third is the price of the other two, and my customers know it when they pay.

**Ada Brandt:** And?

**Odd Nygaard:** And the neighbours complain about the smoke, which is fair. We tell them the week before, we bring them
bowls, and we never light it when the washing is out. Nobody has called the fire brigade since the winter of the long
firing, when we burnt eleven cords of pine and the chimney glowed.

# A word from our sponsor

**Ada Brandt:** This episode is brought to you by Claymore. Claymore delivers forty kinds of clay to your door, and if
you use the code KILN at claymore.example.com you get ten percent off your first order. Go to claymore.example.com today
and use the code KILN.
"""


@pytest.fixture
def mined(tmp_path: Path) -> Iterator[Mined]:
    write(tmp_path / "talks" / "kilns.md", _TALK)
    make_index(tmp_path / "talks", tmp_path / "index")
    catalog = CatalogReader(current_generation(tmp_path / "index").folder)
    yield mine_pairs(catalog, 1)
    catalog.close()


def _of(mined: Mined, source: Source) -> list[Pair]:
    return [pair for pair in mined.pairs if pair.source is source]


def test_a_question_is_paired_with_its_answer_as_it_is_embedded(mined: Mined) -> None:
    asked = _of(mined, Source.QUESTION)
    assert asked[0].query.endswith("fire porcelain with wood in this century?")
    assert asked[0].text.startswith("Kilns and what they cost")
    assert "Because ash is a glaze that nobody can mix." in asked[0].text


def test_a_question_that_says_nothing_is_not_learnt_from(mined: Mined) -> None:
    assert all(pair.query != "And?" for pair in mined.pairs)


def test_a_sentence_is_paired_with_what_stands_around_it_and_not_with_itself(mined: Mined) -> None:
    pairs = _of(mined, Source.SENTENCE)
    assert pairs
    for pair in pairs:
        assert pair.query not in " ".join(pair.text.split())


def test_headings_and_titles_are_paired_with_words_alone(mined: Mined) -> None:
    assert {pair.query for pair in _of(mined, Source.SECTION)} == {"What a kiln is for"}
    assert {pair.query for pair in _of(mined, Source.TITLE)} == {"Kilns and what they cost"}
    for pair in [*_of(mined, Source.SECTION), *_of(mined, Source.TITLE)]:
        assert not pair.text.startswith("Kilns and")


def test_advertisements_are_not_learnt_from(mined: Mined) -> None:
    assert not any("claymore" in pair.text.casefold() for pair in mined.pairs)


def test_the_samples_give_the_same_pairs_every_time_and_others_for_another_seed(seeds_index: Path) -> None:
    catalog = CatalogReader(current_generation(seeds_index).folder)
    first, again, other = mine_pairs(catalog, 1), mine_pairs(catalog, 1), mine_pairs(catalog, 2)
    catalog.close()
    assert first == again
    assert first.pairs != other.pairs
    assert len(first.pairs) > 200
    assert {pair.source for pair in first.pairs} == set(Source)


def test_of_too_many_pairs_those_of_questions_are_taken_first(seeds_index: Path) -> None:
    catalog = CatalogReader(current_generation(seeds_index).folder)
    pairs = mine_pairs(catalog, 1).pairs
    catalog.close()
    asked = [pair for pair in pairs if pair.source is Source.QUESTION]
    assert drawn_pairs(pairs, len(pairs) + 1, 1) == list(pairs)
    few = drawn_pairs(pairs, len(asked) // 2, 1)
    assert len(few) == len(asked) // 2
    assert set(few) < set(asked)
    assert few == sorted(few, key=pairs.index)
    more = drawn_pairs(pairs, len(asked) + 10, 1)
    assert len(more) == len(asked) + 10
    assert set(asked) < set(more)
