"""Drafts: what people write, whose quotations are to be checked. The content decides the format, never a suffix.

A draft in Markdown or plain text is its text as it stands. A web page or a Word document becomes plain text: paragraphs
with a blank line between them, and where its block quotes are.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from indexer.archives import DEFAULT_LIMITS, Limits
from indexer.errors import DraftError, TranscriptError
from indexer.reading import decode

_PARAGRAPH = re.compile(r"(?:[^\n]|\n(?![^\S\n]*(?:\n|\Z)))+")
_ZIP_OR_OLE = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")


class DraftFormat(StrEnum):
    TEXT = "text"
    HTML = "html"
    WORD = "docx"


@dataclass(frozen=True, slots=True)
class QuoteBlock:
    """A block quote, `[start:end]` of the text. `by`: whom the document states to be quoted, in its own markup."""

    start: int
    end: int
    by: str | None


@dataclass(frozen=True, slots=True)
class Draft:
    """`text` is what all offsets count in. `paragraphs`: where each that holds words begins, and its line in the file.

    A line is None in a Word document, which has none.
    """

    text: str
    format: DraftFormat
    blocks: tuple[QuoteBlock, ...]
    paragraphs: tuple[tuple[int, int | None], ...]

    def paragraph_at(self, place: int) -> int:
        """The number, from 1, of the paragraph at a place of the text."""
        return max(1, bisect_right(self.paragraphs, place, key=lambda paragraph: paragraph[0]))

    def line_at(self, place: int) -> int | None:
        """The line of the file; of a web page, that where the paragraph's element begins."""
        if self.format is DraftFormat.TEXT:
            return self.text.count("\n", 0, place) + 1
        return self.paragraphs[self.paragraph_at(place) - 1][1] if self.paragraphs else None


def read_draft(data: bytes, limits: Limits = DEFAULT_LIMITS) -> Draft:
    """A file's content as a draft.

    Raises:
        DraftError: it is binary, broken or far too large.
    """
    if refusal := limits.refusal(len(data)):
        raise DraftError(f"{refusal.reason} Check it in parts.")
    try:
        if data.startswith(_ZIP_OR_OLE):
            return _read_word(data, limits)
        if not data.strip():
            return draft_of_text("")
        return draft_of(decode(data))
    except TranscriptError as error:
        raise DraftError(f"{error.reason} {_remedy(data)}") from error


def draft_of(text: str) -> Draft:
    """A text as a draft: as a web page where it is one.

    Raises:
        DraftError: it is a page that is broken.
    """
    from indexer.draft_pages import is_draft_page, read_draft_page  # noqa: PLC0415  lxml is for pages alone

    try:
        return read_draft_page(text) if is_draft_page(text) else draft_of_text(text)
    except TranscriptError as error:
        raise DraftError(str(error)) from error


def draft_of_text(text: str) -> Draft:
    """A draft in Markdown or plain text."""
    return Draft(text, DraftFormat.TEXT, (), tuple(_paragraphs(text)))


class DraftWriter:
    """Puts the text of a draft together, paragraph by paragraph."""

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._size = 0
        self._paragraphs: list[tuple[int, int | None]] = []
        self._blocks: list[QuoteBlock] = []

    def add(self, words: str, line: int | None) -> tuple[int, int] | None:
        """Adds a paragraph; None where it holds nothing, else where it stands."""
        words = words.strip()
        if not words:
            return None
        if self._pieces:
            self._pieces.append("\n\n")
            self._size += 2
        start = self._size
        self._pieces.append(words)
        self._size += len(words)
        self._paragraphs.append((start, line))
        return start, self._size

    def add_block(self, start: int, end: int, by: str | None) -> None:
        self._blocks.append(QuoteBlock(start, end, by))

    def draft(self, format_: DraftFormat) -> Draft:
        blocks = sorted(self._blocks, key=lambda block: block.start)
        return Draft("".join(self._pieces), format_, tuple(blocks), tuple(self._paragraphs))


def _read_word(data: bytes, limits: Limits) -> Draft:
    from indexer.word import is_word, read_written, unpacked_size  # noqa: PLC0415  python-docx takes its time

    if not is_word(data):
        raise DraftError("a zip archive that is no Word document. Give Markdown, text, HTML or .docx.")
    if refusal := limits.refusal_unpacked(unpacked_size(data), len(data)):
        raise DraftError(f"{refusal.reason} Save it without pictures, or as text.")
    writer = DraftWriter()
    block: list[tuple[int, int]] = []
    for paragraph in read_written(data, limits):
        place = writer.add(paragraph.text, None)
        if not paragraph.is_quote and block:
            writer.add_block(block[0][0], block[-1][1], None)
            block = []
        if paragraph.is_quote and place:
            block.append(place)
    if block:
        writer.add_block(block[0][0], block[-1][1], None)
    return writer.draft(DraftFormat.WORD)


def _remedy(data: bytes) -> str:
    if data.startswith(_ZIP_OR_OLE):
        return "Open it in Word and save it again as .docx without a password, or as text."
    return "Give the draft as Markdown, text or HTML in UTF-8, or as .docx."


def _paragraphs(text: str) -> Iterator[tuple[int, int | None]]:
    line, counted = 1, 0
    for match in _PARAGRAPH.finditer(text):
        words = match[0]
        if not words.strip():
            continue
        start = match.start() + len(words) - len(words.lstrip())
        line += text.count("\n", counted, start)
        counted = start
        yield start, line
