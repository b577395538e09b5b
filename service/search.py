"""A query to ranked hits.

Candidates are the passages nearest in meaning and those that match most words, both under the filters. Each
gets every signal, and the score is their weighted mean:

- `passage`: cosine of the query and the passage read with its title, section and speaker;
- `sentence`: cosine of the query and the passage's best sentence, which is then the quote;
- `lexical`: the share of the query's words that the passage matches (BM25 over its own upper bound).

Scores lie between 0 and 1, mean the same from query to query, and fall down the ranking.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from indexer.catalog import KINDS, StoredPassage
from indexer.types import Kind
from service.archive import Archive
from service.filters import Filters, resolve

CANDIDATES = 150
MAX_LIMIT = 100
MAX_OFFSET = 1000


class Mode(StrEnum):
    HYBRID = "hybrid"
    DENSE = "dense"
    LEXICAL = "lexical"


class GroupBy(StrEnum):
    EPISODE = "episode"
    SPEAKER = "speaker"


WEIGHTS: Mapping[Mode, Mapping[str, float]] = {
    Mode.HYBRID: {"passage": 0.5, "sentence": 0.5, "lexical": 0.8},
    Mode.DENSE: {"passage": 0.5, "sentence": 0.5, "lexical": 0.0},
    Mode.LEXICAL: {"passage": 0.0, "sentence": 0.0, "lexical": 1.0},
}


@dataclass(frozen=True, slots=True)
class Search:
    """What is asked. `per_episode` and `group_by` thin the ranking out; `min_score` acts on the score alone."""

    query: str
    limit: int = 10
    offset: int = 0
    filters: Filters = field(default_factory=Filters)
    mode: Mode = Mode.HYBRID
    group_by: GroupBy | None = None
    per_episode: int | None = None
    min_score: float = 0.0


@dataclass(frozen=True, slots=True)
class Hit:
    """A passage with its rank, counted from 1. `quote`: its best sentence, (start, end) in the canonical text."""

    rank: int
    score: float
    signals: Mapping[str, float]
    stored: StoredPassage
    quote: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Hits:
    """`total`: how many were ranked in all. `hidden`: how many of other kinds would have been among `hits`."""

    hits: tuple[Hit, ...]
    total: int
    hidden: Mapping[str, int]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Ranking:
    """Candidates, best first: numbers, scores, best sentences (row in the sentence vectors), signals."""

    numbers: NDArray[np.int64]
    scores: NDArray[np.float32]
    sentences: NDArray[np.int64]
    signals: Mapping[str, NDArray[np.float32]]


def search(request: Search, archive: Archive) -> Hits:
    """The passages that answer a query best."""
    return search_many([request], archive)[0]


def search_many(requests: Sequence[Search], archive: Archive) -> list[Hits]:
    """Several queries at once; their texts are embedded together."""
    queries = [request.query for request in requests]
    vectors = archive.embedder.embed_queries(queries)
    tokens = archive.embedder.count_tokens(queries)
    return [
        _search_one(request, vector, count, archive)
        for request, vector, count in zip(requests, vectors, tokens, strict=True)
    ]


def _search_one(request: Search, vector: NDArray[np.float32], tokens: int, archive: Archive) -> Hits:
    allowed = resolve(request.filters, archive)
    notes = [*allowed.notes, *_query_notes(tokens, archive)]
    wanted = request.offset + request.limit
    # The same depth whatever page is asked for: deeper candidates would shift the hits from page to page.
    depth = CANDIDATES * (4 if request.group_by or request.per_episode else 1)
    ranking = _rank(request, vector, allowed.mask, depth, archive)
    chosen = _thin_out(ranking, request, archive)
    page = chosen[request.offset : wanted]
    floor = float(ranking.scores[page[-1]]) if page and len(page) == request.limit else request.min_score
    return Hits(
        hits=_hits(ranking, page, request, archive),
        total=len(chosen),
        hidden=_hidden(request, vector, floor, archive),
        notes=tuple(notes),
    )


def _rank(
    request: Search, vector: NDArray[np.float32], mask: NDArray[np.bool_], depth: int, archive: Archive
) -> _Ranking:
    terms = archive.lexical.terms(request.query)
    weights = WEIGHTS[request.mode]
    everything = None if mask.all() else mask
    found: set[int] = set()
    if weights["passage"]:
        found |= set(archive.vectors.nearest(vector, depth, everything)[0].tolist())
    words: dict[int, float] = {}
    if weights["lexical"]:
        words = archive.lexical.best(terms, depth, everything)
        found |= words.keys()
    numbers = np.array(sorted(found), dtype=np.int64)
    missing = _members([number for number in found if number not in words], archive.passages)
    if words and missing.any():
        words |= archive.lexical.best(terms, int(missing.sum()), missing)
    sentence, best = _best_sentences(vector, numbers, archive)
    signals = {
        "passage": archive.vectors.passages(numbers) @ vector,
        "sentence": sentence,
        "lexical": np.array([words.get(int(number), 0.0) for number in numbers], dtype=np.float32),
    }
    total = sum(weights.values())
    scores = sum(
        (np.clip(values, 0, 1) * np.float32(weights[name] / total) for name, values in signals.items()),
        start=np.zeros(len(numbers), dtype=np.float32),
    )
    order = np.lexsort((numbers, -scores))
    return _Ranking(
        numbers[order], scores[order], best[order], {name: values[order] for name, values in signals.items()}
    )


def _best_sentences(
    vector: NDArray[np.float32], numbers: NDArray[np.int64], archive: Archive
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """For each passage the cosine of its best sentence, and that sentence's number."""
    first = archive.columns.first_sentence
    starts, ends = first[numbers], first[numbers + 1]
    if len(numbers) == 0:
        return np.zeros(0, dtype=np.float32), np.zeros(0, dtype=np.int64)
    rows = np.concatenate([np.arange(start, end) for start, end in zip(starts, ends, strict=True)])
    cosines = archive.vectors.sentences[rows].astype(np.float32) @ vector
    offsets = np.concatenate([[0], np.cumsum(ends - starts)[:-1]])
    best = np.array(
        [
            offset + int(np.argmax(cosines[offset : offset + count]))
            for offset, count in zip(offsets, ends - starts, strict=True)
        ],
        dtype=np.int64,
    )
    return cosines[best], rows[best]


def _thin_out(ranking: _Ranking, request: Search, archive: Archive) -> list[int]:
    """Places in the ranking that stay: above the minimum, and not more of one episode or group than asked."""
    episodes: Counter[int] = Counter()
    groups: set[object] = set()
    chosen = []
    for place, number in enumerate(ranking.numbers):
        if ranking.scores[place] < request.min_score:
            break
        episode = int(archive.columns.episode[number])
        group = _group(int(number), request.group_by, archive)
        if request.per_episode is not None and episodes[episode] >= request.per_episode:
            continue
        if group is not None and group in groups:
            continue
        episodes[episode] += 1
        groups.add(group)
        chosen.append(place)
    return chosen


def _group(number: int, group_by: GroupBy | None, archive: Archive) -> object:
    if group_by is None:
        return None
    if group_by is GroupBy.EPISODE:
        return int(archive.columns.episode[number])
    voice = archive.catalog.voices[archive.columns.voice[number]]
    return voice.name or voice.number


def _hits(ranking: _Ranking, places: Iterable[int], request: Search, archive: Archive) -> tuple[Hit, ...]:
    places = list(places)
    stored = archive.catalog.passages([int(ranking.numbers[place]) for place in places])
    return tuple(
        Hit(
            rank=rank,
            score=float(ranking.scores[place]),
            signals={name: float(values[place]) for name, values in ranking.signals.items()},
            stored=passage,
            quote=passage.passage.sentences[int(ranking.sentences[place]) - passage.first_sentence],
        )
        for rank, (place, passage) in enumerate(zip(places, stored, strict=True), request.offset + 1)
    )


def _hidden(request: Search, vector: NDArray[np.float32], floor: float, archive: Archive) -> dict[str, int]:
    """How many passages of kinds that the filters hide would rank above the last hit shown."""
    others = tuple(kind for kind in Kind if kind not in request.filters.kinds)
    codes = [KINDS.index(kind) for kind in others]
    if not np.isin(archive.columns.kind, codes).any():
        return {}
    filters = request.filters
    mask = resolve(
        Filters(
            filters.speaker,
            filters.role,
            filters.episode,
            filters.show,
            filters.section,
            filters.date_from,
            filters.date_to,
            others,
        ),
        archive,
    ).mask
    ranking = _rank(request, vector, mask, request.limit, archive)
    above = ranking.numbers[ranking.scores > floor][: request.limit]
    return dict(Counter(str(KINDS[code]) for code in archive.columns.kind[above]))


def _query_notes(tokens: int, archive: Archive) -> list[str]:
    window = archive.embedder.fingerprint.max_tokens
    if tokens + 2 <= window:
        return []
    return [f"query: {tokens} tokens; its meaning is taken from the first {window}, its words from all of it."]


def _members(numbers: Sequence[int], size: int) -> NDArray[np.bool_]:
    mask = np.zeros(size, dtype=np.bool_)
    mask[list(numbers)] = True
    return mask
