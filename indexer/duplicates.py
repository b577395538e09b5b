"""The same interview under two names: found by its words, kept once.

Episodes are compared by bottom-k sketches of their eight-word shingles (Broder, 1997): the share of equal values among
the smallest of both estimates the share of shingles that both have. What it does not find: translations, and excerpts.
"""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from indexer.shingles import shingles, words_of
from indexer.types import Episode

_SKETCH_SIZE = 128
_SAME_SHARE = 0.6


@dataclass(frozen=True, slots=True)
class Sketch:
    """An episode as far as comparing it needs. `quality`: how much it tells beside the words; more is better."""

    source: str
    values: tuple[int, ...]
    quality: tuple[float, ...]


def sketch(episode: Episode) -> Sketch:
    """The sketch of an episode; of one with fewer words than a shingle it is empty, and equals nothing."""
    words = words_of(episode.text)
    values = np.unique(shingles(words))[:_SKETCH_SIZE].tolist()
    turns = episode.turns
    named = sum(turn.speaker is not None for turn in turns) / len(turns)
    known_people = sum(not speaker.anonymous for speaker in episode.speakers)
    timed = sum(bool(turn.marks) for turn in turns) / len(turns)
    about = sum(value is not None for value in (episode.date, episode.url, episode.show))
    return Sketch(episode.source, tuple(values), (named, min(known_people, 2), about, timed, len(words)))


def find_duplicates(sketches: Sequence[Sketch]) -> dict[str, str]:
    """Source of each episode that is another one's double: to the source of the one that is kept."""
    values, holders_of = np.unique(
        np.array([value for entry in sketches for value in entry.values], dtype=np.uint64), return_counts=True
    )
    shared_values = set(values[holders_of > 1].tolist())
    holders: dict[int, list[int]] = defaultdict(list)
    kept_instead: dict[str, str] = {}
    order = sorted(range(len(sketches)), key=lambda i: ([-value for value in sketches[i].quality], sketches[i].source))
    for i in order:
        mine = shared_values.intersection(sketches[i].values)
        shared = Counter(j for value in mine for j in holders[value])
        best = max(shared, key=lambda j: shared[j], default=None)
        if best is not None and _share(sketches[i], sketches[best]) >= _SAME_SHARE:
            kept_instead[sketches[i].source] = sketches[best].source
            continue
        for value in mine:
            holders[value].append(i)
    return kept_instead


def _share(one: Sketch, other: Sketch) -> float:
    smallest = heapq.nsmallest(_SKETCH_SIZE, {*one.values, *other.values})
    both = set(one.values) & set(other.values)
    return sum(value in both for value in smallest) / len(smallest)
