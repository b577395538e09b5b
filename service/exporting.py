"""The route of `/v1/export`."""

from __future__ import annotations

from fastapi import FastAPI, Response
from fastapi.exceptions import RequestValidationError

from service import schemas
from service.archive import Archive
from service.exports import MEDIA_TYPES, NotExportableError, exported
from service.workers import Workers


def install(app: FastAPI, workers: Workers) -> None:
    """Adds the route to an app."""

    @app.post(
        "/v1/export",
        tags=["quotes"],
        response_class=Response,
        responses={
            200: {"description": "The file.", "content": {name: {} for name in MEDIA_TYPES}},
            **{status: {"model": schemas.Problem} for status in (413, 422, 503)},
        },
    )
    async def export(body: schemas.ExportBody) -> Response:
        """Quotes, picked one by one, as a file: Markdown, BibTeX, CSL-JSON or Word."""
        return await workers.run(lambda archive: _answer(body, archive))


def _answer(body: schemas.ExportBody, archive: Archive) -> Response:
    try:
        file = exported(body, archive)
    except NotExportableError as error:
        raise RequestValidationError(
            [
                {"loc": ("body", "quotes", entry.place, entry.parameter), "msg": entry.message, "type": "no_quote"}
                for entry in error.refusals
            ]
        ) from error
    headers = {"Content-Disposition": f'attachment; filename="{file.name}"'}
    return Response(file.content, media_type=file.media_type, headers=headers)
