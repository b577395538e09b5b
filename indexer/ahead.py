"""Work on two things at once: while the caller uses what was made of one item, the next one is being made."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

_Item = TypeVar("_Item")
_Asked = TypeVar("_Asked")
_Made = TypeVar("_Made")


def made_ahead(make: Callable[[_Asked], _Made], items: Iterable[tuple[_Item, _Asked]]) -> Iterator[tuple[_Item, _Made]]:
    """Each item with what is made of its other half, in order; never more than two of these are there.

    >>> list(made_ahead(str.upper, [(1, "a"), (2, "b")]))
    [(1, 'A'), (2, 'B')]
    """
    with ThreadPoolExecutor(1, "making") as maker:
        running: tuple[_Item, Future[_Made]] | None = None
        for item, asked in items:
            future = maker.submit(make, asked)
            if running:
                yield running[0], running[1].result()
            running = item, future
        if running:
            yield running[0], running[1].result()
