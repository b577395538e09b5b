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
from collections.abc import Collection, Sequence
from contextlib import suppress
from types import TracebackType
from typing import NamedTuple, Self

from indexer.errors import NotNow
from indexer.milvus import Milvus
from indexer.milvus_rows import WORK, passages_collection, turns_collection, work_row

_SAY_EVERY_S = 5.0
_DEAD_AFTER_S = 30.0


class _State(NamedTuple):
    """`said`: how often its worker has said that it is at work."""

    is_done: bool
    worker: str
    said: int


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

    def __enter__(self) -> Self:
        threading.Thread(target=self._go_on_saying, name="at work", daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._ended.set()

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
        states = self._states()
        mine = [key for key in free if states[key].worker == self.worker]
        with self._lock:
            self._mine -= set(free) - set(mine)
        return mine

    def finish(self, keys: Collection[str]) -> None:
        """Says that some episodes are there as a whole, once their rows are safe."""
        self._store.flush(passages_collection(self._store.address.name))
        self._store.flush(self._rows)
        with self._lock:
            self._mine -= set(keys)
            self._store.put(self._rows, [work_row(key, [True, self.worker, self._said]) for key in keys])
        self._store.flush(self._rows)

    def _free(self, keys: Sequence[str]) -> list[str]:
        now, states = time.monotonic(), self._states()
        self._seen = {
            key: self._seen[key] if key in self._seen and self._seen[key][0] == state else (state, now)
            for key, state in states.items()
        }
        return [key for key in keys if key not in states or self._is_free(*self._seen[key], now)]

    def _is_free(self, state: _State, since: float, now: float) -> bool:
        return not state.is_done and now - since > self._dead_after_s

    def _states(self) -> dict[str, _State]:
        rows = self._store.everywhere(self._rows, f"turn == {WORK}", ["content"])
        return {row["key"]: _State(*json.loads(row["content"])) for row in rows}

    def _go_on_saying(self) -> None:
        while not self._ended.wait(self._say_every_s):
            # Who cannot be reached for that long is taken for dead, and finds out by its own work.
            with suppress(NotNow), self._lock:
                self._said += 1
                self._say(self._mine)

    def _say(self, keys: Collection[str]) -> None:
        self._store.put(self._rows, [work_row(key, [False, self.worker, self._said]) for key in sorted(keys)])
