"""What stays the same from one generation to the next: runs of episodes whose rows are taken over without reading them.

Everything is numbered in the order of the episodes, so that a run keeps its order and moves as a whole.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Moved:
    """Consecutive numbers: the `count` from `old` on are those from `new` on now."""

    old: int
    new: int
    count: int

    @property
    def shift(self) -> int:
        return self.new - self.old

    @property
    def source(self) -> slice:
        return slice(self.old, self.old + self.count)

    @property
    def target(self) -> slice:
        return slice(self.new, self.new + self.count)


@dataclass(frozen=True, slots=True)
class Block:
    """A run of episodes with all that belongs to them."""

    episodes: Moved
    voices: Moved
    passages: Moved
    sentences: Moved
    questions: Moved
