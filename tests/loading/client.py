"""A client that keeps its connection and tells what each answer took; whatever is no answer is an error of the run."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

# The service closes a connection that is idle for 5 s; one that may be closed in this moment is not used again.
_IDLE_S = 3.0


class WrongAnswerError(AssertionError):
    """An answer that is not what it must be, and to what."""


@dataclass(frozen=True, slots=True)
class Answer:
    """`took_s`: from the first byte sent to the last received."""

    asked: str
    status: int
    headers: Mapping[str, str]
    body: bytes
    took_s: float

    def json(self, status: int = HTTPStatus.OK, media: str = "application/json") -> Any:
        """The content.

        Raises:
            WrongAnswerError: it has another status or type, or cannot be parsed.
        """
        self.must_be(status, media)
        try:
            return json.loads(self.body)
        except ValueError as error:
            raise WrongAnswerError(f"{self.asked}: no JSON: {self.body[:200]!r}") from error

    def must_be(self, status: int, media: str) -> None:
        """
        Raises:
            WrongAnswerError: it is not.
        """
        found = self.headers.get("content-type", "").partition(";")[0]
        if (self.status, found) != (status, media):
            raise WrongAnswerError(f"{self.asked}: {self.status} {found}, not {status} {media}: {self.body[:300]!r}")


class Client:
    """One connection at a time, for one thread."""

    def __init__(self, address: str) -> None:
        self._place = urlsplit(address).netloc
        self._connection = self._connected()
        self._used = time.monotonic()

    def get(self, path: str, headers: Mapping[str, str] | None = None, **parameters: Any) -> Answer:
        query = f"?{urlencode(parameters, doseq=True)}" if parameters else ""
        return self._ask("GET", f"{quote(path)}{query}", None, headers or {})

    def post(self, path: str, content: Any, headers: Mapping[str, str] | None = None) -> Answer:
        """Sends JSON, or bytes as they are."""
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        return self._ask("POST", path, body, {"Content-Type": "application/json", **(headers or {})})

    def close(self) -> None:
        self._connection.close()

    def _ask(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> Answer:
        if time.monotonic() - self._used > _IDLE_S:
            self._connection.close()
            self._connection = self._connected()
        started = time.perf_counter()
        try:
            self._connection.request(method, path, body, dict(headers))
            response = self._connection.getresponse()
            content = response.read()
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            self._connection = self._connected()
            raise WrongAnswerError(f"{method} {path}: {error!r}") from error
        self._used = time.monotonic()
        found = {name.lower(): value for name, value in response.getheaders()}
        return Answer(f"{method} {path[:200]}", response.status, found, content, time.perf_counter() - started)

    def _connected(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(self._place, timeout=120)
