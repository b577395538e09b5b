"""PDF files that hold text, as word processors, browsers and typesetters make them.

    The Tide Table                    7      running head and page number: not speech
    Lena Ortiz: What made you change your    one paragraph
    mind?
    Omar Haddad: The inter-                  "The interest." The hyphen is not speech
    est.

Lines are put together to paragraphs (`indexer.pages`), and these read as `indexer.documents` says: larger print is a
heading, bold names say who speaks, the rest is for the formats that read text. Footnotes are not told from speech, nor
are tables read by their columns. "Lines" are pages. Pictures of pages (scans) hold no text and are refused.
"""

from __future__ import annotations

import re
from dataclasses import replace

from indexer.archives import DEFAULT_LIMITS, Limits
from indexer.documents import read_paragraphs
from indexer.errors import TranscriptError
from indexer.pages import read_layout
from indexer.types import Transcript

_SIGNATURE = re.compile(rb"(?:\A|[\r\n])%PDF-\d")
_SIGNATURE_WITHIN = 1024


def recognises(data: bytes) -> bool:
    return _SIGNATURE.search(data[:_SIGNATURE_WITHIN]) is not None


def parse(data: bytes, limits: Limits = DEFAULT_LIMITS) -> Transcript:
    from indexer.pdf_lines import read_pages  # noqa: PLC0415  pdfminer takes its time, and PDFs are rare

    paragraphs, dropped = read_layout(read_pages(data, limits))
    if not any(paragraph.text.strip() for paragraph in paragraphs):
        raise TranscriptError(
            "the PDF holds pictures of its pages, and no text.", remedy="Read it with OCR, or export it as text."
        )
    transcript = read_paragraphs(paragraphs)
    return replace(transcript, dropped=(*dropped, *transcript.dropped))
