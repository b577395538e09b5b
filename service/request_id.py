"""The name of a request: its answer carries it, and every line of the log about it, so that one finds the other."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable
from contextvars import ContextVar

NAME = b"x-request-id"  # of the header, as ASGI has it
# What a caller, or a proxy in front, may choose: short, and nothing that could end a line of a log or a header.
_SANE = re.compile(rb"[A-Za-z0-9._-]{1,64}")

_current: ContextVar[str | None] = ContextVar("request_id", default=None)


def begin(headers: Iterable[tuple[bytes, bytes]]) -> str:
    """The id of a request that begins now, which is `current` for all that is done for it from here on.

    Args:
        headers: as ASGI has them. The caller's own id counts, if it is one sane token; else it is a fresh one.
    """
    stated = [value for name, value in headers if name == NAME]
    is_sane = len(stated) == 1 and _SANE.fullmatch(stated[0])
    chosen = stated[0].decode("ascii") if is_sane else fresh()
    _current.set(chosen)
    return chosen


def fresh() -> str:
    """An id that nobody had before: 16 hexadecimal digits."""
    return secrets.token_hex(8)


def current() -> str | None:
    """The id of the request that is being answered here; None outside of one."""
    return _current.get()
