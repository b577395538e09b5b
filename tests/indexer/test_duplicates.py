from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from indexer.catalog import CatalogReader
from indexer.duplicates import find_duplicates, sketch
from indexer.types import Episode, TimeMark, Turn
from tests.indexer.making import LENA, OMAR, episode_with, index, interview, write


def episode(source: str, *words: str, speaker: str | None = OMAR) -> Episode:
    return replace(episode_with([Turn(speaker, " ".join(words))]), source=source)


def words(start: int, count: int) -> list[str]:
    return [f"w{n}" for n in range(start, start + count)]


def doubles(*episodes: Episode) -> dict[str, str]:
    return find_duplicates([sketch(entry) for entry in episodes])


def test_the_same_words_under_two_names_are_one_interview() -> None:
    assert doubles(episode("b.md", *words(0, 400)), episode("a.srt", *words(0, 400))) == {"b.md": "a.srt"}


def test_a_few_words_changed_make_no_other_interview() -> None:
    assert doubles(episode("a.md", *words(0, 400)), episode("b.md", "Hello", *words(0, 395), "Bye")) != {}


def test_interviews_that_share_a_passage_are_two() -> None:
    assert doubles(episode("a.md", *words(0, 400)), episode("b.md", *words(300, 400))) == {}


def test_short_talks_are_never_doubles() -> None:
    assert doubles(episode("a.md", "Hi", "there"), episode("b.md", "Hi", "there")) == {}


def test_the_one_that_names_its_speakers_or_has_times_is_kept() -> None:
    unnamed, named = episode("a.md", *words(0, 400), speaker=None), episode("b.md", *words(0, 400), speaker=LENA)
    timed = replace(named, source="c.md", turns=(replace(named.turns[0], marks=(TimeMark(0, 1.0),)),))
    assert doubles(unnamed, named) == {"a.md": "b.md"}
    assert doubles(named, timed) == {"b.md": "c.md"}


def test_a_double_is_in_the_catalog_but_is_not_searched_twice(tmp_path: Path) -> None:
    for name in ("talk.md", "copies/talk-again.md"):
        write(tmp_path / "talks" / name, interview("harbours", answers=3))
    outcome = index(tmp_path / "talks", tmp_path / "index")
    assert outcome.generation is not None
    catalog = CatalogReader(outcome.generation.folder)
    kept, double = catalog.episodes
    assert (double.duplicate_of, kept.duplicate_of) in {(kept.id, None), (None, double.id)}
    assert {entry.episode for entry in catalog.all_passages()} == {0 if kept.duplicate_of is None else 1}
    catalog.close()
    assert outcome.report["duplicates"] in ({kept.source: double.source}, {double.source: kept.source})
    assert outcome.report["words_duplicate"] * 2 == outcome.report["words"]
