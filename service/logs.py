"""How a line of the log is written: as text for people, or as one JSON object for programs.

Either way it carries the id of the request that it is about, and never the message of an exception (`tracebacks`).
"""

from __future__ import annotations

import json
import logging
import os
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from service import request_id
from service.tracebacks import Formatter


class LogFormat(StrEnum):
    TEXT = "text"
    JSON = "json"


class _Text(Formatter):
    """`2026-01-31 12:00:00,000 INFO …`, with the request's id at the end of the first line."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  as logging calls it
        named = request_id.current()
        return super().formatMessage(record).rstrip("\n") + (f" [{named}]" if named else "")


class _Json(Formatter):
    """One object a line: `time`, `level`, `logger`, `message`, `worker`; of a request its `request_id` and fields."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage().rstrip("\n"),
            "worker": os.getpid(),
        }
        named = request_id.current()
        if named:
            line["request_id"] = named
        line |= getattr(record, "fields", {})
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


_FORMATTERS: dict[LogFormat, type[_Text] | type[_Json]] = {LogFormat.TEXT: _Text, LogFormat.JSON: _Json}


def formatter(form: LogFormat) -> Formatter:
    """What writes the lines of a log."""
    return _FORMATTERS[form]()
