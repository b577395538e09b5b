"""The basket: the quotes that a reader keeps. The browser knows which; what they say is read from the transcripts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse
from pydantic import BaseModel, ConfigDict, Field

from service import schemas
from service.answers import find_episode
from service.archive import Archive
from service.provenance import episode_ref, speaker_ref
from service.stretches import NotAStretchError, Stretches, stretch_link
from service.web.layout import Layout


class Status(StrEnum):
    """`moved`: the transcript was changed, and the words stand elsewhere in it. `changed`: it does not hold them any
    more. `gone`: the episode is not in the archive.
    """

    KEPT = "kept"
    MOVED = "moved"
    CHANGED = "changed"
    GONE = "gone"


class KeptQuotes(BaseModel):
    """What the browser keeps, as it is sent here: where the quotes stand, and the words that were read there."""

    model_config = ConfigDict(extra="forbid")

    quotes: list[schemas.ExportQuote] = Field(max_length=schemas.MAX_QUOTES)


@dataclass(frozen=True, slots=True)
class Entry:
    """A quote as it is now. `parts`: whose words they are, with what `_place.html` says of a place."""

    asked: schemas.ExportQuote
    status: Status
    char_start: int
    char_end: int
    text: str
    parts: list[dict[str, Any]]

    @property
    def key(self) -> str:
        """What tells it apart in the browser's basket."""
        return f"{self.asked.episode}:{self.asked.char_start}-{self.asked.char_end}"


def install(app: FastAPI, layout: Layout) -> None:
    """Adds the page to an app."""

    @app.get("/basket", include_in_schema=False)
    async def basket_page(request: Request) -> HTMLResponse:
        return await layout.page(request, "basket.html", lambda _: {"entries": []})

    @app.post("/basket", include_in_schema=False)
    async def basket_entries(request: Request, body: KeptQuotes) -> HTMLResponse:
        return await layout.page(request, "basket.html", lambda archive: _entries(body, archive))


def _entries(body: KeptQuotes, archive: Archive) -> Mapping[str, Any]:
    stretches = Stretches(archive)
    return {"entries": [_entry(quote, stretches, archive) for quote in body.quotes]}


def _entry(quote: schemas.ExportQuote, stretches: Stretches, archive: Archive) -> Entry:
    start, end = quote.char_start, quote.char_end
    row = find_episode(quote.episode, archive)
    if row is None:
        return Entry(quote, Status.GONE, start, end, quote.text or "", [])
    text, status = stretches.text(row), Status.KEPT
    if quote.text is not None and text[start:end] != quote.text:
        start, status = text.find(quote.text) if quote.text.strip() else -1, Status.MOVED
        end = start + len(quote.text)
    try:
        parts = stretches.parts(row, start, end) if start >= 0 else []
    except NotAStretchError:
        parts = []
    if not parts:
        return Entry(quote, Status.CHANGED, quote.char_start, quote.char_end, quote.text or "", [])
    voices = {voice.name: voice for voice in archive.voices_of[row.number]}
    places = [
        {
            "text": cited.text,
            "speaker": speaker_ref(voices[part.speaker]),
            "episode": episode_ref(row),
            "link": stretch_link(row.id, part.start, part.end),
            "start_s": cited.start_s,
            "time": cited.time,
            "deep_link": cited.deep_link,
        }
        for part, cited in parts
    ]
    return Entry(quote, status, start, end, text[start:end], places)
