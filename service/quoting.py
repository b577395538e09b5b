"""`/v1/quotes` and `/v1/context` over HTTP."""

from __future__ import annotations

import time
from typing import Annotated

from fastapi import FastAPI, Query, Response

from service import problems, schemas
from service.context_answers import context_prepared, context_search
from service.quote_answers import quote_search, quotes_prepared
from service.responses import json_response
from service.workers import Workers


def install(app: FastAPI, workers: Workers) -> None:
    """Adds the routes to an app."""

    async def quoted(body: schemas.QuotesQuery) -> Response:
        started = time.perf_counter()
        return await workers.search(
            [quote_search(body)],
            lambda prepared, archive: json_response(quotes_prepared(prepared[0], body, archive, started)),
        )

    async def packed(body: schemas.ContextQuery) -> Response:
        started = time.perf_counter()
        return await workers.search(
            [context_search(body)],
            lambda prepared, archive: json_response(context_prepared(prepared[0], body, archive, started)),
        )

    @app.get("/v1/quotes", tags=["quotes"], response_model=schemas.QuotesResponse, responses=problems.OF_PARAMETERS)
    async def quotes(parameters: Annotated[schemas.QuotesQuery, Query()]) -> Response:
        """Whole sentences that answer a question, word for word, each with its citation."""
        return await quoted(parameters)

    @app.post("/v1/quotes", tags=["quotes"], response_model=schemas.QuotesResponse, responses=problems.OF_BODY)
    async def quotes_json(body: schemas.QuotesQuery) -> Response:
        """The same, as JSON."""
        return await quoted(body)

    @app.get("/v1/context", tags=["context"], response_model=schemas.ContextResponse, responses=problems.OF_PARAMETERS)
    async def context(parameters: Annotated[schemas.ContextQuery, Query()]) -> Response:
        """Whole exchanges that answer a question, packed into a budget of tokens for a language model."""
        return await packed(parameters)

    @app.post("/v1/context", tags=["context"], response_model=schemas.ContextResponse, responses=problems.OF_BODY)
    async def context_json(body: schemas.ContextQuery) -> Response:
        """The same, as JSON."""
        return await packed(body)
