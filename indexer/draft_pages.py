"""Web pages as drafts: every word that a reader sees, in paragraphs, with the block quotes and whom they state.

<blockquote> is a block quote; whom it is of stands in its <cite> or <footer>, in the <figcaption> beside it, or in
words. <q> gets quotation marks. Numbers that lead to notes are left out.
"""

from __future__ import annotations

import re

from indexer.drafts import Draft, DraftFormat, DraftWriter
from indexer.trees import Node, parse_html, root_name
from indexer.webpage import BLOCKS, HEADINGS, NO_TEXT

_WHOLE_PAGES = ("html", "head", "body")
_ELEMENTS = (
    BLOCKS | HEADINGS | NO_TEXT | frozenset("title meta span a b i em strong q cite img sup u s mark small".split())
)
_UNSEEN = NO_TEXT | {"textarea"}
_HIDDEN = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)
_SOURCES = ("cite", "footer", "figcaption")
_BLANKS = re.compile(r"[ \t\n\r\f]+")
_DASHES = " \n\t—–-~"
_MOST_OUTSIDE = 0.5


def is_draft_page(text: str) -> bool:
    """Whether a text is HTML: a page, or elements that hold most of its words.

    Markdown may open with an element too, say with a picture; then most of its words stand outside.
    """
    name = root_name(text)
    if name in _WHOLE_PAGES or name not in _ELEMENTS:
        return name in _WHOLE_PAGES
    root = parse_html(text)
    body = next((node for node in root.children if node.name == "body"), root)
    outside = sum(len(part.split()) for part in body.content if isinstance(part, str))
    return outside <= _MOST_OUTSIDE * max(1, len(body.text.split()))


def read_draft_page(text: str) -> Draft:
    """A page as a draft.

    Raises:
        TranscriptError: it is nested too deeply.
    """
    reading = _Reading()
    root = parse_html(text)
    reading.read(root)
    reading.end_paragraph()
    return reading.writer.draft(DraftFormat.HTML)


class _Reading:
    """Walks a page from its beginning to its end."""

    def __init__(self) -> None:
        self.writer = DraftWriter()
        self._pieces: list[str] = []
        self._line: int | None = None
        self._quotes = 0
        self._blocks: list[list[tuple[int, int]]] = []
        self._in_source = 0

    def read(self, node: Node) -> None:
        if node.name in _UNSEEN or "hidden" in node.attributes or _HIDDEN.search(node.attributes.get("style", "")):
            return
        if node.name == "br":
            self._pieces.append("\n")
        elif node.name == "blockquote":
            self._read_block(node)
        elif node.name == "figure":
            self._read_figure(node)
        elif node.name == "q":
            self._read_quoted(node)
        elif node.name == "sup" and _is_note(node):
            return
        elif node.name in BLOCKS or node.name in HEADINGS:
            self.end_paragraph()
            self._read_inside(node)
            self.end_paragraph()
        else:
            self._read_inside(node)

    def end_paragraph(self) -> None:
        words = "".join(self._pieces)
        place = self.writer.add("\n".join(line.strip() for line in words.split("\n")), self._line)
        if place and self._blocks and not self._in_source:
            self._blocks[-1].append(place)
        self._pieces.clear()
        self._line = None

    def _read_inside(self, node: Node) -> None:
        for part in node.content:
            self._read_part(part, node)

    def _read_part(self, part: Node | str, parent: Node) -> None:
        if isinstance(part, Node):
            self.read(part)
            return
        if self._line is None and part.strip():
            self._line = parent.line
        self._pieces.append(part if parent.name == "pre" else _BLANKS.sub(" ", part))

    def _read_block(self, node: Node, caption: str | None = None) -> None:
        """A block quote, in pieces where another stands in it; who is quoted in it is no part of it."""
        self.end_paragraph()
        self._blocks.append([])
        source = _source_of(node)
        for part in node.content:
            if part is source:
                self.end_paragraph()
                self._in_source += 1
                self.read(source)
                self.end_paragraph()
                self._in_source -= 1
            else:
                self._read_part(part, node)
        self.end_paragraph()
        by = source.words if source else caption
        for start, end in _together(self._blocks.pop()):
            self.writer.add_block(start, end, by)

    def _read_figure(self, node: Node) -> None:
        """A figure: its caption says of whom a block quote in it is."""
        caption = next((child.words for child in node.children if child.name == "figcaption"), None)
        self.end_paragraph()
        for part in node.content:
            if isinstance(part, Node) and part.name == "blockquote":
                self._read_block(part, caption)
            else:
                self._read_part(part, node)
        self.end_paragraph()

    def _read_quoted(self, node: Node) -> None:
        opening, closing = ("‘", "’") if self._quotes else ("“", "”")
        bare = node.words[:1] not in '“"«„‘'
        self._quotes += 1
        self._pieces.append(opening if bare else "")
        self._read_inside(node)
        self._pieces.append(closing if bare else "")
        self._quotes -= 1


def _source_of(block: Node) -> Node | None:
    """The last element of a block quote, where it says of whom it is and nothing else."""
    parts = [part for part in block.content if isinstance(part, Node) or part.strip()]
    last = parts[-1] if parts else None
    if not isinstance(last, Node):
        return None
    words = last.words.strip(_DASHES)
    named = (node for node in last.walk() if node.name in _SOURCES)
    return last if any(words and node.words.strip(_DASHES) == words for node in named) else None


def _is_note(node: Node) -> bool:
    """Whether small text above the line leads to a note."""
    linked = any(child.name == "a" for child in node.walk())
    return linked or re.fullmatch(r"\[?(?:\d{1,3}|[a-z]|[*†‡§]{1,3})\]?", node.words) is not None


def _together(places: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Paragraphs as one where nothing but a blank line stands between them."""
    joined: list[tuple[int, int]] = []
    for start, end in places:
        if joined and start == joined[-1][1] + 2:
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((start, end))
    return joined
