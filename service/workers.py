"""Who does the work of a request, and how much may wait for it: few threads, and a queue that has an end.

Queries are understood and embedded on one thread, all that wait at that moment in one pass of the model: those that
come while it is busy go together. A request that is alone is answered by one thread from beginning to end. All else is
done by as many threads as there are cores, so that the event loop is never kept from answering /livez.
"""

from __future__ import annotations

import asyncio
import contextvars
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from itertools import takewhile
from typing import ParamSpec, TypeVar

from indexer.errors import NotNow
from service.archive import Archive
from service.live import LiveArchive
from service.metrics import Metrics
from service.search import Prepared, Search, prepare

# More than these are refused at once: whoever would wait for seconds is better told so.
MAX_INSIDE = 128
# As many queries as the model embeds in one pass without anybody waiting long for the others.
MAX_TOGETHER = 32

_Parameters = ParamSpec("_Parameters")
_Value = TypeVar("_Value")


@dataclass(frozen=True, slots=True)
class _Waiting:
    searches: Sequence[Search]
    archive: Archive
    prepared: asyncio.Future[list[Prepared]]


class Workers:
    """Threads for the requests of one event loop; each request is answered from one archive, from beginning to end."""

    def __init__(self, live: LiveArchive, metrics: Metrics | None = None) -> None:
        self._live = live
        self._metrics = metrics or Metrics()
        self._metrics.pending_limit.set(MAX_INSIDE)
        self._answering = ThreadPoolExecutor(len(os.sched_getaffinity(0)), "answering")
        self._embedding = ThreadPoolExecutor(1, "embedding")
        self._inside = 0
        self._waiting: list[_Waiting] = []
        self._preparing: asyncio.Task[None] | None = None

    async def run(self, work: Callable[[Archive], _Value]) -> _Value:
        """What a function makes of the archive, computed on a thread as soon as one is free.

        Raises:
            NotNow: no archive is open, or as much is waiting as may wait.
        """
        with self._live.taken() as archive:
            return await self.run_on(archive, work)

    async def search(self, searches: Sequence[Search], work: Callable[[Sequence[Prepared], Archive], _Value]) -> _Value:
        """The same for a function that answers searches, whose queries are embedded with those of other requests."""
        with self._live.taken() as archive:
            return await self.search_on(archive, searches, work)

    def taken(self) -> AbstractContextManager[Archive]:
        """The archive for a request of several steps, open until the end of the block.

        Raises:
            NotNow: no archive is open.
        """
        return self._live.taken()

    async def run_on(self, archive: Archive, work: Callable[[Archive], _Value]) -> _Value:
        """`run` on an archive that was taken."""
        with self._place(1):
            return await self._on_thread(work, archive)

    async def search_on(
        self, archive: Archive, searches: Sequence[Search], work: Callable[[Sequence[Prepared], Archive], _Value]
    ) -> _Value:
        """`search` on an archive that was taken."""
        with self._place(len(searches)):
            if self._inside == len(searches):
                self._metrics.batch.observe(len(searches))
                return await self._on_thread(lambda: work(prepare(searches, archive), archive))
            return await self._on_thread(work, await self._prepare(searches, archive), archive)

    @contextmanager
    def _place(self, queries: int) -> Iterator[None]:
        if self._inside + queries > MAX_INSIDE:
            self._metrics.refused_by_queue.inc()
            raise NotNow("Too many requests at once. Ask again in a moment.")
        self._inside += queries
        self._metrics.pending.set(self._inside)
        try:
            yield
        finally:
            self._inside -= queries
            self._metrics.pending.set(self._inside)

    async def _on_thread(
        self, work: Callable[_Parameters, _Value], *args: _Parameters.args, **kwargs: _Parameters.kwargs
    ) -> _Value:
        context = contextvars.copy_context()  # so that what is logged there names the request too
        return await asyncio.wrap_future(self._answering.submit(lambda: context.run(work, *args, **kwargs)))

    async def _prepare(self, searches: Sequence[Search], archive: Archive) -> list[Prepared]:
        prepared: asyncio.Future[list[Prepared]] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(searches, archive, prepared))
        if self._preparing is None:
            # It works for several requests, so that it goes by the name of none.
            self._preparing = asyncio.create_task(self._prepare_waiting(), context=contextvars.Context())
        return await prepared

    async def _prepare_waiting(self) -> None:
        while self._waiting:
            batch = self._next_batch()
            searches = [search for waiting in batch for search in waiting.searches]
            self._metrics.batch.observe(len(searches))
            try:
                found = await asyncio.wrap_future(self._embedding.submit(prepare, searches, batch[0].archive))
            except Exception as error:  # noqa: BLE001  it is the answer to those who wait
                for waiting in batch:
                    waiting.prepared.set_exception(error)
                continue
            rest = iter(found)
            for waiting in batch:
                waiting.prepared.set_result([next(rest) for _ in waiting.searches])
        self._preparing = None

    def _next_batch(self) -> list[_Waiting]:
        """The first that wait and are of one archive, up to `MAX_TOGETHER` queries; one request is never divided."""
        archive = self._waiting[0].archive
        room = MAX_TOGETHER
        batch: list[_Waiting] = []
        for waiting in takewhile(lambda waiting: waiting.archive is archive, self._waiting):
            room -= len(waiting.searches)
            if batch and room < 0:
                break
            batch.append(waiting)
        del self._waiting[: len(batch)]
        return batch
