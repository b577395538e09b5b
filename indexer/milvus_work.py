"""Which episodes an index in Milvus holds as a whole, and which of the others somebody is at work on.

Each episode has a row that says so. Whoever is at work says it anew every few seconds; who has said nothing for longer
is taken for dead, by the clock of whoever looks, so that no two clocks need to agree. Two may take the same episode in
the same moment: both write the same rows.
"""

from __future__ import annotations

import json
import threading
import time
import uuid
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from types import TracebackType
from typing import NamedTuple, Self

from indexer.errors import NotNow, OnRecordError
from indexer.milvus import Milvus, one_of
from indexer.milvus_rows import WORK, passages_collection, turns_collection, work_row

_SAY_EVERY_S = 5.0
_DEAD_AFTER_S = 30.0
_ASKED_ONE_BY_ONE = 100
_COUNTED_AT_ONCE = 100


class _State(NamedTuple):
    """`said`: how often its worker has said that it is at work."""

    is_done: bool
    worker: str
    said: int


class Written(NamedTuple):
    """How many rows of turns and of passages an episode has."""

    turns: int
    passages: int


class WorkList:
    """The work on an index, as one worker sees it. As a context manager, it says that it is at work until the end."""

    def __init__(
        self, store: Milvus, *, say_every_s: float = _SAY_EVERY_S, dead_after_s: float = _DEAD_AFTER_S
    ) -> None:
        self._store = store
        self._rows = turns_collection(store.address.name)
        self.worker = uuid.uuid4().hex
        self._say_every_s, self._dead_after_s = say_every_s, dead_after_s
        self._mine: set[str] = set()
        self._said = 0
        self._seen: dict[str, tuple[_State, float]] = {}
        self._ended = threading.Event()
        self._lock = threading.Lock()
        self._saying = threading.Thread(target=self._go_on_saying, name="at work", daemon=True)
        self._refused: OnRecordError | None = None

    def __enter__(self) -> Self:
        self._saying.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._ended.set()
        self._saying.join()

    def done(self) -> set[str]:
        """The keys of the episodes that are there as a whole."""
        return {key for key, state in self._states().items() if state.is_done}

    def begin(self, keys: Sequence[str]) -> None:
        """Says that this worker is at work on some episodes; what it leaves half done is known to the next."""
        with self._lock:
            self._mine |= set(keys)
            self._say(keys)

    def take(self, keys: Sequence[str], most: int) -> list[str]:
        """The first of some episodes that nobody has done or is at work on, which this worker is at work on now."""
        free = self._free(keys)[:most]
        if not free:
            return []
        self.begin(free)
        states = self._states(free)
        # Another run may have removed what nobody holds, or somebody taken it in the same moment.
        mine = [key for key in free if key in states and states[key].worker == self.worker]
        with self._lock:
            self._mine -= set(free) - set(mine)
        return mine

    def finish(self, written: Mapping[str, Written]) -> list[str]:
        """Says of the episodes that were written that they are there as a whole.

        Returns:
            Those that are not, since a run that did not know of them removed them.
        """
        if not written:
            return []
        self._raise_refusal()
        there = self._counted(sorted(written))
        whole = [key for key in sorted(written) if there[key] == written[key]]
        with self._lock:
            self._mine -= written.keys()
            self._store.put(self._rows, [work_row(key, [True, self.worker, self._said]) for key in whole])
        return sorted(written.keys() - set(whole))

    def reopen(self, keys: Collection[str]) -> None:
        """Says of episodes that are not there as a whole that nobody is at work on them."""
        self._store.put(self._rows, [work_row(key, [False, "", 0]) for key in sorted(keys)])

    def _counted(self, keys: Sequence[str]) -> dict[str, Written]:
        passages, turns = Counter[str](), Counter[str]()
        name = self._store.address.name
        for start in range(0, len(keys), _COUNTED_AT_ONCE):
            named = one_of("episode", keys[start : start + _COUNTED_AT_ONCE])
            for row in self._store.everywhere(passages_collection(name), named, ["episode"]):
                passages[row["episode"]] += 1
            for row in self._store.everywhere(self._rows, f"turn > {WORK} and {named}", ["episode"]):
                turns[row["episode"]] += 1
        return {key: Written(turns[key], passages[key]) for key in keys}

    def _free(self, keys: Sequence[str]) -> list[str]:
        self._raise_refusal()
        now, states = time.monotonic(), self._states(keys)
        for key, state in states.items():
            if key not in self._seen or self._seen[key][0] != state:
                self._seen[key] = state, now
        return [
            key for key in keys if key not in self._mine and (key not in states or self._is_free(*self._seen[key], now))
        ]

    def _is_free(self, state: _State, since: float, now: float) -> bool:
        return not state.is_done and now - since > self._dead_after_s

    def _states(self, keys: Sequence[str] | None = None) -> dict[str, _State]:
        """Of some episodes, or of all."""
        if keys is not None and len(keys) <= _ASKED_ONE_BY_ONE:
            rows = list(self._store.get(self._rows, keys, ["content"]).values())
        else:
            rows = self._store.everywhere(self._rows, f"turn == {WORK}", ["content"])
        return {row["key"]: _State(*json.loads(row["content"])) for row in rows}

    def _go_on_saying(self) -> None:
        while not self._ended.wait(self._say_every_s):
            try:
                with self._lock:
                    self._said += 1
                    self._say(self._mine)
            except NotNow:
                pass  # who cannot be reached for long is taken for dead, and finds out by its own work
            except OnRecordError as error:
                self._refused = error
                return

    def _raise_refusal(self) -> None:
        if self._refused:
            raise self._refused

    def _say(self, keys: Collection[str]) -> None:
        self._store.put(self._rows, [work_row(key, [False, self.worker, self._said]) for key in sorted(keys)])
