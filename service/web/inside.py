"""The transcript as the reader shows it: sections, turns, paragraphs, and the pieces of them that are marked.

Words are found here as `reader.js` finds them in the browser, for those who read without scripts.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise

from indexer.catalog import EpisodeRow
from indexer.clock import clock
from indexer.types import PARAGRAPH_SEPARATOR, Kind, Role, TimeSource, Turn
from service.archive import Archive
from service.provenance import Times, recording_link

MOST_PLACES = 1000
_NEAR = 60
_NO_BLANKS_BETWEEN_WORDS = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]"
)
# Signs that are typed and signs that are printed.
_ALIKE = {sign: f"[{signs}]" for signs in ("'‘’ʼ", '"“”„«»', "-‐‑–—") for sign in signs} | {"…": r"(?:…|\.\.\.)"}
# Growing by a fifth, so that a stylesheet can have a class for each.
_SIZES = tuple(dict.fromkeys(round(3 * 1.2**power) for power in range(53)))
_LINE = 70
_HEADING_LINES = 2
_TOGETHER = 20


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of the canonical text."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Piece:
    """Words of a paragraph. `mark`: "quote" and "here" (a hit), or nothing. `opens_quote`: the quote begins with it."""

    text: str
    mark: str
    opens_quote: bool


@dataclass(frozen=True, slots=True)
class Paragraph:
    """`at`: where it begins in the canonical text."""

    at: int
    pieces: Sequence[Piece]


@dataclass(frozen=True, slots=True)
class ShownTurn:
    """`said_again`: the turn where the words of a cold open are really said."""

    number: int
    speaker: str | None
    role: Role
    kind: Kind
    time: str | None
    is_about: bool
    deep_link: str | None
    said_again: int | None
    paragraphs: Sequence[Paragraph]


@dataclass(frozen=True, slots=True)
class Group:
    """Some turns in a row, which a browser lays out when they come near. `lines`: about how many they take."""

    lines: int
    turns: Sequence[ShownTurn]


@dataclass(frozen=True, slots=True)
class ShownSection:
    number: int
    heading: str | None
    groups: Sequence[Group]


@dataclass(frozen=True, slots=True)
class Place:
    """Words that were found, with what stands around them. `time`: of the turn."""

    start: int
    end: int
    speaker: str | None
    time: str | None
    before: str
    words: str
    after: str


class Inside:
    """One episode's turns, read once."""

    def __init__(self, row: EpisodeRow, archive: Archive) -> None:
        self._row = row
        self._archive = archive
        self._turns = archive.catalog.turns(row.number)
        self._starts = [start for start, _, _ in self._turns]
        self._times = Times(archive)
        self._roles = {voice.name: Role(voice.role) for voice in archive.voices_of[row.number]}

    @property
    def episode(self) -> str:
        return self._row.id

    @property
    def length(self) -> int:
        return self._turns[-1][1] if self._turns else 0

    def sections(self, quote: Span | None, hits: Sequence[Span]) -> list[ShownSection]:
        """Everything, with a quote and some hits marked."""
        again = self._said_again()
        marks = _Marks(quote, hits)
        shown: list[ShownSection] = []
        for heading, numbered in groupby(enumerate(self._turns), lambda one: one[1][2].section):
            turns = list(numbered)
            parts = [turns[first : first + _TOGETHER] for first in range(0, len(turns), _TOGETHER)]
            groups = [self._group(part, again, marks) for part in parts]
            shown.append(ShownSection(len(shown), heading, groups))
        return shown

    def words(self, query: str) -> list[Place]:
        """Where a word or some words in a row are said, at most `MOST_PLACES`."""
        return [place for place, _ in zip(self._found(query), range(MOST_PLACES), strict=False)]

    def place(self, span: Span) -> Place:
        """A stretch of one turn with what stands around it."""
        number = bisect_right(self._starts, span.start) - 1
        start, _, turn = self._turns[number]
        return self._place(number, turn, span.start - start, span.end - start)

    def _found(self, query: str) -> Iterator[Place]:
        pattern = words_pattern(query)
        if pattern is None:
            return
        for number, (_, _, turn) in enumerate(self._turns):
            at = 0
            for words in turn.text.split(PARAGRAPH_SEPARATOR):
                for match in pattern.finditer(words):
                    yield self._place(number, turn, at + match.start(), at + match.end())
                at += len(words) + len(PARAGRAPH_SEPARATOR)

    def _place(self, number: int, turn: Turn, start: int, end: int) -> Place:
        time, _ = self._time(number)
        before, after = (
            turn.text[:start].rpartition(PARAGRAPH_SEPARATOR)[2],
            turn.text[end:].partition(PARAGRAPH_SEPARATOR)[0],
        )
        return Place(
            start=self._starts[number] + start,
            end=self._starts[number] + end,
            speaker=turn.speaker,
            time=time,
            before=_from_a_word(before[-_NEAR:]) if len(before) > _NEAR else before,
            words=turn.text[start:end],
            after=_to_a_word(after[:_NEAR]) if len(after) > _NEAR else after,
        )

    def _time(self, number: int) -> tuple[str | None, bool]:
        start_s, source = self._times.at(self._row.number, self._starts[number])
        return (None if start_s is None else clock(start_s)), source is TimeSource.INTERPOLATED

    def _group(
        self, numbered: Sequence[tuple[int, tuple[int, int, Turn]]], again: Mapping[int, int], marks: _Marks
    ) -> Group:
        turns = [self._shown(number, start, turn, again, marks) for number, (start, _, turn) in numbered]
        return Group(_size(turn.text for _, (_, _, turn) in numbered), turns)

    def _shown(self, number: int, start: int, turn: Turn, again: Mapping[int, int], marks: _Marks) -> ShownTurn:
        start_s, source = self._times.at(self._row.number, start)
        return ShownTurn(
            number=number,
            speaker=turn.speaker,
            role=self._roles[turn.speaker],
            kind=turn.kind,
            time=None if start_s is None else clock(start_s),
            is_about=source is TimeSource.INTERPOLATED,
            deep_link=recording_link(self._row, start_s),
            said_again=again.get(number),
            paragraphs=list(_paragraphs(start, turn.text, marks)),
        )

    def _said_again(self) -> dict[int, int]:
        """By turn of a cold open: the turn where its words are really said."""
        found = {number: at for episode, at, number in self._archive.teasers if episode == self._row.number}
        passages = self._archive.catalog.passages(list(found))
        return {
            stored.passage.turn: bisect_right(self._starts, found[stored.number]) - 1 for stored in reversed(passages)
        }


def words_pattern(query: str) -> re.Pattern[str] | None:
    """What finds a query as it is spelled, without regard to case and to how quotation marks and dashes are set.

    It begins where a word does: `art` finds "artist" and not "part". None where there is nothing to look for.
    """
    words = query.split()
    if not words:
        return None
    spelled = r"\s+".join("".join(_ALIKE.get(sign) or re.escape(sign) for sign in word) for word in words)
    begins_a_word = words[0][0].isalnum() and not _NO_BLANKS_BETWEEN_WORDS.match(words[0])
    return re.compile(rf"(?<![^\W_]){spelled}" if begins_a_word else spelled, re.IGNORECASE)


class _Marks:
    """A quote and hits, to be asked which of them lie in a paragraph."""

    def __init__(self, quote: Span | None, hits: Sequence[Span]) -> None:
        self._quote = quote
        self._hits = sorted(hits, key=lambda span: span.start)
        self._starts = [span.start for span in self._hits]

    def pieces(self, at: int, words: str) -> list[Piece]:
        """A paragraph that begins at a code point, cut where marks begin and end."""
        if self._quote is None and not self._hits:
            return [Piece(words, "", False)]
        end = at + len(words)
        near = self._hits[max(0, bisect_right(self._starts, at) - 1) : bisect_left(self._starts, end)]
        hits = [span for span in near if span.end > at]
        quote = self._quote if self._quote and self._quote.start < end and self._quote.end > at else None
        if not hits and quote is None:
            return [Piece(words, "", False)]
        spans = [("here", span) for span in hits] + ([("quote", quote)] if quote else [])
        cuts = sorted({at, end} | {min(max(cut, at), end) for _, span in spans for cut in (span.start, span.end)})
        return [
            Piece(
                text=words[left - at : right - at],
                mark=" ".join(sorted({name for name, span in spans if span.start <= left and right <= span.end})),
                opens_quote=quote is not None and left == quote.start,
            )
            for left, right in pairwise(cuts)
        ]


def _paragraphs(start: int, text: str, marks: _Marks) -> Iterator[Paragraph]:
    at = start
    for words in text.split(PARAGRAPH_SEPARATOR):
        yield Paragraph(at, marks.pieces(at, words))
        at += len(words) + len(PARAGRAPH_SEPARATOR)


def _size(texts: Iterable[str]) -> int:
    lines = sum(_HEADING_LINES + 1 + len(text) // _LINE + text.count(PARAGRAPH_SEPARATOR) for text in texts)
    return next((size for size in _SIZES if size >= lines), _SIZES[-1])


def _from_a_word(text: str) -> str:
    _, blank, rest = text.partition(" ")
    return f"…{rest if blank else text}"


def _to_a_word(text: str) -> str:
    rest, blank, _ = text.rpartition(" ")
    return f"{rest if blank else text}…"
