"""Word files to paragraphs and tables, in the order of reading; the home of python-docx.

The XML is walked here, because python-docx leaves out what stands in content controls and in accepted changes.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import docx
from docx.document import Document
from docx.oxml.ns import qn
from docx.oxml.parser import parse_xml

from indexer.archives import Limits
from indexer.documents import Paragraph
from indexer.errors import TranscriptError
from indexer.fields import one_line
from indexer.tables import Row
from indexer.types import Dropped

_ZIP = b"PK\x03\x04"
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_MAIN_PART = "word/document.xml"

_P, _R, _TBL, _TR, _TC = (qn(f"w:{name}") for name in ("p", "r", "tbl", "tr", "tc"))
_TEXT_BOX = qn("w:txbxContent")
_FALLBACK = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"
_UNREAD = {qn(f"w:{name}") for name in ("del", "moveFrom", "txbxContent", "pPr", "rPr", "tblPr", "trPr", "tcPr")}
_SIGNS = {qn("w:tab"): "  ", qn("w:ptab"): "  ", qn("w:cr"): "\n", qn("w:br"): "\n", qn("w:noBreakHyphen"): "-"}
_OFF = ("0", "false", "off")
_HEADING = re.compile(r"heading (\d)", re.IGNORECASE)
_NO_TITLE = re.compile(
    r"(?:microsoft )?word document\b.*|microsoft word - .*|untitled|document ?\d*|.*\.docx?", re.IGNORECASE
)
_QUOTING = re.compile(
    r"(?:intense |block )?quot(?:e|es|ation|ations)|block ?text|blockquote|(?:intensives )?zitat|citation(?: intense)?",
    re.IGNORECASE,
)
_NOTES = ("footnotes", "endnotes")
_ASIDES = {
    "header": "page header",
    "footer": "page footer",
    "footnotes": "footnote",
    "endnotes": "footnote",
    "comments": "comment",
}


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """The cells of a table; a merged cell is one cell. A row's line is the number of its first paragraph."""

    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class WordFile:
    """`title` is the one that the file's properties state; `asides` stand beside the text."""

    title: str | None
    blocks: tuple[Paragraph | Table, ...]
    asides: tuple[Dropped, ...]


@dataclass(frozen=True, slots=True)
class Written:
    """A paragraph as a reader sees it. `is_quote`: its style is that of a block quote."""

    text: str
    is_quote: bool


def is_word(data: bytes) -> bool:
    """Whether it is a Word file, or one that only looks unreadable: the old kind, or behind a password."""
    return data.startswith(_OLE) or (data.startswith(_ZIP) and _MAIN_PART in _sizes(data))


def read_word(data: bytes, limits: Limits) -> WordFile:
    """What a Word file holds. A paragraph's place is its number in the file.

    Raises:
        TranscriptError: it is old, encrypted, broken, or far too large.
    """
    document = _open(data, limits)
    body = document.element.body
    reader = _Reader(document)
    title = one_line(document.core_properties.title or "")
    return WordFile(
        title=title if title and not _NO_TITLE.fullmatch(title) else None,
        blocks=tuple(reader.blocks(body)),
        asides=(*reader.text_boxes(body), *_asides(document)),
    )


def read_written(data: bytes, limits: Limits) -> tuple[Written, ...]:
    """Every paragraph that a reader sees, those of tables, text boxes and notes too; changes are taken as accepted.

    Raises:
        TranscriptError: it is old, encrypted, broken, or far too large.
    """
    document = _open(data, limits)
    reader = _Reader(document)
    body = document.element.body
    boxes = (box for box in body.iter(_TEXT_BOX) if not _is_fallback(box))
    notes = (note for root in _note_parts(document) for note in root if note.get(qn("w:type")) is None)
    return tuple(reader.written(paragraph) for parent in (body, *boxes, *notes) for paragraph in _descend(parent, _P))


def unpacked_size(data: bytes) -> int:
    """How many bytes the file states that it unpacks to; it never unpacks to more."""
    return sum(_sizes(data).values())


def _sizes(data: bytes) -> dict[str, int]:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return {member.filename: member.file_size for member in archive.infolist()}
    except (zipfile.BadZipFile, ValueError, NotImplementedError):
        return {}


def _open(data: bytes, limits: Limits) -> Document:
    if data.startswith(_OLE):
        raise TranscriptError(
            "an old Word document (.doc), or one behind a password.", remedy="Save it as .docx without a password."
        )
    if refusal := limits.refusal_unpacked(sum(_sizes(data).values()), len(data)):
        raise refusal
    try:
        document = docx.Document(io.BytesIO(data))
        assert document.element.body is not None
    except Exception as error:  # python-docx lets every error of zip, XML and its own through
        raise _broken() from error
    return document


class _Reader:
    """Walks the XML of one document."""

    def __init__(self, document: Document) -> None:
        self._paragraphs = list(document.element.body.iter(_P))
        self._places = {paragraph: number for number, paragraph in enumerate(self._paragraphs, 1)}
        self._styles = {style.style_id: style for style in document.styles}

    def blocks(self, parent: Any) -> Iterator[Paragraph | Table]:
        for child in _children(parent):
            if child.tag == _P:
                yield self.paragraph(child)
            elif child.tag == _TBL:
                yield from self._table(child)
            else:
                yield from self.blocks(child)

    def paragraph(self, element: Any) -> Paragraph:
        styles = list(self._style_chain(_value(element, "w:pPr/w:pStyle")))
        pieces: list[str] = []
        bold = length = 0
        for run in _runs(element):
            piece = _text_of(run)
            if bold == length and (not piece.strip() or self._is_bold(run, styles)):
                bold += len(piece)
            length += len(piece)
            pieces.append(piece)
        text = "".join(pieces)
        heading = _heading_level(element, styles) if text.strip() else 0
        return Paragraph(one_line(text) if heading else text, self._places[element], 0 if heading else bold, heading)

    def written(self, element: Any) -> Written:
        """A paragraph without its hidden text."""
        styles = list(self._style_chain(_value(element, "w:pPr/w:pStyle")))
        text = "".join(_text_of(run) for run in _runs(element) if not self._is_hidden(run))
        return Written(text, any(_QUOTING.fullmatch(style.name or "") for style in styles))

    def text_boxes(self, body: Any) -> Iterator[Dropped]:
        for box in body.iter(_TEXT_BOX):
            if _is_fallback(box):
                continue
            words = one_line(" ".join(paragraph.text for paragraph in self._paragraphs_in(box)))
            if words:
                yield Dropped("text box", self._places[next(box.iterancestors(_P))], words)

    def _table(self, table: Any) -> Iterator[Paragraph | Table]:
        """A table; where it has one column, it is a frame around paragraphs."""
        cells = [list(_descend(row, _TC)) for row in _descend(table, _TR)]
        if all(len(row) <= 1 for row in cells):
            for row in cells:
                for cell in row:
                    yield from self.blocks(cell)
        else:
            yield Table(tuple(self._rows(table)))

    def _rows(self, table: Any) -> Iterator[Row]:
        for row in _descend(table, _TR):
            cells = [
                "\n".join(paragraph.text for paragraph in self._paragraphs_in(cell)) for cell in _descend(row, _TC)
            ]
            first = next(row.iter(_P), None)
            if first is not None:
                yield Row(self._places[first], cells)

    def _paragraphs_in(self, parent: Any) -> Iterator[Paragraph]:
        for block in self.blocks(parent):
            if isinstance(block, Paragraph):
                yield block
            else:
                yield from (Paragraph("  ".join(row.cells), row.line) for row in block.rows)

    def _style_chain(self, style_id: str | None) -> Iterator[Any]:
        seen: set[str] = set()
        while style_id and style_id in self._styles and style_id not in seen:
            seen.add(style_id)
            style = self._styles[style_id]
            yield style
            style_id = _value(style.element, "w:basedOn")

    def _is_hidden(self, run: Any) -> bool:
        hidden = run.find(f"{qn('w:rPr')}/{qn('w:vanish')}")
        return hidden is not None and hidden.get(qn("w:val"), "1") not in _OFF

    def _is_bold(self, run: Any, paragraph_styles: list[Any]) -> bool:
        bold = run.find(f"{qn('w:rPr')}/{qn('w:b')}")
        if bold is not None:
            return bold.get(qn("w:val"), "1") not in _OFF
        chain = (*self._style_chain(_value(run, "w:rPr/w:rStyle")), *paragraph_styles)
        stated = (style.font.bold for style in chain if hasattr(style, "font"))
        return next((is_bold for is_bold in stated if is_bold is not None), False)


def _is_fallback(box: Any) -> bool:
    """Whether a text box is the copy of another, for old programs."""
    return any(ancestor.tag == _FALLBACK for ancestor in box.iterancestors())


def _note_parts(document: Document) -> Iterator[Any]:
    """The roots of the footnotes and of the endnotes."""
    for relation in document.part.rels.values():
        if relation.reltype.rsplit("/", 1)[-1] in _NOTES and not relation.is_external:
            yield _root_of(relation.target_part)


def _root_of(part: Any) -> Any:
    root = getattr(part, "element", None)
    return _parsed(part.blob) if root is None else root


def _children(parent: Any) -> Iterator[Any]:
    return (child for child in parent if isinstance(child.tag, str) and child.tag not in _UNREAD)


def _descend(parent: Any, tag: str) -> Iterator[Any]:
    """The nearest elements of a tag, through the wrappers between them."""
    for child in _children(parent):
        if child.tag == tag:
            yield child
        else:
            yield from _descend(child, tag)


def _runs(paragraph: Any) -> Iterator[Any]:
    return _descend(paragraph, _R)


def _text_of(run: Any) -> str:
    pieces = []
    for child in _children(run):
        if child.tag == qn("w:t"):
            pieces.append(child.text or "")
        elif child.tag == qn("w:br") and child.get(qn("w:type")) in ("page", "column"):
            pieces.append(" ")
        else:
            pieces.append(_SIGNS.get(child.tag, ""))
    return "".join(pieces)


def _value(element: Any, path: str) -> str | None:
    found = element.find("/".join(qn(name) for name in path.split("/")))
    return None if found is None else found.get(qn("w:val"))


def _heading_level(element: Any, styles: list[Any]) -> int:
    """1 for the document's title, 2 for the highest heading, and so on; 0 for what is none."""
    for style in styles:
        name = style.name or ""
        if name.casefold() == "title":
            return 1
        if match := _HEADING.fullmatch(name):
            return int(match[1]) + 1
    outline = _value(element, "w:pPr/w:outlineLvl")
    return int(outline) + 2 if outline and outline.isdigit() and int(outline) < 9 else 0


def _asides(document: Document) -> Iterator[Dropped]:
    """The words of headers, footers, notes and comments, each once."""
    for relation in document.part.rels.values():
        reason = _ASIDES.get(relation.reltype.rsplit("/", 1)[-1])
        if reason is None or relation.is_external:
            continue
        root = _root_of(relation.target_part)
        words = one_line(" ".join(node.text or "" for node in root.iter(qn("w:t"))))
        if words:
            yield Dropped(reason, 1, words)


def _parsed(blob: bytes) -> Any:
    try:
        return parse_xml(blob)
    except SyntaxError as error:  # as lxml's own errors are
        raise _broken() from error


def _broken() -> TranscriptError:
    return TranscriptError("a broken Word document.", remedy="Open it in Word and save it again, or save it as text.")
