"""Answers over HTTP that are alike on every path."""

from __future__ import annotations

from http import HTTPStatus

from fastapi import HTTPException, Response
from pydantic import BaseModel

from indexer.catalog import EpisodeRow
from service.answers import find_episode
from service.archive import Archive


def json_response(content: BaseModel) -> Response:
    """Serialised here, on the thread that made it; what is returned as a model is checked and converted once more."""
    return Response(content.model_dump_json(), media_type="application/json")


def episode_or_404(episode_id: str, archive: Archive) -> EpisodeRow:
    row = find_episode(episode_id, archive)
    if row is None:
        raise HTTPException(HTTPStatus.NOT_FOUND, f"No episode has the id {episode_id!r}; /v1/episodes lists them.")
    return row
