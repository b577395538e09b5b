"""`/v1/verify` over HTTP: a draft as JSON, or the file itself as the body."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Any

from fastapi import Body, FastAPI, Header, HTTPException, Response
from pydantic import Discriminator, Tag
from pydantic.json_schema import SkipJsonSchema

from service import schemas
from service.problems import OF_BODY
from service.responses import json_response
from service.verify_answers import verified_body
from service.workers import Workers

PATH = "/v1/verify"
# What a body is validated as; no parameter can have such a name.
JSON, FILE = "(json)", "(file)"
_WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
# What it says does not matter, its content does; what a form would say, is refused.
FILE_TYPES = (
    "text/markdown",
    "text/plain",
    "text/html",
    "application/xhtml+xml",
    "application/octet-stream",
    _WORD,
)
_FILES: dict[str, Any] = {
    "requestBody": {
        "content": {
            **{name: {"schema": {"type": "string"}} for name in FILE_TYPES[:4]},
            **{name: {"schema": {"type": "string", "format": "binary"}} for name in FILE_TYPES[4:]},
        }
    }
}
_RESPONSES = {**OF_BODY, 415: {"model": schemas.Problem, "description": "The body is of no type that a draft has."}}

_JsonOrFile = Annotated[
    Annotated[schemas.VerifyRequest, Tag(JSON)] | Annotated[SkipJsonSchema[bytes], Tag(FILE)],
    Discriminator(lambda value: FILE if isinstance(value, bytes) else JSON),
]


def install(app: FastAPI, workers: Workers) -> None:
    """Adds `/v1/verify` to an app."""

    @app.post(PATH, tags=["quotes"], response_model=schemas.VerifyResponse, responses=_RESPONSES, openapi_extra=_FILES)
    async def verify(
        body: Annotated[_JsonOrFile, Body()],
        content_type: Annotated[str, Header(include_in_schema=False)] = "application/json",
    ) -> Response:
        """Every quotation and every citation of a draft: was it said so, and by whom the draft says?

        JSON gives a text, or a list of quotations. A file in Markdown, HTML or Word (.docx), or of plain text, is sent
        as it is, as the body.
        """
        if isinstance(body, bytes) and content_type.partition(";")[0].strip().casefold() not in FILE_TYPES:
            raise HTTPException(
                HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
                f"A draft is sent as JSON, as content-type application/json, or as the file itself, as one of "
                f"{', '.join(FILE_TYPES)}.",
            )
        return await workers.run(lambda archive: json_response(verified_body(body, archive)))
