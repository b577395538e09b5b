"""Errors over HTTP: RFC 9457 problem JSON, with what to change; in a browser, a page that says it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Any, TypeAlias

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from indexer.errors import DraftError, NotNow, OnRecordError
from service import request_id, schemas

MEDIA_TYPE = "application/problem+json"
MAX_BODY_BYTES = 1_048_576
# Of a draft that is sent as a file, with its pictures.
MAX_FILE_BYTES = 16 * MAX_BODY_BYTES
# A body of a megabyte can hold a hundred thousand; nobody reads more than these.
_MOST_ERRORS = 100
_WHAT_TO_CHANGE = {
    "Not Found": "There is nothing at this path; /docs lists the paths there are.",
    "Method Not Allowed": "This path does not take this method; /docs lists those of every path.",
    "There was an error parsing the body": "The body cannot be read; send JSON in UTF-8.",
}

# What a route may answer beside what it is for, as OpenAPI states it.
NOT_NOW: dict[int | str, dict[str, Any]] = {
    503: {"model": schemas.Problem, "description": "Too much at once, or not open yet; `Retry-After` says when to ask."}
}
OF_PARAMETERS: dict[int | str, dict[str, Any]] = {
    422: {"model": schemas.Problem, "description": "What to change, one entry per parameter."},
    **NOT_NOW,
}
OF_BODY = {**OF_PARAMETERS, 413: {"model": schemas.Problem}}
NOT_FOUND: dict[int | str, dict[str, Any]] = {
    404: {"model": schemas.Problem, "description": "No such id."},
    **OF_PARAMETERS,
}

# An error as a contract of others has it, of the status, what to change, and that for each parameter.
Refusal: TypeAlias = Callable[[int, str, Sequence[dict[str, Any]]], JSONResponse]


def problem(request: Request, status: int, detail: str, errors: list[dict[str, Any]] | None = None) -> JSONResponse:
    """A problem as a response; below the path of another contract, as that has its errors."""
    refusals: Mapping[str, Refusal] = request.app.state.refusals
    for path, refusal in refusals.items():
        if request.url.path == path or request.url.path.startswith(f"{path}/"):
            return refusal(status, detail, errors or [])
    return JSONResponse(
        {
            "type": "about:blank",
            "title": HTTPStatus(status).phrase,
            "status": status,
            "detail": detail,
            "instance": request.url.path,
            "errors": errors or [],
            "request_id": request_id.current(),
        },
        status_code=status,
        media_type=MEDIA_TYPE,
    )


def answered(request: Request, status: int, detail: str, errors: list[dict[str, Any]] | None = None) -> Response:
    """A problem; where an address is opened in a browser, a page that says it."""
    if _is_browsing(request):
        page: ProblemPage = request.app.state.problem_page
        return page(request, status, detail)
    return problem(request, status, detail, errors)


ProblemPage = Callable[[Request, int, str], Response]


def install(app: FastAPI, page: ProblemPage, refusals: Mapping[str, Refusal]) -> None:
    """Makes every error of an app a problem.

    Args:
        page: what a browser is shown that opens an address in which something is wrong.
        refusals: the errors of other contracts, by their paths.
    """
    app.state.refusals = refusals
    app.state.problem_page = page

    @app.exception_handler(HTTPException)
    def _http(request: Request, error: HTTPException) -> Response:
        detail = str(error.detail)
        response = answered(request, error.status_code, _WHAT_TO_CHANGE.get(detail, detail))
        response.headers.update(error.headers or {})
        if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
            response.headers["Allow"] = ", ".join(_methods_of(request))
        return response

    @app.exception_handler(RequestValidationError)
    def _validation(request: Request, error: RequestValidationError) -> Response:
        errors = [_described(entry) for entry in error.errors()[:_MOST_ERRORS]]
        detail = "; ".join(f"{entry['parameter']}: {entry['message']}" for entry in errors[:5])
        return answered(request, HTTPStatus.UNPROCESSABLE_ENTITY, detail, errors)

    @app.exception_handler(NotNow)
    def _not_now(request: Request, error: NotNow) -> Response:
        response = answered(request, HTTPStatus.SERVICE_UNAVAILABLE, str(error))
        response.headers["Retry-After"] = "1"
        return response

    @app.exception_handler(DraftError)
    def _draft(request: Request, error: DraftError) -> JSONResponse:
        return problem(request, HTTPStatus.UNPROCESSABLE_ENTITY, str(error))

    @app.exception_handler(OnRecordError)
    def _ours(request: Request, error: OnRecordError) -> Response:
        return answered(request, HTTPStatus.SERVICE_UNAVAILABLE, str(error))

    @app.exception_handler(Exception)
    def _unexpected(request: Request, _: Exception) -> Response:
        response = answered(request, HTTPStatus.INTERNAL_SERVER_ERROR, "A defect of the service; its log says more.")
        response.headers["Connection"] = "close"  # uvicorn closes it; a client that did not know would ask in vain
        return response

    app.add_middleware(BodyLimit)
    app.add_middleware(HeadAsGet)


def _methods_of(request: Request) -> list[str]:
    """All methods that a path takes. Starlette names those of the first route there that takes any."""
    routes = (route for route in request.app.routes if route.matches(request.scope)[0] is not Match.NONE)
    methods = {method for route in routes for method in getattr(route, "methods", None) or ()}
    return sorted(methods | ({"HEAD"} if "GET" in methods else set()))


def _is_browsing(request: Request) -> bool:
    """Browsers name HTML among what they take when an address is opened in them; scripts and programs do not."""
    return "text/html" in request.headers.get("accept", "") and not request.url.path.startswith("/v1/")


class HeadAsGet:
    """Answers HEAD as GET; the server leaves the body out."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return
        as_get = {**scope, "method": "GET"}
        try:
            await self._app(as_get, receive, send)
        finally:
            # For those who count by them, further out.
            scope.update({name: as_get[name] for name in ("route", "root_path") if name in as_get})


class BodyLimit:
    """Refuses bodies over the limit, whether their length is announced or not."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit = MAX_FILE_BYTES if _is_file(scope) else MAX_BODY_BYTES
        body = bytearray()
        more = scope["method"] in ("POST", "PUT", "PATCH", "DELETE")
        while more:
            message = await receive()
            if message["type"] != "http.request":
                return
            body += message.get("body", b"")
            more = message.get("more_body", False)
            if len(body) > limit:
                detail = f"The body is larger than {limit} bytes. Send less text, or fewer queries."
                refusal = problem(Request(scope), HTTPStatus.REQUEST_ENTITY_TOO_LARGE, detail)
                await refusal(scope, receive, send)
                return
        pending = [{"type": "http.request", "body": bytes(body), "more_body": False}]

        async def replay() -> Message:
            return pending.pop() if pending else await receive()

        await self._app(scope, replay, send)


def _is_file(scope: Scope) -> bool:
    """Whether a body is a draft that is sent as a file."""
    types = [value for name, value in scope["headers"] if name == b"content-type"]
    return scope["path"] == "/v1/verify" and not any(b"json" in value.lower() for value in types)


def _described(entry: Any) -> dict[str, Any]:
    place = [str(part) for part in entry["loc"] if part not in ("one", "many", "(json)", "(file)")][1:]
    where = ".".join(place) or str(entry["loc"][0])
    message = entry["msg"]
    if entry["type"] == "extra_forbidden":
        message = "unknown parameter; /docs lists those there are"
    elif entry["type"] == "string_pattern_mismatch":
        message = "no word in it"
    elif entry["type"] == "json_invalid":
        where, message = "body", f"no valid JSON at character {where}: {entry['ctx']['error']}"
    elif entry["type"] == "value_error":
        message = message.removeprefix("Value error, ")
    elif where == "body":
        message = "send one JSON object, as content-type application/json"
    return {"parameter": where, "in": str(entry["loc"][0]), "message": message, "code": entry["type"]}
