"""Quotes as a file: Markdown, BibTeX, CSL-JSON or a Word document, in the order given.

The words come from the transcripts, never from who asks. A stretch in which several people speak is one quote of each.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from service import schemas
from service.answers import find_episode
from service.archive import Archive
from service.citations import Cited, Style, cite
from service.stretches import NotAStretchError, Stretches


@dataclass(frozen=True, slots=True)
class Export:
    """A file, what it is called and of which media type it is."""

    content: bytes
    name: str
    media_type: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a quote cannot be exported: its place in the list, from 0, and which of its parameters is wrong."""

    place: int
    parameter: str
    message: str


class NotExportableError(ValueError):
    """Some quotes are not in the archive as they are asked for."""

    def __init__(self, refusals: Sequence[Refusal]) -> None:
        super().__init__(f"{len(refusals)} quotes cannot be exported")
        self.refusals = refusals


def exported(body: schemas.ExportBody, archive: Archive) -> Export:
    """Quotes as a file.

    Raises:
        NotExportableError: some of them do not exist, or their words are others; it names each.
    """
    stretches = Stretches(archive)
    cited: list[Cited] = []
    refusals: list[Refusal] = []
    for place, quote in enumerate(body.quotes):
        found = _cited(quote, stretches, archive)
        if isinstance(found, list):
            cited += found
        else:
            refusals.append(Refusal(place, *found))
    if refusals:
        raise NotExportableError(refusals)
    name, media_type, write = _FILES[body.format]
    return Export(write(cited, body.style or Style.CHICAGO), name, media_type)


def _cited(quote: schemas.ExportQuote, stretches: Stretches, archive: Archive) -> list[Cited] | tuple[str, str]:
    """What is cited, or which parameter is wrong, and why."""
    row = find_episode(quote.episode, archive)
    if row is None:
        return "episode", f"no episode has the id {quote.episode!r}; /v1/episodes lists them"
    try:
        parts = stretches.parts(row, quote.char_start, quote.char_end)
    except NotAStretchError as error:
        return error.parameter, str(error)
    if quote.text is not None and stretches.text(row)[quote.char_start : quote.char_end] != quote.text:
        return "text", "other words stand there now; the transcript was changed"
    return [cited for _, cited in parts]


def _markdown(cited: Sequence[Cited], _: Style) -> bytes:
    return _file(str(cite(one, Style.MARKDOWN)) for one in cited)


def _bibtex(cited: Sequence[Cited], _: Style) -> bytes:
    return _file(str(cite(one, Style.BIBTEX)) for one in _once(cited))


def _csl_json(cited: Sequence[Cited], _: Style) -> bytes:
    items = [cite(one, Style.CSL_JSON) for one in _once(cited)]
    return f"{json.dumps(items, ensure_ascii=False, indent=2)}\n".encode()


def _word(cited: Sequence[Cited], style: Style) -> bytes:
    from service.word_export import word_file  # noqa: PLC0415  python-docx takes its time

    return word_file(cited, style)


def _file(blocks: Iterable[str]) -> bytes:
    return ("\n\n".join(block.strip("\n") for block in blocks) + "\n").encode()


def _once(cited: Iterable[Cited]) -> list[Cited]:
    """Without doubles, for a record's key is of one place."""
    return list({(one.episode_id, one.char_start, one.char_end): one for one in cited}.values())


_Write = Callable[[Sequence[Cited], Style], bytes]
_FILES: dict[schemas.ExportFormat, tuple[str, str, _Write]] = {
    schemas.ExportFormat.MARKDOWN: ("quotes.md", "text/markdown; charset=utf-8", _markdown),
    schemas.ExportFormat.BIBTEX: ("quotes.bib", "application/x-bibtex; charset=utf-8", _bibtex),
    schemas.ExportFormat.CSL_JSON: ("quotes.json", "application/vnd.citationstyles.csl+json", _csl_json),
    schemas.ExportFormat.DOCX: (
        "quotes.docx",
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        _word,
    ),
}
MEDIA_TYPES = tuple(media_type.split(";")[0] for _, media_type, _ in _FILES.values())
