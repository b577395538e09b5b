"""The description of the HTTP interface, made whole: what any path may answer, and how errors are sent.

Routes state what they answer themselves. Before a route is reached, keys, names, origins and the size of the body are
looked at; what comes of that is stated here, once for all paths.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from service.access import LIVENESS
from service.problems import MEDIA_TYPE

_PROBLEM = {"$ref": "#/components/schemas/Problem"}
_OF_ALL = {
    "401": "A key is needed, or this one is not known: where the service has keys.",
    "403": "The request comes from a page of another origin.",
    "421": "The service is not known by the name that was asked.",
    "429": "The key has asked too often; `Retry-After` says when to ask again.",
}
_OF_BODIES = {"400": "The body cannot be read."}


def complete(description: dict[str, Any]) -> None:
    """Adds to an OpenAPI description, in place, what is true of every path. Contracts of others state all of theirs."""
    for path, operation in _operations(description):
        responses = operation["responses"]
        if "4XX" in responses:
            continue
        common = {**(_OF_ALL if path != LIVENESS else {}), **(_OF_BODIES if "requestBody" in operation else {})}
        for status, text in common.items():
            responses.setdefault(status, {"description": text, "content": {MEDIA_TYPE: {"schema": _PROBLEM}}})
        for response in responses.values():
            content = response.get("content", {})
            if content.get("application/json", {}).get("schema") == _PROBLEM:
                response["content"] = {MEDIA_TYPE: content["application/json"]}
        operation["responses"] = dict(sorted(responses.items()))


def _operations(description: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    return ((path, operation) for path, operations in description["paths"].items() for operation in operations.values())
