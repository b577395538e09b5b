"""Lists that state what is known of many episodes, and which transcript each of their entries is about.

Such a list is a folder's `episodes.csv` (`indexer.episodes_csv`), or the feed of a show (`indexer.feeds`). It speaks of
the transcripts in its folder and below. Where two entries would fit a transcript, or two transcripts an entry, none is
taken.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

Keys = tuple[frozenset[str], frozenset[str], frozenset[str]]
"""What joins an entry and a file that have one of them: the surest kind first, each tried before the next."""

_MOST_NAMED = 5


@dataclass(frozen=True, slots=True)
class Entry:
    """What a list states of one episode. `keys` are what its file may be known by."""

    name: str
    metadata: Mapping[str, Any]
    keys: Keys


@dataclass(frozen=True, slots=True)
class Listing:
    """The entries of a list, and what a file, by its path below the list's folder, is known by.

    `shows` are statements on every episode of the show that they name. `expects_files`: an entry without one is a slip.
    """

    entries: tuple[Entry, ...]
    keys_of: Callable[[PurePosixPath], Keys]
    shows: tuple[Mapping[str, Any], ...] = ()
    doubts: tuple[str, ...] = ()
    expects_files: bool = False


def assign(listing: Listing, files: Iterable[PurePosixPath]) -> tuple[dict[PurePosixPath, Entry], list[str]]:
    """The entry of each file that has one, and what was left undecided.

    Files beside each other that differ in their suffixes alone are one episode.
    """
    episodes: dict[PurePosixPath, list[PurePosixPath]] = defaultdict(list)
    for path in files:
        episodes[path.with_suffix("")].append(path)
    unsettled = {stem: [listing.keys_of(path) for path in paths] for stem, paths in episodes.items()}
    free = dict(enumerate(listing.entries))
    found: dict[PurePosixPath, Entry] = {}
    doubts = list(listing.doubts)
    for kind in range(3):
        fitting = _fitting(kind, free, unsettled)
        claimants: dict[int, list[PurePosixPath]] = defaultdict(list)
        for stem, numbers in fitting.items():
            del unsettled[stem]
            for number in numbers:
                claimants[number].append(stem)
        for stem, numbers in fitting.items():
            number = min(numbers)
            if len(numbers) > 1:
                doubts.append(f"{stem} fits {_named(free[n].name for n in sorted(numbers))}")
            elif len(claimants[number]) == 1:
                found |= dict.fromkeys(episodes[stem], free[number])
        for number, stems in claimants.items():
            if len(stems) > 1:
                doubts.append(f"{free[number].name} fits {_named(map(str, stems))}")
            del free[number]
    if listing.expects_files and free:
        doubts.append(f"no file is called {_named(entry.name for entry in free.values())}")
    return found, doubts


def _fitting(
    kind: int, entries: Mapping[int, Entry], files: Mapping[PurePosixPath, list[Keys]]
) -> dict[PurePosixPath, set[int]]:
    """The numbers of the entries that fit each file by one kind of key, files without any left out."""
    by_key: dict[str, set[int]] = defaultdict(set)
    for number, entry in entries.items():
        for key in entry.keys[kind]:
            by_key[key].add(number)
    fitting: dict[PurePosixPath, set[int]] = {}
    for stem, spellings in files.items():
        numbers = {number for keys in spellings for key in keys[kind] for number in by_key.get(key, ())}
        if numbers:
            fitting[stem] = numbers
    return fitting


def _named(names: Iterable[str]) -> str:
    every = list(names)
    shown = ", ".join(every[:_MOST_NAMED])
    return shown if len(every) <= _MOST_NAMED else f"{shown} and {len(every) - _MOST_NAMED} others"
