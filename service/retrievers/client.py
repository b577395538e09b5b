"""`/v1/search` of a running service, asked over HTTP, with and without asyncio."""

from __future__ import annotations

import os
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import urljoin

import httpx2

from indexer.errors import NotAnswered

DEFAULT_ADDRESS = "http://127.0.0.1:8000"


@dataclass(frozen=True, slots=True)
class Service:
    """Where a service is, and how it is asked.

    `api_key`: by default that of the environment variable ONRECORD_API_KEY, if there is one.
    `parameters`: further parameters of `/v1/search`, as `{"role": "guest", "date_from": "2024-01-01"}`; the service
    refuses those it does not know.
    """

    address: str
    api_key: str | None
    parameters: Mapping[str, Any]
    timeout_s: float


@dataclass(frozen=True, slots=True)
class Found:
    """A passage, word for word. `metadata`: who said it and where it stands; None for what is not stated."""

    id: str
    text: str
    score: float
    metadata: dict[str, Any]


def search(service: Service, query: str, limit: int) -> list[Found]:
    """The passages that answer best.

    Raises:
        NotAnswered: the service refuses, saying why, or cannot be reached.
    """
    try:
        with httpx2.Client(verify=_trusted(), timeout=service.timeout_s, headers=_headers(service)) as client:
            return _found(service, client.post(_url(service), json=_body(service, query, limit)))
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        raise _unreached(service, error) from error


async def search_async(service: Service, query: str, limit: int) -> list[Found]:
    """The same, without keeping the event loop waiting."""
    try:
        async with httpx2.AsyncClient(
            verify=_trusted(), timeout=service.timeout_s, headers=_headers(service)
        ) as client:
            return _found(service, await client.post(_url(service), json=_body(service, query, limit)))
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        raise _unreached(service, error) from error


@cache
def _trusted() -> ssl.SSLContext:
    """Made once: it takes longer than a search."""
    return httpx2.create_ssl_context()


def _url(service: Service) -> str:
    return f"{service.address.rstrip('/')}/v1/search"


def _headers(service: Service) -> dict[str, str]:
    key = service.api_key or os.environ.get("ONRECORD_API_KEY")
    return {"Authorization": f"Bearer {key}"} if key else {}


def _body(service: Service, query: str, limit: int) -> dict[str, Any]:
    if taken := {"query", "limit"} & service.parameters.keys():
        raise NotAnswered(f"{', '.join(sorted(taken))}: not among the filters; the retriever sets this itself.")
    return {**service.parameters, "query": query, "limit": limit}


def _found(service: Service, response: httpx2.Response) -> list[Found]:
    if response.status_code != httpx2.codes.OK:
        raise NotAnswered(f"{service.address}: {_reason(response)}")
    try:
        return [_passage(service, hit) for hit in response.json()["results"]]
    except (ValueError, KeyError, TypeError) as error:
        raise NotAnswered(f"{service.address}: what answers there is no On Record. Check the address.") from error


def _reason(response: httpx2.Response) -> str:
    """The problem's own words, where it is one."""
    try:
        return str(response.json()["detail"])
    except (ValueError, KeyError, TypeError):
        return f"answered {response.status_code} {response.reason_phrase}. Check the address."


def _unreached(service: Service, error: Exception) -> NotAnswered:
    reason = str(error) or type(error).__name__
    return NotAnswered(
        f"{service.address}: cannot be reached ({reason}). Start `onrecord serve`, or check the address."
    )


def _passage(service: Service, hit: Mapping[str, Any]) -> Found:
    episode, question = hit["episode"], hit["question"]
    return Found(
        id=hit["id"],
        text=hit["text"],
        score=hit["score"],
        metadata={
            "passage": hit["id"],
            "speaker": hit["speaker"]["name"],
            "role": hit["speaker"]["role"],
            "episode": episode["id"],
            **{name: episode[name] for name in ("title", "show", "date", "language", "url", "source")},
            **{name: hit[name] for name in ("section", "kind", "turn", "char_start", "char_end")},
            **{name: hit[name] for name in ("start_s", "end_s", "time", "deep_link")},
            "link": urljoin(service.address, hit["link"]),
            "quote": hit["quote"]["text"],
            "question": question["text"] if question else None,
            "score": hit["score"],
        },
    )
