"""Which archive answers now: the live generation, and the next one as soon as an indexer has published it."""

from __future__ import annotations

import asyncio
import gc
import logging
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

from indexer.errors import NotNow, OnRecordError
from service.archive import Archive
from service.metrics import Metrics
from service.places import IndexPlace

LOOK_EVERY_S = 0.5
# A generation that cannot be served is tried again: its files may still be on their way here.
TRY_AGAIN_S = 30.0

log = logging.getLogger("onrecord.service")


@dataclass(slots=True)
class _Served:
    archive: Archive
    readers: int = 0


class LiveArchive:
    """The archive that answers now. Whoever takes one keeps it to the end, whatever is published in between.

    All methods belong to one event loop's thread, so that nothing here needs a lock.
    """

    def __init__(self, index: IndexPlace, first: Callable[[], Archive], metrics: Metrics | None = None) -> None:
        """Begins to open the first archive, on a thread of its own; its models serve those that follow."""
        self._index = index
        self._metrics = metrics or Metrics()
        opener = ThreadPoolExecutor(1, "opening")
        self._first = opener.submit(_warm, first)
        opener.shutdown(wait=False)
        self._served: _Served | None = None
        self._refused: tuple[str, str] | None = None

    @property
    def notes(self) -> list[str]:
        """Why a newer generation is not served."""
        return [self._refused[1]] if self._refused else []

    @property
    def generation(self) -> str | None:
        """The id of the generation that answers now."""
        return self._served.archive.generation.manifest.id if self._served else None

    @contextmanager
    def taken(self) -> Iterator[Archive]:
        """The archive, open until the end of the block.

        Raises:
            NotNow: none is open yet.
        """
        served = self._served
        if served is None:
            raise NotNow("The archive is being opened. Ask again in a moment.")
        served.readers += 1
        try:
            yield served.archive
        finally:
            served.readers -= 1
            self._close_if_done(served)

    async def ready(self) -> Archive:
        """The first archive, open and warm; answers are given from now on.

        Raises:
            OnRecordError, EmbeddingError: as `open_archive`.
        """
        archive = await asyncio.wrap_future(self._first)
        self._served = _Served(archive)
        return archive

    async def follow(self) -> None:
        """Serves what is published, without end. What cannot be served is refused, and the old archive stays."""
        tried_at = 0.0
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            try:
                name = await asyncio.to_thread(self._index.live)
            except OnRecordError as error:
                self._refuse("", str(error))
                continue
            if self._is_served(name):
                self._refused = None
                self._metrics.refusing.set(0)
            elif not self._is_refused(name) or time.monotonic() - tried_at > TRY_AGAIN_S:
                tried_at = time.monotonic()
                await self._change_to(name)

    async def _change_to(self, name: str) -> None:
        assert self._served is not None
        old = self._served
        opening = partial(self._index.open, embedder=old.archive.embedder, reranking=old.archive.reranking)
        try:
            archive = await asyncio.to_thread(opening)
        except (OnRecordError, OSError) as error:
            self._refuse(name, str(error))
            return
        self._served = _Served(archive)
        self._close_if_done(old)
        self._refused = None
        self._metrics.refusing.set(0)
        self._metrics.reload_served.inc()
        log.info("%s: generation %s is served now.", self._index, archive.generation.manifest.id)

    def _is_served(self, name: str) -> bool:
        return self._served is not None and self._served.archive.generation.manifest.id == name

    def _is_refused(self, name: str) -> bool:
        return self._refused is not None and self._refused[0] == name

    def _refuse(self, name: str, reason: str) -> None:
        note = f"A newer generation is not served: {reason}"
        if self._refused != (name, note):
            log.warning("%s", note)
            self._metrics.reload_refused.inc()
            self._metrics.refusing.set(1)
        self._refused = (name, note)

    def _close_if_done(self, served: _Served) -> None:
        if served is not self._served and not served.readers:
            served.archive.close()


def _warm(first: Callable[[], Archive]) -> Archive:
    archive = first()
    archive.embedder.warm_up()
    # What is there now stays; looking through it for garbage again and again would hold up answers.
    gc.collect()
    gc.freeze()
    return archive
