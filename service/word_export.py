"""Quotes as a Word document: each as a paragraph in the style "Quote", its reference below. Writes with python-docx."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from datetime import UTC, datetime

import docx
from docx.document import Document
from docx.enum.dml import MSO_THEME_COLOR
from docx.opc.constants import RELATIONSHIP_TYPE
from docx.oxml.ns import qn
from docx.oxml.parser import OxmlElement
from docx.shared import Pt
from docx.text.paragraph import Paragraph
from docx.text.run import Run as WordRun

from service.citations import Cited, Run, Style, runs

# What XML cannot hold.
_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def word_file(cited: Sequence[Cited], style: Style) -> bytes:
    """The document.

    Args:
        style: of the references: Chicago, APA or MLA.
    """
    document = docx.Document()
    _set_properties(document)
    for one in cited:
        for line in filter(str.strip, one.text.splitlines()):
            paragraph = document.add_paragraph(_clean(line), style="Quote")
            paragraph.paragraph_format.keep_with_next = True
        references = runs(one, style)
        for number, reference in enumerate(references, 1):
            _add_reference(document, reference, is_last=number == len(references))
    file = io.BytesIO()
    document.save(file)
    return file.getvalue()


def _set_properties(document: Document) -> None:
    """The template's own author, remark and date are of nobody here."""
    about = document.core_properties
    about.title, about.author, about.comments = "Quotes", "", ""
    about.created = about.modified = datetime.now(UTC).replace(tzinfo=None)


def _add_reference(document: Document, reference: Sequence[Run], *, is_last: bool) -> None:
    paragraph = document.add_paragraph()
    paragraph.paragraph_format.space_after = Pt(18 if is_last else 4)
    paragraph.paragraph_format.keep_with_next = not is_last
    for piece in reference:
        run = paragraph.add_run(_clean(piece.text))
        run.italic = piece.italic or None
        if piece.link:
            _make_link(paragraph, run, piece.link)


def _make_link(paragraph: Paragraph, run: WordRun, address: str) -> None:
    """Python-docx has no call for it: the run moves into an element that names the address."""
    link = OxmlElement("w:hyperlink")
    link.set(qn("r:id"), paragraph.part.relate_to(address, RELATIONSHIP_TYPE.HYPERLINK, is_external=True))
    run.font.underline = True
    run.font.color.theme_color = MSO_THEME_COLOR.HYPERLINK
    link.append(run._r)
    paragraph._p.append(link)


def _clean(text: str) -> str:
    return _NO_XML.sub("", text)
