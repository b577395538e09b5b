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

_KILNS = """---
title: Kilns and what they cost
---

# What a kiln is for

**Ada Brandt:** Welcome back. Why would anybody in their right mind fire porcelain with wood in this century?

**Odd Nygaard:** Because ash is a glaze that nobody can mix. It flies through the chamber for three days, and where it
lands it melts into the shoulder of the jar. A gas burner gives you the same jar every time, and I have never wanted
the same jar. We lose a third of them. That third is the price of the other two, and my customers know it when they
pay.

**Ada Brandt:** And then what did you do about it all?

**Odd Nygaard:** And then we knew that what you do about it is all that you did. The neighbours complain, which is
fair. We tell them the week before, we bring them bowls, and we never light it when the washing is out. Nobody has
called the fire brigade since the winter of the long firing, when we burnt eleven cords of pine.

**Ada Brandt:** I have always thought that shards belong in a museum and nowhere else.

**Odd Nygaard:** And then what all of you did about it was to dig, which is what you do. The heap behind the workshop
goes back to my grandfather, and students from the academy count the layers of it every summer with a great deal of
patience.

**Ada Brandt:** Would you ever mend a broken teapot with gold?

**Odd Nygaard:** I would never ever mend a broken teapot with gold, and what is it all about? You did ask, and then I
do say so. I throw it on the heap like everything else, for the clay remembers nothing, and neither do I remember any
of my own.

**Ada Brandt:** It smokes for days. And then what of you all?

**Odd Nygaard:** What they did about it then was to do all of it over, and you may see that for yourself any morning.
It is a long road up to the kiln with a cart, so in the end whoever has a complaint has also carried some of the pine
by then.

# A word from our sponsor

**Ada Brandt:** This episode is brought to you by Claymore. Claymore delivers forty kinds of clay to your door, and if
you use the code KILN at claymore.example.com you get ten percent off your first order. Go to claymore.example.com
today and use the code KILN.
"""
_LATHES = """**Ada Brandt:** Who taught you to sharpen a gouge?

**Tor Lie:** My uncle did, on a wheel that he turned with his foot while he read the paper to us all. I was seven, and
for a year I did nothing else than hold steel to stone. The first bowl came after that, and it was not worth the elm.

**Ada Brandt:** Which tool would you save from a burning workshop?

**Tor Lie:** The steady rest, because I made it out of the wheels of the pram that my children lay in. A lathe is
bought again within a week by anybody who has the money for it, and mine was never a very good one to begin with, as
you see.
"""
_LOOMS = """**Ada Brandt:** Which tool would you save from a burning workshop?

**Siv Moe:** A shuttle of pear wood that has crossed the warp for ninety years, and whose groove fits my thumb. It
came to me from a neighbour who wove sails, and when I lend it I sit beside whoever has borrowed it until it is back
again.
"""


@pytest.fixture(scope="module")
def mined(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mined]:
    folder = tmp_path_factory.mktemp("crafts")
    for name, text in (("kilns", _KILNS), ("lathes", _LATHES), ("looms", _LOOMS)):
        write(folder / "talks" / f"{name}.md", text)
    make_index(folder / "talks", folder / "index")
    catalog = CatalogReader(current_generation(folder / "index").folder)
    yield mine_pairs(catalog, 1)
    catalog.close()


def _of(mined: Mined, source: Source) -> list[Pair]:
    return [pair for pair in mined.pairs if pair.source is source]


def test_what_a_turn_asks_last_is_paired_with_its_answer_as_it_is_embedded(mined: Mined) -> None:
    first = _of(mined, Source.QUESTION)[0]
    assert first.query == "Why would anybody in their right mind fire porcelain with wood in this century?"
    assert first.header.startswith("Kilns and what they cost")
    assert first.text.startswith("Because ash is a glaze that nobody can mix.")


def test_a_question_that_does_not_say_what_it_is_about_is_taken_with_what_stands_before_it(mined: Mined) -> None:
    assert "It smokes for days. And then what of you all?" in {pair.query for pair in mined.pairs}


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ("And then what did you do about it all?", "says nothing of what it is about"),
        ("I have always thought that shards belong in a museum and nowhere else.", "asks nothing"),
        ("Would you ever mend a broken teapot with gold?", "shares every telling word with its answer"),
    ],
)
def test_of_a_question_that_teaches_nothing_it_is_told_why(mined: Mined, query: str, why: str) -> None:
    assert query not in {pair.query for pair in _of(mined, Source.QUESTION)}
    assert mined.dropped[why] >= 1


def test_a_question_that_is_asked_everywhere_is_learnt_from_in_one_episode(mined: Mined) -> None:
    asked = [pair for pair in _of(mined, Source.QUESTION) if pair.query.startswith("Which tool")]
    assert [pair.header for pair in asked] == ["lathes\nTor Lie: "]
    assert mined.dropped["asked in another episode too"] == 1


def test_a_sentence_is_paired_with_what_stands_around_it_and_not_with_itself(mined: Mined) -> None:
    pairs = _of(mined, Source.SENTENCE)
    assert len(pairs) > 3
    for pair in pairs:
        assert pair.query not in " ".join(pair.text.split())


def test_headings_and_titles_are_paired_with_words_alone(mined: Mined) -> None:
    assert {pair.query for pair in _of(mined, Source.SECTION)} == {"What a kiln is for"}
    assert {pair.query for pair in _of(mined, Source.TITLE)} == {"Kilns and what they cost"}
    for pair in [*_of(mined, Source.SECTION), *_of(mined, Source.TITLE)]:
        assert not pair.header


def test_advertisements_are_not_learnt_from(mined: Mined) -> None:
    assert not any("claymore" in pair.text.casefold() for pair in mined.pairs)


def test_the_samples_give_the_same_pairs_every_time_and_others_for_another_seed(seeds_index: Path) -> None:
    catalog = CatalogReader(current_generation(seeds_index).folder)
    first, again, other = mine_pairs(catalog, 1), mine_pairs(catalog, 1), mine_pairs(catalog, 2)
    catalog.close()
    assert first == again
    assert first.pairs != other.pairs
    assert len(first.pairs) > 200
    assert {pair.source for pair in first.pairs} == set(Source) - {Source.LABELLED}


def test_questions_and_other_pairs_are_taken_by_turns(seeds_index: Path) -> None:
    catalog = CatalogReader(current_generation(seeds_index).folder)
    pairs = mine_pairs(catalog, 1).pairs
    catalog.close()
    asked = sum(pair.source is Source.QUESTION for pair in pairs)
    drawn = drawn_pairs(pairs, 1)
    assert sorted(drawn, key=pairs.index) == list(pairs)
    assert drawn == drawn_pairs(pairs, 1) != drawn_pairs(pairs, 2)
    are_questions = [pair.source is Source.QUESTION for pair in drawn]
    assert are_questions == [True, False] * asked + [False] * (len(pairs) - 2 * asked)
