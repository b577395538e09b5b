"""A stretch of an interview, word for word: the turns around a place, as many whole sentences as a budget holds."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from indexer.catalog import EpisodeRow
from indexer.clock import clock, seconds
from indexer.errors import OnRecordError
from indexer.sentences import sentence_spans, split_long
from indexer.times import Timeline
from indexer.types import Turn
from service.archive import Archive
from service.bounds import most_tokens

# Shorter turns are never divided.
_SHORT = 300
# A sentence may be longer than this where nobody set an end mark; then it is cut at a comma.
_LONGEST_SENTENCE = 1_500

_AT_TURN = re.compile(r"#?t(\d{1,9})", re.IGNORECASE)
_AT_CHAR = re.compile(r"c(\d{1,9})", re.IGNORECASE)

# (number of the turn, start, end) in the canonical text
_Piece = tuple[int, int, int]


class PlaceUnknown(OnRecordError):  # noqa: N818  the name says what is the matter
    """The episode has no such place; the message says which there are."""


@dataclass(frozen=True, slots=True)
class Part:
    """A turn, or some of its sentences: the canonical text from `char_start` to `char_end`. `whole`: the whole turn."""

    number: int
    turn: Turn
    text: str
    char_start: int
    char_end: int
    start_s: float | None
    whole: bool


@dataclass(frozen=True, slots=True)
class Excerpt:
    """`earlier`, `later`: the places to go on from, as `place_of` reads them; None at the episode's ends."""

    parts: tuple[Part, ...]
    earlier: str | None
    later: str | None


class Reader:
    """One episode, open for reading at any place."""

    def __init__(self, row: EpisodeRow, archive: Archive, *, turn_tokens: int) -> None:
        """
        Args:
            turn_tokens: what a turn costs beside its words, its speaker's name and its section.
        """
        self._turn_tokens = turn_tokens
        self._turns = archive.catalog.turns(row.number)
        self._timeline = Timeline([(start, turn) for start, _, turn in self._turns])

    @property
    def length(self) -> int:
        """Code points of the canonical text."""
        return self._turns[-1][1] if self._turns else 0

    def place_of(self, at: str | float) -> int:
        """The code point meant by a turn (`t25`), a character (`c10293`) or a time (751, `751`, `12:31`).

        Raises:
            PlaceUnknown: it is none of these, or the episode has no such place.
        """
        stated = str(at).strip()
        if match := _AT_TURN.fullmatch(stated):
            return self._start_of(int(match[1]))
        if match := _AT_CHAR.fullmatch(stated):
            return self._char(int(match[1]))
        try:
            time_s = seconds(stated)
        except ValueError:
            raise PlaceUnknown(
                f"at: {stated!r} is no place. Give a time (12:31, or in seconds 751), a turn (t25) or a character "
                "(c10293)."
            ) from None
        return self._heard_at(time_s, stated)

    def around(
        self,
        char: int,
        *,
        before: int,
        after: int,
        budget: int,
        begin_there: bool = False,
        end_there: bool = False,
    ) -> Excerpt:
        """Up to `before` and `after` turns around the one in which a code point stands, within `budget` tokens.

        Args:
            begin_there, end_there: leave out what a long turn has before or after that place.
        """
        turn = self._turn_of(char)
        turns = range(max(0, turn - before), min(len(self._turns), turn + after + 1))
        pieces = [piece for number in turns for piece in self._pieces(number)]
        here = max((i for i, (_, start, _) in enumerate(pieces) if start <= char), default=0)
        if begin_there:
            pieces, here = pieces[here:], 0
        elif end_there:
            pieces = pieces[: here + 1]
        return self._excerpt(pieces, *self._grown(pieces, here, budget))

    def onward(self, char: int, *, budget: int) -> Excerpt:
        """What is said from a code point on, within `budget` tokens."""
        numbers = range(self._turn_of(char), len(self._turns))
        pieces: list[_Piece] = []
        for piece in (piece for number in numbers for piece in self._pieces(number)):
            if piece[2] <= char:
                continue
            budget -= self._cost(piece, beside=not pieces or pieces[-1][0] != piece[0])
            if pieces and budget < 0:
                break
            pieces.append(piece)
        return self._excerpt(pieces, 0, len(pieces))

    def _start_of(self, number: int) -> int:
        if number >= len(self._turns):
            raise PlaceUnknown(f"at: the episode has the turns t0 to t{len(self._turns) - 1}.")
        return self._turns[number][0]

    def _char(self, char: int) -> int:
        if char >= self.length:
            raise PlaceUnknown(f"at: the episode has the characters c0 to c{self.length - 1}.")
        return char

    def _heard_at(self, time_s: float, stated: str) -> int:
        found = self._timeline.place_at(time_s)
        if found is None:
            span = self._timeline.span_s
            known = f"Its times go from {clock(span[0])} to {clock(span[1])}" if span else "It has none"
            raise PlaceUnknown(
                f"at: {stated!r} is no time of this episode. {known}; a turn (t25) or a character (c10293) will do too."
            )
        return found

    def _turn_of(self, char: int) -> int:
        return max((i for i, (start, _, _) in enumerate(self._turns) if start <= char), default=0)

    def _pieces(self, number: int) -> Iterator[_Piece]:
        """A turn, or where it is long its sentences; each reaches to the beginning of the next."""
        start, end, turn = self._turns[number]
        if most_tokens(turn.text) <= _SHORT:
            yield number, start, end
            return
        later = [left for left, _ in _sentences(turn.text)][1:]
        for left, right in pairwise([0, *later, len(turn.text)]):
            yield number, start + left, start + right

    def _grown(self, pieces: Sequence[_Piece], here: int, budget: int) -> tuple[int, int]:
        """The range of pieces around one that fits, grown by turns to either side."""
        first, last = here, here + 1
        budget -= self._cost(pieces[here], beside=True)
        onward = back = True
        while onward or back:
            if onward := onward and last < len(pieces):
                cost = self._cost(pieces[last], beside=pieces[last][0] != pieces[last - 1][0])
                if onward := cost <= budget:
                    budget, last = budget - cost, last + 1
            if back := back and first > 0:
                cost = self._cost(pieces[first - 1], beside=pieces[first - 1][0] != pieces[first][0])
                if back := cost <= budget:
                    budget, first = budget - cost, first - 1
        return first, last

    def _cost(self, piece: _Piece, *, beside: bool) -> int:
        number, start, end = piece
        turn_start, _, turn = self._turns[number]
        words = json.dumps(turn.text[start - turn_start : end - turn_start], ensure_ascii=False)
        about = self._turn_tokens + most_tokens(f"{turn.speaker}{turn.section}") if beside else 0
        return most_tokens(words) + about

    def _excerpt(self, pieces: Sequence[_Piece], first: int, last: int) -> Excerpt:
        spans: dict[int, tuple[int, int]] = {}
        for number, start, end in pieces[first:last]:
            spans[number] = (spans.get(number, (start, end))[0], end)
        return Excerpt(
            parts=tuple(self._part(number, *span) for number, span in spans.items()),
            earlier=self._before(pieces[first]) if spans else None,
            later=self._after(pieces[last - 1]) if spans else None,
        )

    def _part(self, number: int, start: int, end: int) -> Part:
        turn_start, turn_end, turn = self._turns[number]
        text = turn.text[start - turn_start : end - turn_start]
        kept = text.rstrip() if end < turn_end else text
        return Part(
            number=number,
            turn=turn,
            text=kept,
            char_start=start,
            char_end=start + len(kept),
            start_s=self._timeline.at(start)[0],
            whole=(start, end) == (turn_start, turn_end),
        )

    def _before(self, piece: _Piece) -> str | None:
        number, start, _ = piece
        if start > self._turns[number][0]:
            return f"c{start - 1}"
        return f"t{number - 1}" if number else None

    def _after(self, piece: _Piece) -> str | None:
        number, _, end = piece
        if end < self._turns[number][1]:
            return f"c{end}"
        return f"t{number + 1}" if number + 1 < len(self._turns) else None


def sentences_around(text: str, char: int, budget: int) -> tuple[int, int]:
    """(start, end) of as many whole sentences around a place in a text as a budget holds, at least the one there."""
    if most_tokens(text) <= budget:
        return 0, len(text)
    spans = list(_sentences(text))
    first = last = max((i for i, (start, _) in enumerate(spans) if start <= char), default=0)
    grows = True
    while grows:
        grows = False
        for low, high in ((first, last + 1), (first - 1, last)):
            if low >= 0 and high < len(spans) and most_tokens(text[spans[low][0] : spans[high][1]]) <= budget:
                first, last, grows = low, high, True
                break
    return spans[first][0], spans[last][1]


def _sentences(text: str) -> Iterator[tuple[int, int]]:
    for start, end in sentence_spans(text):
        size = most_tokens(text[start:end])
        if size <= _LONGEST_SENTENCE:
            yield start, end
        else:
            yield from split_long(text, start, end, size // _LONGEST_SENTENCE + 1)
