"""Who is meant by a name: the people of an archive, found by full name, first name or alias."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from indexer.catalog import Voice
from indexer.names import name_key


class People:
    """The people of an archive by what they are called."""

    def __init__(self, voices: Iterable[Voice]) -> None:
        self.names: set[str] = set()
        self._full: dict[str, set[str]] = defaultdict(set)
        self._short: dict[str, set[str]] = defaultdict(set)
        for voice in voices:
            if not voice.name:
                continue
            self.names.add(voice.name)
            self._full[name_key(voice.name)].add(voice.name)
            if not voice.anonymous:
                for called in (voice.name.split()[0], *voice.aliases):
                    self._short[name_key(called)].add(voice.name)

    def called(self, wanted: str) -> list[str]:
        """Who may be meant: the person of that full name, else everybody with that first name or alias."""
        key = name_key(wanted)
        return sorted(self._full.get(key) or self._short.get(key) or ())
