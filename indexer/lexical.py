"""Words on disk: the home of tantivy. What a word is, stemmed, names and numbers intact, and where phrases stand.

The scores are those of `indexer.postings`, over the same terms: a ranking asks for any passage's, under any filter.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice, pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import numpy as np
import tantivy
from numpy.typing import NDArray

from indexer.blocks import Moved
from indexer.disk import as_os_errors
from indexer.errors import IndexBroken
from indexer.postings import PostingsReader, PostingsWriter, mean_lengths
from indexer.vocabulary import Vocabulary

LEXICAL_FOLDER = "lexical"
EPISODES_FILE = "episodes.npy"
_ANALYZER = "transcript"
_WRITER_MEMORY = 64_000_000
# The tokenizer's words, in the spelling of this language's expressions.
_WORD = r"[^\W_]+(?:['’.][^\W_]+)*"
_WORDS_REMEMBERED = 200_000
# Stop words leave their places empty: "state of the art" is two words, two places apart.
_SLOP = 2
_PLACE_BITS = 20
_STOP_WORDS = (
    "a about after all also am an and any are aren't as at be because been before being but by can can't could "
    "did didn't do does doesn't doing don't down for from get go got had has have having he her here him his how "
    "i i'd i'll i'm i've if in into is isn't it it's its just kind let like me more most my no nor not of off on "
    "or our out over own really said same say says she should so some such than that that's the their them then "
    "there these they they're thing things think this those through to too up us very was we we're well were what "
    "when where which while who whom why will with would you you're your yeah"
).split()


def _analyzer() -> tantivy.TextAnalyzer:
    return (
        tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.regex(r"[\p{L}\p{N}]+(?:['’.][\p{L}\p{N}]+)*"))
        .filter(tantivy.Filter.lowercase())
        .filter(tantivy.Filter.custom_stopword([*_STOP_WORDS, *(w.replace("'", "’") for w in _STOP_WORDS)]))
        .filter(tantivy.Filter.ascii_fold())
        .filter(tantivy.Filter.stemmer("English"))
        .build()
    )


class Analyzer:
    """A text's words as an index knows them: stemmed, stop words gone. Safe to use from several threads."""

    def __init__(self) -> None:
        self._analyzer = _analyzer()
        # No term reaches across a blank, and few words are new.
        self._of_word = lru_cache(_WORDS_REMEMBERED)(_analyzer().analyze)

    def terms(self, text: str) -> list[str]:
        """In order."""
        found: list[str] = self._analyzer.analyze(text)
        return found

    def placed_terms(self, text: str) -> list[str]:
        """A term, or "" for a stop word, at the place of each word."""
        return [next(iter(self._of_word(word)), "") for word in re.findall(_WORD, text)]

    def terms_of_words(self, text: str) -> list[str]:
        """The same as `terms`, faster for many texts."""
        return [term for word in text.split() for term in self._of_word(word)]


def _schema() -> tantivy.Schema:
    builder = tantivy.SchemaBuilder()
    builder.add_unsigned_field("passage", indexed=True, fast=True)
    builder.add_text_field("text", tokenizer_name=_ANALYZER, index_option="position")
    return builder.build()


@dataclass(frozen=True, slots=True)
class Worded:
    """A passage's words, and those that stand for what it is about: its header, and the question it replies to."""

    text: str
    header: str = ""
    question: str | None = None


class _Found(NamedTuple):
    """Passages that a query of tantivy's matches, and its scores, both of shape (found,)."""

    numbers: NDArray[np.int64]
    scores: NDArray[np.float32]


class LexicalWriter:
    """Takes the passages' words in the order of the catalog.

    To tantivy a passage is called by a number of its episode, which stays from generation to generation, and its place
    in it: what is indexed once need not be indexed again when other passages come before it.
    """

    def __init__(self, folder: Path, kept: Path | None = None, *, whole: bool = False) -> None:
        """
        Args:
            kept: the folder of an earlier generation, out of which passages may be taken over.
            whole: all of its passages will be.
        """
        self._path = folder / LEXICAL_FOLDER
        self._kept_episodes = _episodes_of(kept) if kept else np.zeros((0, 2), dtype=np.int64)
        self._whole = kept is not None and whole
        if kept and whole:
            shutil.copytree(kept / LEXICAL_FOLDER, self._path)
            index = tantivy.Index.open(str(self._path))
        else:
            self._path.mkdir()
            with as_os_errors(self._path, ValueError):
                index = tantivy.Index(_schema(), path=str(self._path))
        self._terms = Analyzer().terms_of_words
        index.register_tokenizer(_ANALYZER, _analyzer())
        self._writer = index.writer(heap_size=_WRITER_MEMORY, num_threads=len(os.sched_getaffinity(0)))
        self._postings = PostingsWriter(folder, kept)
        self._episodes: list[tuple[int, int]] = []
        self._next_episode = int(self._kept_episodes[:, 0].max(initial=-1)) + 1
        self._count = 0

    def add_episode(self, passages: Sequence[Worded]) -> None:
        """The passages of one episode, in order."""
        if not passages:
            return
        self._index(self._next_episode, [passage.text for passage in passages])
        self._episodes.append((self._next_episode, self._count))
        self._next_episode += 1
        self._count += len(passages)
        self._postings.add_episode(
            [self._terms(passage.text) for passage in passages],
            [self._terms(passage.header) for passage in passages],
            [None if passage.question is None else self._terms(passage.question) for passage in passages],
        )

    def take(self, passages: Moved, texts: Iterator[str]) -> None:
        """Passages of the earlier generation, whole episodes of it; `texts` are theirs, and read only if need be."""
        starts = self._kept_episodes[:, 1]
        first, last = np.searchsorted(starts, [passages.old, passages.old + passages.count])
        ends = [*starts[first + 1 : last].tolist(), passages.old + passages.count]
        for (episode, start), end in zip(self._kept_episodes[first:last].tolist(), ends, strict=True):
            if not self._whole:
                self._index(episode, list(islice(texts, end - start)))
            self._episodes.append((episode, start + passages.shift))
        self._count += passages.count
        self._postings.take(passages)

    def close(self) -> None:
        with as_os_errors(self._path, ValueError):
            self._writer.commit()
            self._writer.wait_merging_threads()
        np.save(self._path / EPISODES_FILE, np.array(self._episodes, dtype=np.int64).reshape(-1, 2))
        self._postings.close()

    def _index(self, episode: int, texts: Sequence[str]) -> None:
        for place, text in enumerate(texts):
            document = tantivy.Document()
            document.add_unsigned("passage", episode << _PLACE_BITS | place)
            document.add_text("text", text)
            with as_os_errors(self._path, ValueError):
                self._writer.add_document(document)


class LexicalReader:
    """Passages by their words. Safe to use from several threads."""

    def __init__(self, folder: Path) -> None:
        """Opens what a `LexicalWriter` wrote.

        Raises:
            IndexBroken: it is missing or cannot be read.
        """
        path = folder / LEXICAL_FOLDER
        try:
            self._index = _opened(path)
        except (ValueError, OSError) as error:
            raise IndexBroken(f"{path}: tantivy cannot read it ({error}). Run `onrecord index` again.") from error
        self._index.register_tokenizer(_ANALYZER, _analyzer())
        self._schema = self._index.schema
        self._analyzer = Analyzer()
        self._searcher = self._index.searcher()
        self._postings = PostingsReader(folder)
        episodes = _episodes_of(folder)
        # In the order of tantivy's numbers.
        self._episodes = episodes[np.argsort(episodes[:, 0])]

    def __len__(self) -> int:
        return self._searcher.num_docs

    def terms(self, query: str) -> list[str]:
        """The query's words as the index knows them, in order; stop words are gone."""
        return self._analyzer.terms(query)

    def placed_terms(self, text: str) -> list[str]:
        """See `Analyzer.placed_terms`."""
        return self._analyzer.placed_terms(text)

    def mean_lengths(self) -> tuple[float, float]:
        """How many terms passages have, and headers and questions, in the mean."""
        return mean_lengths(self._postings.lengths, len(self))

    @property
    def vocabulary(self) -> Vocabulary:
        """The terms that somebody says."""
        return self._postings.vocabulary

    def matched(self, terms: Sequence[str]) -> Matched:
        """What the passages hold of some terms, in order."""
        return Matched(terms, self._postings, self._side_by_side)

    def holding_phrase(self, text: str, limit: int) -> list[int]:
        """Passages that hold a text's words one after the other, whatever stands at the places of its stop words."""
        places = [(place, term) for place, term in enumerate(self._analyzer.placed_terms(text)) if term]
        if not places:
            return []
        first = places[0][0]
        query = (
            tantivy.Query.phrase_query(self._schema, "text", [(place - first, term) for place, term in places])
            if len(places) > 1
            else self._term(places[0][1])
        )
        return self._passages(query, limit)

    def holding_all(self, terms: Sequence[str], allowed: NDArray[np.bool_]) -> list[int]:
        """The passages of a mask that hold every one of some terms, in no order."""
        query = tantivy.Query.boolean_query([(tantivy.Occur.Must, self._term(term)) for term in terms])
        fewest = min(map(self.vocabulary.frequency, terms))
        return [number for number in self._passages(query, fewest) if allowed[number]] if fewest else []

    def _term(self, term: str) -> tantivy.Query:
        return tantivy.Query.term_query(self._schema, "text", term, "freq")

    def _side_by_side(self, terms: Sequence[str]) -> _Found:
        """The passages that hold pairs of neighbouring terms side by side; the score is what their pairs weigh."""
        weights = {pair: min(map(self._postings.vocabulary.weight, pair)) for pair in sorted(set(pairwise(terms)))}
        fewest = [min(map(self.vocabulary.frequency, pair)) for pair in weights]
        if not any(fewest):
            return _Found(np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.float32))
        phrases = [
            (
                tantivy.Occur.Should,
                tantivy.Query.const_score_query(
                    tantivy.Query.phrase_query(self._schema, "text", list(pair), slop=_SLOP), weight
                ),
            )
            for pair, weight in weights.items()
        ]
        return self._found(tantivy.Query.boolean_query(phrases), min(sum(fewest), len(self)))

    def _passages(self, query: tantivy.Query, limit: int) -> list[int]:
        """The numbers of the first passages that a query matches."""
        numbers: list[int] = self._found(query, limit).numbers.tolist()
        return numbers

    def _found(self, query: tantivy.Query, limit: int) -> _Found:
        hits = self._searcher.search(query, limit, count=False).hits
        called = np.array(self._searcher.fast_field_values("passage", [place for _, place in hits]), dtype=np.int64)
        rows = np.searchsorted(self._episodes[:, 0], called >> _PLACE_BITS)
        places = self._episodes[rows, 1] + (called & ((1 << _PLACE_BITS) - 1))
        return _Found(places, np.array([score for score, _ in hits], dtype=np.float32))


def _opened(path: Path) -> tantivy.Index:
    """tantivy locks what it opens by a file beside it. Where it may not write, links elsewhere lead it to the files."""
    if os.access(path, os.W_OK):
        return tantivy.Index.open(str(path))
    # Its watcher may put a lock there while the links are removed.
    with TemporaryDirectory(prefix="onrecord-", ignore_cleanup_errors=True) as links:
        for file in path.iterdir():
            if file.suffix != ".lock":
                Path(links, file.name).symlink_to(file.resolve())
        return tantivy.Index.open(links)  # has all files open from here on


def _episodes_of(folder: Path) -> NDArray[np.int64]:
    """Tantivy's number of each episode that has passages, and its first passage, in the order of the passages."""
    path = folder / LEXICAL_FOLDER / EPISODES_FILE
    try:
        episodes: NDArray[np.int64] = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise IndexBroken(f"{path}: cannot be read ({error}). Run `onrecord index` again.") from error
    return episodes


class Matched:
    """What the passages of an index hold of some terms."""

    def __init__(
        self, terms: Sequence[str], postings: PostingsReader, side_by_side: Callable[[Sequence[str]], _Found]
    ) -> None:
        self._terms = terms
        self._postings = postings
        self._side_by_side = side_by_side
        self._shares = postings.shares(sorted(set(terms)))
        self._holding = np.flatnonzero(self._shares > 0)

    def best(self, limit: int, allowed: NDArray[np.bool_] | None = None) -> NDArray[np.int64]:
        """The numbers of the `limit` passages that hold most of the terms, best first.

        Args:
            allowed: which passages may be found, of shape (passages,); None is all of them.
        """
        numbers = self._holding if allowed is None else self._holding[allowed[self._holding]]
        if len(numbers) > limit:
            numbers = numbers[np.argpartition(-self._shares[numbers], limit)[:limit]] if limit else numbers[:0]
        order = np.lexsort((numbers, -self._shares[numbers]))
        found: NDArray[np.int64] = numbers[order]
        return found

    def best_of_each(self, pools: Sequence[tuple[NDArray[np.bool_], int]]) -> list[NDArray[np.int64]]:
        """The same for each of some pools: masks, and how many of each."""
        return [self.best(limit, allowed) for allowed, limit in pools]

    def shares(self, numbers: NDArray[np.int64]) -> NDArray[np.float32]:
        """How much of the terms some passages hold: BM25 over its own upper bound, 0 to 1.

        It says how much of the question was matched, not who matched best.
        """
        found: NDArray[np.float32] = self._shares[numbers]
        return found

    def around(self, numbers: NDArray[np.int64]) -> NDArray[np.float32]:
        """The same with the words around them: see `PostingsReader.shares_around`."""
        return self._postings.shares_around(sorted(set(self._terms)), numbers)

    def phrases(self, numbers: NDArray[np.int64]) -> NDArray[np.float32]:
        """How much of the pairs of neighbouring terms some passages hold side by side, 0 to 1.

        A pair weighs as much as its more common term, against the weight of all terms: few terms, few pairs.
        """
        weights = np.zeros(len(self._shares), dtype=np.float32)
        found = self._side_by_side(self._terms)
        weights[found.numbers] = found.scores
        total = sum(map(self._postings.vocabulary.weight, set(self._terms)))
        taken: NDArray[np.float32] = weights[numbers] / np.float32(total or 1)
        return taken
