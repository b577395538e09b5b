"""The HTTP interface, version 1: routes, and nothing else."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Any

from fastapi import FastAPI, HTTPException, Query

from indexer.catalog import EpisodeRow, StoredPassage
from service import answers, pages, problems, schemas
from service.archive import Archive

_PROBLEMS: dict[int | str, dict[str, Any]] = {
    422: {"model": schemas.Problem, "description": "What to change, one entry per parameter."}
}
_NOT_FOUND: dict[int | str, dict[str, Any]] = {
    404: {"model": schemas.Problem, "description": "No such id."},
    **_PROBLEMS,
}

Page = Annotated[schemas.PageParameters, Query()]


def create_app(archive: Archive) -> FastAPI:
    """The service over one open archive."""
    app = FastAPI(
        title="On Record",
        version="1",
        summary="The exact words, who said them, in which episode, and where.",
        description="Every `char_start` and `char_end` counts code points of the episode's one canonical text, "
        "which `/v1/episodes/{id}/transcript` serves: `text[char_start:char_end]` is the passage, exactly.",
    )
    problems.install(app)
    pages.install(app, archive)

    @app.get("/v1/search", tags=["search"], responses=_PROBLEMS)
    def search(parameters: Annotated[schemas.SearchQuery, Query()]) -> schemas.SearchResponse:
        """The passages that answer a question best."""
        return answers.answer([parameters.query], parameters, archive)[0]

    @app.post("/v1/search", tags=["search"], responses={**_PROBLEMS, 413: {"model": schemas.Problem}})
    def search_json(body: schemas.SearchBody) -> schemas.SearchResponse | schemas.SearchResponses:
        """The same, as JSON. A list of queries gives `searches`, in its order."""
        if isinstance(body.query, str):
            return answers.answer([body.query], body, archive)[0]
        return schemas.SearchResponses(searches=answers.answer(body.query, body, archive))

    @app.get("/v1/episodes", tags=["archive"], responses=_PROBLEMS)
    def episodes(page: Page) -> schemas.EpisodeList:
        """The episodes, in the order of their sources."""
        return answers.episode_list(archive, page.limit, page.offset)

    @app.get("/v1/episodes/{episode_id}", tags=["archive"], responses=_NOT_FOUND)
    def episode(episode_id: str) -> schemas.EpisodeDetail:
        """One episode: who speaks, and in which sections."""
        return answers.episode_detail(_episode(episode_id), archive)

    @app.get("/v1/episodes/{episode_id}/transcript", tags=["archive"], responses=_NOT_FOUND)
    def transcript(episode_id: str) -> schemas.Transcript:
        """The canonical text, which all offsets count in, and its turns."""
        return answers.transcript(_episode(episode_id), archive)

    @app.get("/v1/passages/{passage_id}", tags=["archive"], responses=_NOT_FOUND)
    def passage(passage_id: str) -> schemas.Passage:
        """One passage by its id, which stays the same when the archive is indexed again."""
        return answers.passage(_passage(passage_id), archive)

    @app.get("/v1/passages/{passage_id}/exchange", tags=["archive"], responses=_NOT_FOUND)
    def exchange(passage_id: str) -> schemas.Exchange:
        """The question that a passage replies to, with the whole answer."""
        return answers.exchange(_passage(passage_id), archive)

    @app.get("/v1/speakers", tags=["archive"], responses=_PROBLEMS)
    def speakers(page: Page) -> schemas.SpeakerList:
        """Everybody who is named, those with most passages first."""
        return answers.speaker_list(archive, page.limit, page.offset)

    @app.get("/livez", tags=["operation"])
    def livez() -> schemas.Health:
        """The process answers."""
        return schemas.Health(status="ok")

    @app.get("/readyz", tags=["operation"])
    def readyz() -> schemas.Readiness:
        """An index is open, and this one."""
        return schemas.Readiness(status="ok", index=answers.index_info(archive))

    def _episode(episode_id: str) -> EpisodeRow:
        row = answers.find_episode(episode_id, archive)
        if row is None:
            raise HTTPException(HTTPStatus.NOT_FOUND, f"No episode has the id {episode_id!r}; /v1/episodes lists them.")
        return row

    def _passage(passage_id: str) -> StoredPassage:
        found = archive.catalog.passages_by_id([passage_id])
        if not found:
            raise HTTPException(HTTPStatus.NOT_FOUND, f"No passage has the id {passage_id!r}; take one from a search.")
        return found[0]

    return app
