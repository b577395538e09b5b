"""Checking a draft: it stands there with every quotation marked, each verdict beside it, and what was really said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from typing import Any
from urllib.parse import parse_qs

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse

from indexer.drafts import Draft, draft_of, draft_of_text, read_draft
from indexer.errors import DraftError
from service import schemas
from service.archive import Archive
from service.repairs import Repair, name_repair, words_repair
from service.stretches import stretch_link
from service.verify_answers import verified_draft
from service.web.layout import Layout


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of a draft that is shown alike. `quote`: the number of the quotation that it is of, from 1.

    `words`: whether it is what a repair of the quotation replaces. `names`: the quotations whose name it is.
    """

    text: str
    quote: int
    words: bool
    names: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Card:
    """A quotation's verdict. `words` and `name` are what repairs put in."""

    number: int
    checked: schemas.VerifiedQuote
    words: str | None
    name: str | None

    @property
    def link(self) -> str | None:
        """The true words, marked in the reader."""
        match = self.checked.match
        return stretch_link(match.episode.id, match.char_start, match.char_end) if match else None


def install(app: FastAPI, layout: Layout) -> None:
    """Adds the page to an app."""

    @app.get("/verify", include_in_schema=False)
    async def verify_page(request: Request) -> HTMLResponse:
        return await layout.page(request, "verify.html", lambda _: {"draft": ""})

    @app.post("/verify", include_in_schema=False)
    async def verify_draft(request: Request) -> HTMLResponse:
        media_type, body = request.headers.get("content-type", ""), await request.body()
        return await layout.page(request, "verify.html", lambda archive: _answer(media_type, body, archive))


def _answer(media_type: str, body: bytes, archive: Archive) -> Mapping[str, Any]:
    """What a form, or a script, sent, checked."""
    text = ""
    try:
        if media_type.startswith("application/octet-stream"):
            draft = read_draft(body)
        else:
            text = _text_of(media_type, body)
            draft = draft_of(text)
        text = as_markdown(draft).replace("\r\n", "\n").replace("\r", "\n").replace("\0", "\ufffd")
        return _checked(text, archive)
    except DraftError as error:
        return {"draft": text, "problem": str(error)}


def _text_of(media_type: str, body: bytes) -> str:
    text = body.decode("utf-8", errors="replace")
    if media_type.startswith("text/plain"):
        return text
    return parse_qs(text, keep_blank_values=True).get("text", [""])[0]


def as_markdown(draft: Draft) -> str:
    """A draft as it is shown and mended: block quotes with their signs, and whom the document states to be quoted."""
    pieces, done = [], 0
    for block in draft.blocks:
        signed = f"\n\n— {block.by}" if block.by else ""
        lines = f"{draft.text[block.start : block.end]}{signed}".split("\n")
        pieces += [draft.text[done : block.start], "\n".join(f"> {line}".rstrip() for line in lines)]
        done = block.end
    return "".join([*pieces, draft.text[done:]])


def _checked(draft: str, archive: Archive) -> Mapping[str, Any]:
    if not draft.strip():
        return {"draft": draft, "problem": "There is nothing in the draft yet."}
    response = verified_draft(draft_of_text(draft), (), archive, most=schemas.MAX_QUOTES)
    words = [words_repair(draft, checked) for checked in response.results]
    names = [name_repair(draft, checked) for checked in response.results]
    cards = [
        Card(number, checked, _text(words[number - 1]), _text(names[number - 1]))
        for number, checked in enumerate(response.results, 1)
    ]
    return {
        "draft": draft,
        "cards": cards,
        "summary": response.summary,
        "citations": response.citations,
        "notes": response.notes,
        "pieces": grouped(pieces(draft, response.results, words, names)),
    }


def pieces(
    draft: str,
    results: Sequence[schemas.VerifiedQuote],
    words: Sequence[Repair | None],
    names: Sequence[Repair | None],
) -> list[Piece]:
    """A draft in pieces, which are the draft when they are joined."""
    quotes = [(checked.start or 0, checked.end or 0) for checked in results]
    replaced = [(repair.start, repair.end) if repair else (0, 0) for repair in words]
    named = [(repair.start, repair.end) if repair else (0, 0) for repair in names]
    cuts = sorted({0, len(draft), *(place for spans in (quotes, replaced, named) for span in spans for place in span)})
    starts = {start: number for number, (start, _) in enumerate(quotes, 1)}
    found: list[Piece] = []
    quote = 0
    for start, end in pairwise(cuts):
        quote = starts.get(start, quote)
        if quote and start >= quotes[quote - 1][1]:
            quote = 0
        within = bool(quote) and replaced[quote - 1][0] <= start < replaced[quote - 1][1]
        whose = tuple(number for number, span in enumerate(named, 1) if span[0] <= start < span[1])
        found.append(Piece(draft[start:end], quote, within, whose))
    return found


def grouped(found: Sequence[Piece]) -> list[tuple[int, list[Piece]]]:
    """The pieces of each quotation together, and those between."""
    return [(quote, list(group)) for quote, group in groupby(found, key=lambda piece: piece.quote)]


def _text(repair: Repair | None) -> str | None:
    return repair.text if repair else None
