"""Errors over HTTP: RFC 9457 problem JSON, with what to change."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from indexer.errors import NotNow, OnRecordError

MEDIA_TYPE = "application/problem+json"
MAX_BODY_BYTES = 1_048_576
_WHAT_TO_CHANGE = {
    "Not Found": "There is nothing at this path; /docs lists the paths there are.",
    "Method Not Allowed": "This path does not take this method; /docs lists those of every path.",
    "There was an error parsing the body": "The body cannot be read; send JSON in UTF-8.",
}


def problem(request: Request, status: int, detail: str, errors: list[dict[str, Any]] | None = None) -> JSONResponse:
    """A problem as a response."""
    return JSONResponse(
        {
            "type": "about:blank",
            "title": HTTPStatus(status).phrase,
            "status": status,
            "detail": detail,
            "instance": request.url.path,
            "errors": errors or [],
        },
        status_code=status,
        media_type=MEDIA_TYPE,
    )


def install(app: FastAPI) -> None:
    """Makes every error of an app a problem."""

    @app.exception_handler(HTTPException)
    def _http(request: Request, error: HTTPException) -> JSONResponse:
        detail = str(error.detail)
        response = problem(request, error.status_code, _WHAT_TO_CHANGE.get(detail, detail))
        response.headers.update(error.headers or {})
        return response

    @app.exception_handler(RequestValidationError)
    def _validation(request: Request, error: RequestValidationError) -> JSONResponse:
        errors = [_described(entry) for entry in error.errors()]
        detail = "; ".join(f"{entry['parameter']}: {entry['message']}" for entry in errors[:5])
        return problem(request, HTTPStatus.UNPROCESSABLE_ENTITY, detail, errors)

    @app.exception_handler(NotNow)
    def _not_now(request: Request, error: NotNow) -> JSONResponse:
        response = problem(request, HTTPStatus.SERVICE_UNAVAILABLE, str(error))
        response.headers["Retry-After"] = "1"
        return response

    @app.exception_handler(OnRecordError)
    def _ours(request: Request, error: OnRecordError) -> JSONResponse:
        return problem(request, HTTPStatus.SERVICE_UNAVAILABLE, str(error))

    @app.exception_handler(Exception)
    def _unexpected(request: Request, _: Exception) -> JSONResponse:
        return problem(request, HTTPStatus.INTERNAL_SERVER_ERROR, "A defect of the service; its log says more.")

    app.add_middleware(BodyLimit)
    app.add_middleware(HeadAsGet)


class HeadAsGet:
    """Answers HEAD as GET; the server leaves the body out."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] == "HEAD":
            scope = {**scope, "method": "GET"}
        await self._app(scope, receive, send)


class BodyLimit:
    """Refuses bodies over the limit, whether their length is announced or not."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        body = b""
        more = scope["method"] in ("POST", "PUT", "PATCH", "DELETE")
        while more:
            message = await receive()
            if message["type"] != "http.request":
                return
            body += message.get("body", b"")
            more = message.get("more_body", False)
            if len(body) > MAX_BODY_BYTES:
                detail = f"The body is larger than {MAX_BODY_BYTES} bytes. Send less text, or fewer queries."
                refusal = problem(Request(scope), HTTPStatus.REQUEST_ENTITY_TOO_LARGE, detail)
                await refusal(scope, receive, send)
                return
        pending = [{"type": "http.request", "body": body, "more_body": False}]

        async def replay() -> Message:
            return pending.pop() if pending else await receive()

        await self._app(scope, replay, send)


def _described(entry: Any) -> dict[str, Any]:
    place = [str(part) for part in entry["loc"] if part not in ("one", "many")][1:]
    where = ".".join(place) or str(entry["loc"][0])
    message = entry["msg"]
    if entry["type"] == "extra_forbidden":
        message = "unknown parameter; /docs lists those there are"
    elif entry["type"] == "string_pattern_mismatch":
        message = "no word in it"
    elif entry["type"] == "json_invalid":
        where, message = "body", f"no valid JSON at character {where}: {entry['ctx']['error']}"
    elif where == "body":
        message = "send one JSON object, as content-type application/json"
    return {"parameter": where, "in": str(entry["loc"][0]), "message": message, "code": entry["type"]}
