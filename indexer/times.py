"""When a place in an episode is heard: read, interpolated between two readings, or not known.

Never extrapolated: before the first mark and after the last there is no time.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

from indexer.clock import clock
from indexer.types import TimeSource, Turn

LONGEST_INTERPOLATION_S = 900.0


def shown_time(start_s: float | None, source: TimeSource) -> str | None:
    """A time as people read it, `~` in front of one that was interpolated; None where it is not known.

    >>> shown_time(469.2, TimeSource.EXACT), shown_time(469.2, TimeSource.INTERPOLATED)
    ('7:49', '~7:49')
    """
    if start_s is None:
        return None
    return f"{'~' if source is TimeSource.INTERPOLATED else ''}{clock(start_s)}"


class Timeline:
    """The time marks of an episode, in order, those left out that run back or are all zero."""

    def __init__(self, turns: Sequence[tuple[int, Turn]]) -> None:
        """Turns with where each begins in the canonical text."""
        self._chars: list[int] = []
        self._seconds: list[float] = []
        for offset, turn in turns:
            for mark in turn.marks:
                self._add(offset + mark.char, mark.seconds)
        if turns and turns[-1][1].end_s is not None:
            self._add(turns[-1][0] + len(turns[-1][1].text), turns[-1][1].end_s)
        if len(self._seconds) > 1 and not any(self._seconds):
            self._chars, self._seconds = [], []

    def at(self, char: int) -> tuple[float | None, TimeSource]:
        """The time of a code point of the canonical text, in seconds, and how it is known."""
        after = bisect_right(self._chars, char)
        if after == 0:
            return None, TimeSource.ABSENT
        left_char, left_s = self._chars[after - 1], self._seconds[after - 1]
        if left_char == char:
            return left_s, TimeSource.EXACT
        if after == len(self._chars):
            return None, TimeSource.ABSENT
        right_char, right_s = self._chars[after], self._seconds[after]
        if right_s - left_s > LONGEST_INTERPOLATION_S:
            return None, TimeSource.ABSENT
        share = (char - left_char) / (right_char - left_char)
        between = round(left_s + share * (right_s - left_s), 3)
        return min(max(between, left_s), right_s), TimeSource.INTERPOLATED

    @property
    def span_s(self) -> tuple[float, float] | None:
        """The first and the last time that is known; None where none is."""
        return (self._seconds[0], self._seconds[-1]) if self._seconds else None

    def place_at(self, time_s: float) -> int | None:
        """The code point that carries the last mark not after a time; the first mark's, before that.

        None after the last mark, and where there are none.
        """
        if not self._seconds or time_s > self._seconds[-1]:
            return None
        return self._chars[max(0, bisect_right(self._seconds, time_s) - 1)]

    def _add(self, char: int, seconds: float) -> None:
        if self._seconds and (seconds < self._seconds[-1] or char <= self._chars[-1]):
            return
        self._chars.append(char)
        self._seconds.append(seconds)
