"""A query to hits: understood, ranked, thinned out to different thoughts, and given their provenance."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from indexer.catalog import StoredPassage
from indexer.columns import KINDS
from service.archive import Archive
from service.facets import Facet, FacetCount, beside, counted, without
from service.filters import Filters, resolve
from service.query import Understood, holds_phrases, names_in, understand_query
from service.ranking import CANDIDATES, WEIGHTS, Mode, Ranking, rank
from service.reranking import rerank

MAX_LIMIT = 100
MAX_OFFSET = 1000
# Texts that are read beside the wanted ones at first, for some may say the same.
_SPARE = 2
_PUNCTUATION = "\"“”'‘’.,;:!?()[]-–—…"

WEAK = 0.3


class GroupBy(StrEnum):
    EPISODE = "episode"
    SPEAKER = "speaker"


@dataclass(frozen=True, slots=True)
class Search:
    """What is asked. `per_episode` and `group_by` thin the ranking out; `min_score` acts on the score alone.

    `rerank`: use the archive's reranker, if it has one. `facets`: count what the ranked passages divide into.
    """

    query: str
    limit: int = 10
    offset: int = 0
    filters: Filters = field(default_factory=Filters)
    mode: Mode = Mode.HYBRID
    group_by: GroupBy | None = None
    per_episode: int | None = None
    min_score: float = 0.0
    rerank: bool = True
    facets: bool = False


@dataclass(frozen=True, slots=True)
class Hit:
    """A passage with its rank, counted from 1. `quote`: its best sentence, (start, end) in the canonical text.

    `also_at`: other passages where the same words are said.
    """

    rank: int
    score: float
    signals: Mapping[str, float]
    stored: StoredPassage
    quote: tuple[int, int]
    also_at: tuple[StoredPassage, ...]


@dataclass(frozen=True, slots=True)
class Hits:
    """`total`: how many were ranked in all. `hidden`: how many of other kinds would have been among `hits`.

    `experts`: how many people the ranked passages are of, when the best of each was asked for.
    `facets`: how many of the ranked passages are of each speaker, role, show, episode and year, when asked for. A
    facet's own filter does not narrow its list: it counts what would be ranked without it.
    """

    hits: tuple[Hit, ...]
    total: int
    hidden: Mapping[str, int]
    notes: tuple[str, ...]
    experts: int | None
    facets: Mapping[Facet, tuple[FacetCount, ...]] | None


def search(request: Search, archive: Archive) -> Hits:
    """The passages that answer a query best."""
    return search_many([request], archive)[0]


def search_many(requests: Sequence[Search], archive: Archive) -> list[Hits]:
    """Several queries at once; their texts are embedded together."""
    return [search_prepared(prepared, archive) for prepared in prepare(requests, archive)]


@dataclass(frozen=True, slots=True)
class Prepared:
    """A search whose query is understood and embedded. `tokens`: how long its text is to the model."""

    request: Search
    query: Understood
    vector: NDArray[np.float32]
    tokens: int


def prepare(requests: Sequence[Search], archive: Archive) -> list[Prepared]:
    """What comes before the search, for several queries in one pass of the model."""
    understood = [understand_query(request.query, request.filters, archive) for request in requests]
    texts = [query.text for query in understood]
    vectors = archive.embedder.embed_queries(texts)
    tokens = archive.embedder.count_tokens(texts)
    return list(map(Prepared, requests, understood, vectors, tokens))


def search_prepared(prepared: Prepared, archive: Archive) -> Hits:
    """The passages that answer a prepared query best."""
    request, query = prepared.request, prepared.query
    allowed = resolve(query.filters, archive)
    mask = _with_phrases(allowed.mask, query.phrases, archive)
    wanted = request.offset + request.limit
    depth = _depth(request)
    other_kinds = _with_phrases(allowed.other_kinds, query.phrases, archive)
    pools = [(mask, depth), *([(other_kinds, request.limit)] if other_kinds.any() else [])]
    terms, taken_for = _spelt_as_said(query.text, archive)
    everything = rank(terms, prepared.vector, pools, archive, WEIGHTS[request.mode])
    is_allowed = mask[everything.numbers]
    first = ranking = everything.taken(is_allowed)
    notes = [
        *query.notes,
        *allowed.notes,
        *_spelling_notes(taken_for, archive),
        *_notes(query, prepared.tokens, ranking, archive),
    ]
    if request.rerank and archive.reranking:
        ranking, read = rerank(first, query.text, archive.catalog, archive.reranking)
        if read < min(archive.reranking.top, len(ranking.numbers)):
            notes.append(f"rerank: the time allowed for {read} of the first {archive.reranking.top} passages.")
    places = _thin_out(ranking, request, archive)
    chosen, doubles = _different_thoughts(ranking, places, wanted, archive)
    page = list(chosen)[request.offset : wanted]
    floor = float(first.scores[page[-1]]) if len(page) == request.limit else None
    hits = _hits(ranking, {place: chosen[place] for place in page}, doubles, request, archive)
    return Hits(
        hits=hits,
        total=len(places) - sum(map(len, doubles.values())),
        hidden=_hidden(everything.taken(~is_allowed), floor, request, archive),
        notes=tuple(notes),
        experts=_experts(ranking.numbers[places], archive) if request.group_by is GroupBy.SPEAKER else None,
        facets=_facets(prepared, terms, ranking.numbers[_shown(places, doubles)], archive) if request.facets else None,
    )


def merged(found: Sequence[Hits], wanted: int) -> list[Hit]:
    """The hits of several queries as one ranking: every passage by its best score, texts that say the same once."""
    hits = sorted((hit for hits in found for hit in hits.hits), key=lambda hit: -hit.score)
    chosen: dict[int, Hit] = {}
    words: list[_Words] = []
    for hit in hits:
        if len(chosen) == wanted:
            break
        if hit.stored.number in chosen:
            continue
        bag = _words_of(hit.stored)
        if not any(_says_the_same(bag, other) for other in words):
            chosen[hit.stored.number] = replace(hit, rank=len(chosen) + 1)
            words.append(bag)
    return list(chosen.values())


def _depth(request: Search) -> int:
    """How many candidates: the same whatever page is asked for, as deeper ones would shift the hits between pages."""
    return CANDIDATES * (4 if request.group_by or request.per_episode else 1)


def _shown(places: Sequence[int], doubles: Mapping[int, Sequence[int]]) -> list[int]:
    """The places that `total` counts."""
    collapsed = {double for same in doubles.values() for double in same}
    return [place for place in places if place not in collapsed]


def _facets(
    prepared: Prepared, terms: Sequence[str], shown: NDArray[np.int64], archive: Archive
) -> dict[Facet, tuple[FacetCount, ...]]:
    """What the passages shown divide into; beside it what a facet's own filter leaves out, as ranked without it."""
    filters = prepared.query.filters
    lists = {}
    for facet in Facet:
        wider = without(facet, filters)
        lists[facet] = counted(facet, shown, archive)
        if wider != filters:
            others = counted(facet, _numbers_under(wider, prepared, terms, archive), archive)
            lists[facet] = beside(lists[facet], others)
    return lists


def _numbers_under(filters: Filters, prepared: Prepared, terms: Sequence[str], archive: Archive) -> NDArray[np.int64]:
    """The passages that the search ranks under other filters. No reranker reads them, and none are collapsed."""
    request = prepared.request
    mask = _with_phrases(resolve(filters, archive).mask, prepared.query.phrases, archive)
    ranking = rank(terms, prepared.vector, [(mask, _depth(request))], archive, WEIGHTS[request.mode])
    return ranking.numbers[_thin_out(ranking, request, archive)]


def _with_phrases(mask: NDArray[np.bool_], phrases: Sequence[str], archive: Archive) -> NDArray[np.bool_]:
    """The mask less the passages that do not hold every phrase."""
    if not phrases:
        return mask
    terms = sorted({term for phrase in phrases for term in archive.lexical.terms(phrase)})
    numbers = archive.lexical.holding_all(terms, mask) if terms else np.flatnonzero(mask).tolist()
    kept = np.zeros_like(mask)
    for start in range(0, len(numbers), 1000):
        batch = numbers[start : start + 1000]
        texts = archive.catalog.texts(batch)
        kept[[number for number, text in zip(batch, texts, strict=True) if holds_phrases(text, phrases)]] = True
    return kept


class _Words:
    """How often each word stands in a text."""

    __slots__ = ("counts", "total")

    def __init__(self, counts: Counter[str]) -> None:
        self.counts = counts
        self.total = counts.total()


def _words_of(stored: StoredPassage) -> _Words:
    return _Words(Counter(stored.passage.text.casefold().split()))


def _different_thoughts(
    ranking: Ranking, places: Sequence[int], wanted: int, archive: Archive
) -> tuple[dict[int, StoredPassage], dict[int, list[int]]]:
    """The first `wanted` places whose texts are different, with their passages, and those that say the same as each."""
    chosen: dict[int, StoredPassage] = {}
    words: dict[int, _Words] = {}
    doubles: dict[int, list[int]] = {}
    size = wanted + _SPARE
    for start in range(0, len(places), size):
        batch = places[start : start + size]
        passages = archive.catalog.passages([int(ranking.numbers[place]) for place in batch])
        for place, stored in zip(batch, passages, strict=True):
            if len(chosen) == wanted:
                return chosen, doubles
            bag = _words_of(stored)
            same = next((other for other in words if _says_the_same(bag, words[other])), None)
            if same is None:
                chosen[place], words[place] = stored, bag
            else:
                doubles.setdefault(same, []).append(place)
    return chosen, doubles


def _says_the_same(one: _Words, other: _Words) -> bool:
    """Two texts that share more than half of the words of each."""
    half = max(one.total, other.total) / 2
    if min(one.total, other.total) <= half:
        return False
    # Words that come again can add to the share only as often as they do in the text with fewer of them.
    repeated = min(one.total - len(one.counts), other.total - len(other.counts))
    return len(one.counts.keys() & other.counts.keys()) + repeated > half and (one.counts & other.counts).total() > half


def _thin_out(ranking: Ranking, request: Search, archive: Archive) -> list[int]:
    """Places in the ranking that stay: above the minimum, and not more of one episode or group than asked."""
    episodes: Counter[int] = Counter()
    groups: set[object] = set()
    chosen = []
    high_enough = int(np.count_nonzero(ranking.scores >= request.min_score))
    numbers = ranking.numbers[:high_enough]
    if request.group_by is None and request.per_episode is None:
        return list(range(high_enough))
    for place, (number, episode) in enumerate(
        zip(numbers.tolist(), archive.columns.episode[numbers].tolist(), strict=True)
    ):
        group = _group(number, request.group_by, archive)
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


def _experts(numbers: NDArray[np.int64], archive: Archive) -> int:
    """How many people some passages are of; `Audience` and whoever is not named are nobody's."""
    return sum(archive.catalog.voices[voice].name is not None for voice in archive.columns.voice[numbers])


def _hits(
    ranking: Ranking,
    page: Mapping[int, StoredPassage],
    doubles: Mapping[int, Sequence[int]],
    request: Search,
    archive: Archive,
) -> tuple[Hit, ...]:
    return tuple(
        Hit(
            rank=rank_,
            score=float(ranking.scores[place]),
            signals={name: float(values[place]) for name, values in ranking.signals.items()},
            stored=passage,
            quote=passage.passage.sentences[int(ranking.sentences[place]) - passage.first_sentence],
            also_at=_also_at(passage, [int(ranking.numbers[double]) for double in doubles.get(place, ())], archive),
        )
        for rank_, (place, passage) in enumerate(page.items(), request.offset + 1)
    )


def _also_at(stored: StoredPassage, doubles: Sequence[int], archive: Archive) -> tuple[StoredPassage, ...]:
    """The passages that were collapsed into one, and the teasers whose words are really said in it."""
    start, end = stored.passage.char_start, stored.passage.char_end
    teasers = [
        number for episode, place, number in archive.teasers if episode == stored.episode and start <= place < end
    ]
    return tuple(archive.catalog.passages(sorted({*doubles, *teasers} - {stored.number})))


def _spelt_as_said(text: str, archive: Archive) -> tuple[list[str], dict[str, str]]:
    """The query's terms, those that nobody says put as the nearest one that somebody says; and these by their words."""
    terms: list[str] = []
    taken_for: dict[str, str] = {}
    for word in text.split():
        for term in archive.lexical.terms(word):
            near = None if archive.lexical.vocabulary.frequency(term) else archive.lexical.vocabulary.nearest(term)
            terms.append(near or term)
            if near:
                taken_for[word.strip(_PUNCTUATION)] = near
    return terms, taken_for


def _spelling_notes(taken_for: Mapping[str, str], archive: Archive) -> list[str]:
    """Terms are stems, which nobody says either: a note shows the word that a passage holds."""
    notes = []
    for word, term in taken_for.items():
        [text] = archive.catalog.texts(archive.lexical.matched([term]).best(1).tolist())
        said = next((said for said in text.split() if archive.lexical.terms(said) == [term]), term)
        notes.append(f"{word}: nobody says this; {said.strip(_PUNCTUATION)} was searched for in its place.")
    return notes


def _hidden(ranking: Ranking, floor: float | None, request: Search, archive: Archive) -> dict[str, int]:
    """How many passages of each kind that the filters hide rank above the last hit shown.

    Args:
        floor: that hit's score; None where there are fewer hits than asked for.
    """
    above = ranking.scores >= request.min_score if floor is None else ranking.scores > floor
    return dict(Counter(str(KINDS[code]) for code in archive.columns.kind[ranking.numbers[above][: request.limit]]))


def _notes(query: Understood, tokens: int, ranking: Ranking, archive: Archive) -> list[str]:
    """What was seen, and nothing about whether the archive holds the answer."""
    notes = []
    window = archive.embedder.fingerprint.max_tokens
    if tokens + 2 > window:
        notes.append(f"query: {tokens} tokens; its meaning is taken from the first {window}, its words from all of it.")
    for name in names_in(query.text):
        if not any(archive.lexical.vocabulary.frequency(term) for term in archive.lexical.terms(name)):
            notes.append(f"{name}: nobody says this name.")
    if not len(ranking.numbers):
        notes.append("No passage fits the filters and phrases.")
    elif max(ranking.signals[name].max() for name in ("sentence", "question", "lexical")) < WEAK:
        notes.append("Only weak matches: nothing here is near the query in meaning, or holds many of its words.")
    return notes
