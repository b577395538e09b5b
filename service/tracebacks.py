"""Tracebacks for a log: where and of which class, without the message.

What was asked, and what a transcript says, stands in the messages of exceptions, also of libraries. A log is kept
longer than either, and read by others.
"""

from __future__ import annotations

import asyncio
import logging
import traceback
from collections.abc import Iterator
from types import TracebackType
from typing import Any, TypeAlias

_Info: TypeAlias = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]

log = logging.getLogger("onrecord.service")


class Formatter(logging.Formatter):
    """Formats records as its format says, and their tracebacks without values."""

    def formatException(self, ei: _Info) -> str:  # noqa: N802  as logging calls it
        return without_values(ei[1]) if ei[1] is not None else ""


def log_to_standard_error(level: int, formatter: Formatter | None = None) -> None:
    """Everything that is logged from now on, by whichever library, is formatted so."""
    handler = logging.StreamHandler()
    handler.setFormatter(formatter or Formatter("%(asctime)s %(levelname)s %(message)s"))
    logging.basicConfig(level=level, handlers=[handler])


def without_values(error: BaseException) -> str:
    """The traceback of an error and of those that led to it, without their messages."""
    return "".join(_lines(error, set())).rstrip("\n")


def log_of_loop(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """What an event loop tells of errors that nobody waited for: its own words, but not what it knows of the tasks."""
    log.error("%s", context["message"], exc_info=context.get("exception"))


def _lines(error: BaseException, seen: set[int]) -> Iterator[str]:
    seen.add(id(error))
    earlier = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if earlier is not None and id(earlier) not in seen:
        yield from _lines(earlier, seen)
        yield "\nAfter that:\n"
    yield "Traceback (most recent call last):\n"
    yield from traceback.format_tb(error.__traceback__)
    yield f"{type(error).__module__}.{type(error).__qualname__}{_number(error)}, whose message is not logged\n"
    if isinstance(error, BaseExceptionGroup):
        for part in error.exceptions:
            if id(part) not in seen:
                yield "\nIn it:\n"
                yield from _lines(part, seen)


def _number(error: BaseException) -> str:
    return f" (errno {error.errno})" if isinstance(error, OSError) and error.errno is not None else ""
