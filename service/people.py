"""Who is meant by a name: the people of an archive, found by full name, first or last name, or alias."""

from __future__ import annotations

import difflib
from collections import defaultdict
from collections.abc import Iterable

from indexer.catalog import Voice
from indexer.names import name_key

_NEAR = 0.8


class People:
    """The people of an archive by what they are called."""

    def __init__(self, voices: Iterable[Voice]) -> None:
        self.names: set[str] = set()
        self._full: dict[str, set[str]] = defaultdict(set)
        self._short: dict[str, set[str]] = defaultdict(set)
        self._last: dict[str, set[str]] = defaultdict(set)
        for voice in voices:
            if not voice.name:
                continue
            self.names.add(voice.name)
            self._full[name_key(voice.name)].add(voice.name)
            if not voice.anonymous:
                first, *others = voice.name.split()
                for called in (first, *voice.aliases):
                    self._short[name_key(called)].add(voice.name)
                if others:
                    self._last[name_key(others[-1])].add(voice.name)

    def called(self, wanted: str, *, last_names: bool = True) -> list[str]:
        """Who may be meant: whoever has that full name, else that first name or alias, else that last name."""
        key = name_key(wanted)
        last = self._last.get(key) if last_names else None
        return sorted(self._full.get(key) or self._short.get(key) or last or ())

    def near(self, wanted: str) -> list[str]:
        """Whose full name is spelt much like this, nearest first."""
        keys = difflib.get_close_matches(name_key(wanted), self._full, n=3, cutoff=_NEAR)
        return [name for key in keys for name in sorted(self._full[key])]
