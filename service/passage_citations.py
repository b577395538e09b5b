"""The passages that a text cites, as a finished answer of a chatbot does: are they there, and does the quotation beside
the citation stand in them?

A citation is the id of a passage, 16 hexadecimal digits, on its own, in brackets or in an address (`/v1/passages/…`);
the address of a turn (`/episodes/…#t25`); and, where the passages are known that were numbered, a number in brackets:
[1], [1, 2], [1–3], [1][2] or 【1】.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from itertools import islice

from indexer.catalog import StoredPassage
from service.archive import Archive
from service.exchange import exchange_of
from service.matching import Said
from service.quotations import Quotation
from service.whereabouts import whereabouts

_ID = r"[0-9a-f]{16}"
_SHORTEST_ID = 4  # A number in brackets has three digits at most.
_CITED = re.compile(
    rf"/v1/passages/(?P<linked>[\w.~-]{{1,100}})"
    r"|/episodes/(?P<episode>[^\s#/()\[\]<>\"'?]{1,300})#t(?P<turn>\d{1,9})"
    rf"|(?P<kind>id[=:]\s?|passage\s|[\[(【]\s?)?(?<![\w/.#-])(?P<id>{_ID})(?![\w-])"
    r"|(?P<numbers>[\[【]\s?\d{1,3}(?:\s?[,;–-]\s?\d{1,3}){0,20}\s?[\]】](?![(:]))"
)
_NUMBER = re.compile(r"(?P<first>\d{1,3})(?:\s?[–-]\s?(?P<last>\d{1,3}))?")
_BETWEEN = re.compile(r"[\s,;·|()\[\]【】]{0,10}(?:and|&)?[\s,;·|()\[\]【】]{0,10}")
_SIGNATURE = re.compile(r"\s*(?:—|–|--?) ?[^\n]*")
_SENTENCE_END = re.compile(r"[.!?][\"”’»)\]]*\s")


class CitationStatus(StrEnum):
    """`holds`: the quotation beside it stands in the passage, or in the exchange that the passage is of. `known`: the
    passage is there, and no quotation stands beside the citation. `elsewhere`: the quotation does not stand there.
    `gone`: the index had such a passage, and its words are no longer there. `unknown`: it never had one.
    """

    HOLDS = "holds"
    KNOWN = "known"
    ELSEWHERE = "elsewhere"
    GONE = "gone"
    UNKNOWN = "unknown"


SOUND = (CitationStatus.HOLDS, CitationStatus.KNOWN)


@dataclass(frozen=True, slots=True)
class Citation:
    """A citation, `[start:end]` of the text. `cited`: the id, the address or the number that it gives.

    `passage`: of an id that is no longer in use, the one that holds its words now. `quotation`: the number, from 0, of
    the quotation beside it.
    """

    cited: str
    start: int
    end: int
    status: CitationStatus
    passage: StoredPassage | None
    quotation: int | None

    @property
    def number(self) -> int | None:
        """The number that it gives; None for an id or an address."""
        return _number_in(self.cited)


@dataclass(frozen=True, slots=True)
class _Cited:
    """`passages`: what is cited is one of them."""

    cited: str
    start: int
    end: int
    passages: tuple[StoredPassage, ...]
    was_there: bool


def check_citations(
    text: str,
    quotations: Sequence[Quotation],
    sources: Sequence[Sequence[str]] | None,
    archive: Archive,
    most: int | None = None,
) -> list[Citation]:
    """Every citation of a text, in order.

    Args:
        quotations: those of the text, in order.
        sources: what was numbered, from 1, each by the ids of its passages; None where numbers mean nothing.
        most: how many are looked at.
    """
    reading = _Reading(text, quotations, sources, archive)
    return [citation for group in reading.groups(most) for citation in reading.checked(group)]


class _Reading:
    def __init__(
        self,
        text: str,
        quotations: Sequence[Quotation],
        sources: Sequence[Sequence[str]] | None,
        archive: Archive,
    ) -> None:
        self._text = text
        self._quotations = quotations
        self._ends = [quotation.end for quotation in quotations]
        self._sources = sources
        self._archive = archive
        self._held_in = lru_cache(None)(self._turns_of)
        self._last = 0

    def groups(self, most: int | None) -> Iterator[list[_Cited]]:
        """Citations that stand side by side are one group."""
        found = list(islice(self._found(), most))
        passages, gone = self._passages([cited for cited, _, _ in found])
        group: list[_Cited] = []
        for cited, start, end in found:
            if group and not _BETWEEN.fullmatch(self._text, group[-1].end, start) and start >= group[-1].end:
                yield group
                group = []
            group.append(_Cited(cited, start, end, passages.get(cited, ()), cited in gone))
        if group:
            yield group

    def checked(self, group: Sequence[_Cited]) -> list[Citation]:
        """The citations of a group; one of them must hold the quotation beside it, and those that do not support it."""
        start, end = group[0].start, group[-1].end
        number = self._beside(start, end)
        self._last = end
        held = [number is not None and self._holds(entry, self._quotations[number].text) for entry in group]
        citations = []
        for entry, holds in zip(group, held, strict=True):
            if not entry.passages:
                status = CitationStatus.GONE if entry.was_there else CitationStatus.UNKNOWN
            elif holds:
                status = CitationStatus.HOLDS
            else:
                status = CitationStatus.KNOWN if number is None or any(held) else CitationStatus.ELSEWHERE
            passage = entry.passages[0] if entry.passages else None
            citations.append(Citation(entry.cited, entry.start, entry.end, status, passage, number))
        return citations

    def _found(self) -> Iterator[tuple[str, int, int]]:
        for match in _CITED.finditer(self._text):
            if self._is_quoted(match.start()):
                continue
            if match["numbers"]:
                yield from self._numbers(match)
            elif match["linked"]:
                yield match["linked"].rstrip(".~-"), match.start(), match.start() + len(match[0].rstrip(".~-"))
            elif match["episode"]:
                yield match[0], match.start(), match.end()
            elif match["kind"] or re.search("[a-f]", match["id"]):
                yield match["id"], *match.span("id")

    def _numbers(self, match: re.Match[str]) -> Iterator[tuple[str, int, int]]:
        """The numbers between brackets; a range names all of its own."""
        if self._sources is None:
            return
        for found in _NUMBER.finditer(self._text, *match.span()):
            first = int(found["first"])
            last = min(int(found["last"] or first), first + len(self._sources))
            for number in range(first, max(first, last) + 1):
                yield str(number), found.start(), found.end()

    def _passages(self, cited: Sequence[str]) -> tuple[Mapping[str, tuple[StoredPassage, ...]], set[str]]:
        """The passages that are cited, and what else was one once."""
        ids = {name: self._ids_of(name) for name in cited if "/" not in name}
        every = sorted({id_ for several in ids.values() for id_ in several})
        held = {stored.passage.id: stored for stored in self._archive.catalog.passages_by_id(every)}
        retired = self._archive.retired.find([id_ for id_ in every if id_ not in held])
        for id_, was in retired.items():
            now = whereabouts(was, self._archive).now
            if now and now.passages:
                held[id_] = now.passages[0]
        found = {name: tuple(held[id_] for id_ in several if id_ in held) for name, several in ids.items()}
        for name in (name for name in cited if name.startswith("/episodes/")):
            if (stored := self._first_of_turn(name)) is not None:
                found[name] = (stored,)
        return found, {name for name, several in ids.items() if any(id_ in retired for id_ in several)}

    def _ids_of(self, name: str) -> Sequence[str]:
        """The ids that a number stands for; an id stands for itself."""
        number = _number_in(name)
        if self._sources is None or number is None:
            return (name,)
        return self._sources[number - 1] if 1 <= number <= len(self._sources) else ()

    def _first_of_turn(self, address: str) -> StoredPassage | None:
        episode, _, turn = address.removeprefix("/episodes/").rpartition("#t")
        number = self._archive.episode_numbers.get(episode)
        if number is None:
            return None
        passages = self._archive.catalog.passages_of(number)
        return next((stored for stored in passages if stored.passage.turn == int(turn)), None)

    def _is_quoted(self, place: int) -> bool:
        number = bisect_left(self._ends, place + 1)
        return number < len(self._quotations) and self._quotations[number].start <= place

    def _beside(self, start: int, end: int) -> int | None:
        """The quotation that citations belong to: the one before them in their paragraph, behind those before; else the
        next one in their sentence.
        """
        before = bisect_left(self._ends, start + 1) - 1
        if before >= 0 and self._quotations[before].end > self._last - 1:
            between = self._text[self._quotations[before].end : start]
            if "\n\n" not in between or not between.strip(" \n([【") or _SIGNATURE.fullmatch(between):
                return before
        after = before + 1
        if after < len(self._quotations):
            between = self._text[end : self._quotations[after].start]
            if "\n\n" not in between and not _SENTENCE_END.search(between):
                return after
        return None

    def _holds(self, entry: _Cited, words: str) -> bool:
        return any(said.find(words) is not None for stored in entry.passages for said in self._held_in(stored.number))

    def _turns_of(self, number: int) -> list[Said]:
        """What is said in the exchange of a passage."""
        [stored] = self._archive.catalog.passages([number])
        exchange = exchange_of(stored, self._archive)
        return [Said(place[3].text) for place in (exchange.question, *exchange.answer) if place]


def _number_in(cited: str) -> int | None:
    return int(cited) if cited.isdigit() and len(cited) < _SHORTEST_ID else None
