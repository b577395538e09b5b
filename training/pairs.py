"""What an archive teaches: pairs of what somebody might ask and the words that answer it.

An interview is a labelled set that nobody had to label. A pair comes from an interviewer's question and the answer to
it; from a sentence and what is said around it; from a section's heading and what is said under it; from an episode's
title and what is said in it.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from enum import StrEnum
from itertools import chain
from pathlib import PurePosixPath

import numpy as np

from indexer.catalog import CatalogReader, EpisodeRow, StoredPassage
from indexer.sentences import sentence_spans
from indexer.types import Kind

_WORD = re.compile(r"[^\W\d_]{3,}")
_LEAST_WORDS_OF_ANSWER = 30
_MOST_WORDS_OF_QUESTION = 80
_LEAST_TELLING_WORDS = 2
# A word in more than this share of the passages, and in more than two of them, tells nothing of what a query is about.
_TOO_COMMON = 0.05
_ALWAYS_TELLING = 2
_SENTENCE_WORDS = range(8, 41)
_LEAST_SENTENCES = 3
# The passages beside an answer go on with it.
BESIDE = 2
_PASSAGES_OF_A_QUESTION = 2
_PASSAGES_OF_A_SECTION = 2
_PASSAGES_OF_A_TITLE = 3


class Source(StrEnum):
    """What a pair is made of."""

    QUESTION = "question"
    SENTENCE = "sentence"
    SECTION = "section"
    TITLE = "title"
    LABELLED = "labelled question"


# Not the others: a header holds the title and the section's heading.
_WITH_HEADER = (Source.QUESTION, Source.SENTENCE, Source.LABELLED)


@dataclass(frozen=True, slots=True)
class Pair:
    """`text` answers `query`. `passage` is its number in the catalog, `episode` that of its episode.

    `header`: what stands before the text when it is embedded; none where it would give the answer away.
    `also`: other passages that answer the query.
    """

    source: Source
    query: str
    header: str
    text: str
    episode: int
    passage: int
    also: frozenset[int] = frozenset()


def are_of_one_answer(one: Pair, other: Pair) -> bool:
    """Whether what answers the other's query answers this one's too: it is labelled so, or goes on with its answer."""
    beside = abs(one.passage - other.passage) <= BESIDE and (one.episode, one.header) == (other.episode, other.header)
    return beside or other.passage in one.also


@dataclass(frozen=True, slots=True)
class Mined:
    """`dropped`: how many pairs were not taken, by why."""

    pairs: tuple[Pair, ...]
    dropped: Mapping[str, int]


def mine_pairs(catalog: CatalogReader, seed: int) -> Mined:
    """The pairs in an archive, cleaned, in the order of their passages; the same ones for the same seed."""
    spoken = [stored for stored in catalog.all_passages() if is_taught(stored, catalog)]
    common = _common_words(stored.passage.text for stored in spoken)
    taken: list[Pair] = []
    dropped: Counter[str] = Counter()
    asked_in: dict[str, int] = {}
    for pair in _all_pairs(spoken, common, catalog, np.random.default_rng(seed)):
        why = _unfit(pair, common)
        if why is None and asked_in.setdefault(pair.query.casefold(), pair.episode) != pair.episode:
            why = "asked in another episode too"
        if why is None:
            taken.append(pair)
        else:
            dropped[why] += 1
    return Mined(tuple(sorted(taken, key=lambda pair: pair.passage)), dropped)


def drawn_pairs(pairs: Sequence[Pair], seed: int) -> list[Pair]:
    """Pairs in an order that is drawn: questions and others by turns, as long as there are both."""
    drawn = [pairs[place] for place in np.random.default_rng(seed).permutation(len(pairs))]
    asked = [pair for pair in drawn if pair.source is Source.QUESTION]
    others = [pair for pair in drawn if pair.source is not Source.QUESTION]
    by_turns = chain.from_iterable(zip(asked, others, strict=False))
    both = min(len(asked), len(others))
    return [*by_turns, *asked[both:], *others[both:]]


def is_taught(stored: StoredPassage, catalog: CatalogReader) -> bool:
    """Whether something is learnt from a passage: no advertisement, teaser, double or back-channel."""
    passage = stored.passage
    return (
        passage.kind is Kind.CONTENT
        and catalog.episodes[stored.episode].duplicate_of is None
        and len(passage.text.split()) >= _LEAST_WORDS_OF_ANSWER
    )


def _common_words(texts: Iterable[str]) -> AbstractSet[str]:
    counts: Counter[str] = Counter()
    total = 0
    for text in texts:
        total += 1
        counts.update(_words(text))
    return {word for word, count in counts.items() if count > max(_TOO_COMMON * total, _ALWAYS_TELLING)}


def _words(text: str) -> set[str]:
    return set(_WORD.findall(text.casefold()))


def _unfit(pair: Pair, common: AbstractSet[str]) -> str | None:
    """Why nothing is learnt from a pair."""
    telling = _words(pair.query) - common
    if pair.source is Source.QUESTION and "?" not in pair.query:
        return "asks nothing"
    if len(telling) < (_LEAST_TELLING_WORDS if pair.source is Source.QUESTION else 1):
        return "says nothing of what it is about"
    if pair.source in _WITH_HEADER and telling <= _words(pair.header + pair.text):
        return "shares every telling word with its answer"
    return None


def _all_pairs(
    spoken: Sequence[StoredPassage], common: AbstractSet[str], catalog: CatalogReader, drawn: np.random.Generator
) -> Iterator[Pair]:
    by_episode: dict[int, list[StoredPassage]] = defaultdict(list)
    for stored in spoken:
        by_episode[stored.episode].append(stored)
    for number, passages in by_episode.items():
        yield from _of_questions(passages, common, catalog)
        yield from _of_sentences(passages, drawn)
        yield from _of_sections(passages, drawn)
        yield from _of_title(passages, catalog.episodes[number], drawn)


def _of_questions(
    passages: Sequence[StoredPassage], common: AbstractSet[str], catalog: CatalogReader
) -> Iterator[Pair]:
    asked = catalog.questions_of([stored.number for stored in passages])
    answers: Counter[int] = Counter()
    for stored in passages:
        if stored.number not in asked:
            continue
        turn, _, text = asked[stored.number]
        answers[turn] += 1
        if answers[turn] <= _PASSAGES_OF_A_QUESTION:
            query = _question_in(text, common)
            yield _pair(Source.QUESTION, query, stored, stored.passage.text)


def _question_in(turn: str, common: AbstractSet[str]) -> str:
    """A turn's last question, with as many sentences before it as it takes to say what it is about."""
    spans = sentence_spans(turn)
    last = max((i for i, span in enumerate(spans) if "?" in turn[slice(*span)]), default=len(spans) - 1)
    end = spans[last][1]
    for start, _ in reversed(spans[: last + 1]):
        query = turn[start:end]
        if len(_words(query) - common) >= _LEAST_TELLING_WORDS or len(query.split()) > _MOST_WORDS_OF_QUESTION:
            break
    return query


def _of_sentences(passages: Sequence[StoredPassage], drawn: np.random.Generator) -> Iterator[Pair]:
    """One sentence of each passage, and the passage without it."""
    for stored in passages:
        text, first = stored.passage.text, stored.passage.char_start
        spans = [(start - first, end - first) for start, end in stored.passage.sentences]
        fitting = [span for span in spans if len(text[slice(*span)].split()) in _SENTENCE_WORDS]
        if len(spans) < _LEAST_SENTENCES or not fitting:
            continue
        start, end = fitting[drawn.integers(len(fitting))]
        around = f"{text[:start].rstrip()} {text[end:].lstrip()}".strip()
        yield _pair(Source.SENTENCE, text[start:end], stored, around)


def _of_sections(passages: Sequence[StoredPassage], drawn: np.random.Generator) -> Iterator[Pair]:
    under: dict[str, list[StoredPassage]] = defaultdict(list)
    for stored in passages:
        if stored.passage.section:
            under[stored.passage.section].append(stored)
    for section, found in under.items():
        for stored in _some(found, _PASSAGES_OF_A_SECTION, drawn):
            yield _pair(Source.SECTION, section, stored, stored.passage.text)


def _of_title(passages: Sequence[StoredPassage], row: EpisodeRow, drawn: np.random.Generator) -> Iterator[Pair]:
    if row.title == PurePosixPath(row.source).stem:
        return  # nobody gave it one
    for stored in _some(passages, _PASSAGES_OF_A_TITLE, drawn):
        yield _pair(Source.TITLE, row.title, stored, stored.passage.text)


def _some(passages: Sequence[StoredPassage], limit: int, drawn: np.random.Generator) -> list[StoredPassage]:
    return [passages[place] for place in drawn.permutation(len(passages))[:limit]]


def _pair(source: Source, query: str, stored: StoredPassage, words: str) -> Pair:
    header = stored.passage.header if source in _WITH_HEADER else ""
    return Pair(source, " ".join(query.split()), header, words, stored.episode, stored.number)
