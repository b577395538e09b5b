"""`/v1/ask` over HTTP: an answer at once, or as server-sent events while a language model writes it.

Events: `sources`; then a `delta` for each piece of text; then `answer`, with everything once more and what was
verified. `error`, a problem, where the model fails.
"""

from __future__ import annotations

import json
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, HTTPException, Response
from fastapi.responses import StreamingResponse

from indexer.errors import LanguageModelError
from service import problems, schemas
from service.archive import Archive
from service.ask_answers import context_body, conversation, extractive, extractive_search, generated
from service.context_answers import Packed, context_search, pack_prepared
from service.language_model import LanguageModel
from service.workers import Workers

_MEDIA_TYPE = "text/event-stream"
_HEADERS = {"Cache-Control": "no-store"}
_RESPONSES: dict[int | str, dict[str, Any]] = {
    **problems.OF_BODY,
    200: {
        "content": {_MEDIA_TYPE: {}},
        "description": "The answer, or its events: `sources`, a `delta` for each piece of text, `answer`; or `error`.",
    },
    502: {"model": schemas.Problem, "description": "The language model's server does not answer as it should."},
}


def install(app: FastAPI, workers: Workers, model: LanguageModel | None) -> None:
    """Adds `/v1/ask` to an app. Without a language model it answers with quotes."""

    @app.post("/v1/ask", tags=["context"], response_model=schemas.AskResponse, responses=_RESPONSES)
    async def ask(body: schemas.AskBody) -> Response:
        """An answer out of the archive, with every quotation and citation in it checked."""
        events = _events(body, workers, model)
        if body.stream or (body.stream is None and model is not None):
            # What refuses the request comes before the first event, and with it a status.
            first = await anext(events)
            return StreamingResponse(_sent(first, events), media_type=_MEDIA_TYPE, headers=_HEADERS)
        async with aclosing(events):
            *_, (name, content) = [event async for event in events]
        if name == "error":
            raise HTTPException(HTTPStatus.BAD_GATEWAY, content["detail"])
        return Response(json.dumps(content, ensure_ascii=False), media_type="application/json")


_Event = tuple[str, Any]


async def _events(body: schemas.AskBody, workers: Workers, model: LanguageModel | None) -> AsyncGenerator[_Event, None]:
    started = time.perf_counter()
    with workers.taken() as archive:
        if model is None:
            answer = await workers.search_on(
                archive, [extractive_search(body)], lambda prepared, _: extractive(prepared[0], body, archive, started)
            )
            content = answer.model_dump(mode="json")
            yield "sources", content["sources"]
            yield "delta", {"text": answer.answer}
            yield "answer", content
            return
        async for event in _generated(body, workers, model, archive, started):
            yield event


async def _generated(
    body: schemas.AskBody, workers: Workers, model: LanguageModel, archive: Archive, started: float
) -> AsyncGenerator[_Event, None]:
    asked = context_body(body)
    packed: Packed = await workers.search_on(
        archive, [context_search(asked)], lambda prepared, _: pack_prepared(prepared[0], asked, archive)
    )
    yield "sources", [source.model_dump(mode="json") for _, source in packed.described]
    pieces: list[str] = []
    try:
        async for piece in model.stream(conversation(body.query, packed)):
            pieces.append(piece)
            yield "delta", {"text": piece}
    except LanguageModelError as error:
        yield "error", {"title": "Bad Gateway", "status": int(HTTPStatus.BAD_GATEWAY), "detail": str(error)}
        return
    text = "".join(pieces)
    answer = await workers.run_on(archive, lambda _: generated(text, model.name, body, packed, archive, started))
    yield "answer", answer.model_dump(mode="json")


async def _sent(first: _Event, events: AsyncGenerator[_Event, None]) -> AsyncGenerator[str, None]:
    async with aclosing(events):
        yield _event(*first)
        async for event in events:
            yield _event(*event)


def _event(name: str, content: Any) -> str:
    return f"event: {name}\ndata: {json.dumps(content, ensure_ascii=False)}\n\n"
