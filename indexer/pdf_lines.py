"""PDF files to lines of words and where they stand on their pages; the home of pdfminer.

Pieces of one baseline are one line, wherever they stand in the file; a page set in two columns is read down the left
one first.
"""

from __future__ import annotations

import io
import logging
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from statistics import median
from typing import Any

from pdfminer.converter import PDFPageAggregator
from pdfminer.layout import LAParams, LTChar, LTContainer, LTImage, LTPage, LTTextLine
from pdfminer.lzw import LZWDecoder
from pdfminer.pdfdocument import PDFDocument, PDFEncryptionError, PDFPasswordIncorrect
from pdfminer.pdfinterp import PDFPageInterpreter, PDFResourceManager
from pdfminer.pdfpage import PDFPage
from pdfminer.pdfparser import PDFParser
from pdfminer.pdftypes import (
    LITERALS_CCITTFAX_DECODE,
    LITERALS_FLATE_DECODE,
    LITERALS_LZW_DECODE,
    LITERALS_RUNLENGTH_DECODE,
    PDFStream,
    stream_value,
)

from indexer.archives import Limits
from indexer.errors import TranscriptError
from indexer.pages import Page, PageLine

_LAYOUT = LAParams(boxes_flow=None, all_texts=True)
_LIGATURES = str.maketrans({"ﬀ": "ff", "ﬁ": "fi", "ﬂ": "fl", "ﬃ": "ffi", "ﬄ": "ffl", "ﬅ": "st", "ﬆ": "st"})
_GAP = "   "
_BOLD = ("bold", "black", "heavy", "demi")
_COLUMN_WIDTH, _COLUMN_LINES, _MOST_ACROSS = 0.3, 0.3, 0.1  # shares of the page's
_FEWEST_LINES = 10
_PIECE = 1 << 20
_RUN_LENGTH_RATIO = 64
_MOST_SIGNS = 500_000  # on a page; each takes about a kilobyte
_DRAWING = 1_000  # bytes that drawing anything costs at least: a form may draw others again and again


def read_pages(data: bytes, limits: Limits) -> list[Page]:
    """The pages of a PDF file.

    Raises:
        TranscriptError: it is broken, behind a password, too large unpacked, or its letters cannot be told.
    """
    logging.getLogger("pdfminer").setLevel(logging.ERROR)  # it warns of every slip that a PDF has
    try:
        pages = _in_order([_page(page) for page in _laid_out(data, _Allowance(limits, len(data)))])
    except TranscriptError:
        raise
    except (PDFPasswordIncorrect, PDFEncryptionError) as error:
        raise TranscriptError(
            "the PDF is behind a password.", remedy="Save it without one, or export the transcript as text."
        ) from error
    except Exception as error:  # pdfminer lets errors of every kind through
        raise TranscriptError(
            "a broken PDF.", remedy="Open it in a PDF viewer and print it to a new PDF, or export it as text."
        ) from error
    if not pages:
        raise TranscriptError("the PDF has no pages.", remedy="Export the transcript again.")
    text = "".join(line.text for page in pages for line in page.lines)
    if text.count("(cid:") * 20 > len(text):
        raise TranscriptError(
            "its fonts do not tell which letters they show.", remedy="Read it with OCR, or export it as text."
        )
    return pages


@dataclass(slots=True)
class _Allowance:
    """How much of a PDF was unpacked and drawn; a page that draws a stream again unpacks it again."""

    limits: Limits
    packed: int
    spent: int = 0

    def spend(self, size: int) -> None:
        """Raises TranscriptError when that is too much."""
        self.spent += size
        if refusal := self.limits.refusal_unpacked(self.spent, self.packed):
            raise refusal


class _Stream(PDFStream):
    """A stream that is measured before it is unpacked."""

    allowance: _Allowance

    def decode(self) -> None:
        data = self.rawdata or b""
        if self.decipher and self.objid is not None and self.genno is not None:
            data = self.decipher(self.objid, self.genno, data, self.attrs)
        for name, parameters in self.get_filters():
            if name in LITERALS_CCITTFAX_DECODE:  # a picture
                data = b""
                break
            for size in _sizes_unpacked(name, data):
                self.allowance.spend(size)
            data = PDFStream({"Filter": name, "DecodeParms": parameters}, data).get_data()
        self.data, self.rawdata = data, None


def _sizes_unpacked(name: object, data: bytes) -> Iterator[int]:
    """The sizes of the pieces that a filter makes of its input; none where it makes it smaller."""
    if name in LITERALS_FLATE_DECODE:
        unpacking = zlib.decompressobj()
        try:
            while not unpacking.eof and (piece := unpacking.decompress(data, _PIECE)):
                yield len(piece)
                data = unpacking.unconsumed_tail
        except zlib.error:
            return  # as much of it is used as could be unpacked
    elif name in LITERALS_LZW_DECODE:
        yield from map(len, LZWDecoder(io.BytesIO(data)).run())
    elif name in LITERALS_RUNLENGTH_DECODE:
        yield _RUN_LENGTH_RATIO * len(data)


class _Parser(PDFParser):
    def __init__(self, data: bytes, allowance: _Allowance) -> None:
        super().__init__(io.BytesIO(data))
        self._allowance = allowance

    def do_keyword(self, pos: int, token: Any) -> None:
        super().do_keyword(pos, token)
        place, plain = self.curstack[-1] if self.curstack else (pos, None)
        if token is self.KEYWORD_STREAM and isinstance(plain, PDFStream):
            stream = _Stream(plain.attrs, plain.rawdata or b"", plain.decipher)
            stream.allowance = self._allowance
            self.curstack[-1] = (place, stream)


class _Device(PDFPageAggregator):
    """Collects the letters of a page, and no lines: nothing is made of these."""

    def __init__(self, resources: PDFResourceManager, allowance: _Allowance) -> None:
        super().__init__(resources, laparams=_LAYOUT)
        self.allowance = allowance
        self._signs = 0

    def begin_page(self, page: PDFPage, ctm: Any) -> None:
        self._signs = 0
        super().begin_page(page, ctm)

    def render_char(self, *arguments: Any, **named: Any) -> float:
        self._signs += 1
        if self._signs > _MOST_SIGNS:
            raise TranscriptError(
                f"a page holds more than {_MOST_SIGNS:,} signs.", remedy="Export the transcript as text."
            )
        return super().render_char(*arguments, **named)

    def paint_path(self, *_: Any, **__: Any) -> None:
        pass


class _Interpreter(PDFPageInterpreter):
    def execute(self, streams: Sequence[object]) -> None:
        assert isinstance(self.device, _Device)
        for stream in map(stream_value, streams):
            self.device.allowance.spend(len(stream.get_data()) + _DRAWING)
        super().execute(streams)


def _laid_out(data: bytes, allowance: _Allowance) -> Iterator[LTPage]:
    resources = PDFResourceManager()
    device = _Device(resources, allowance)
    interpreter = _Interpreter(resources, device)
    for page in PDFPage.create_pages(PDFDocument(_Parser(data, allowance))):
        interpreter.process_page(page)
        yield device.get_result()


def _page(page: LTPage) -> Page:
    """A page with its lines in pieces, in any order."""
    pieces: list[PageLine] = []
    askew: list[str] = []
    for line in _lines(page):
        characters = [item for item in line if isinstance(item, LTChar)]
        if not characters or not line.get_text().strip():
            continue
        if all(character.upright for character in characters):
            pieces.append(_piece(page.pageid, line, characters))
        else:
            askew.append(line.get_text().strip())
    numbers = _line_numbers(pieces)
    return Page(
        number=page.pageid,
        lines=tuple(piece for piece in pieces if piece not in numbers),
        line_numbers=" ".join(piece.text.strip() for piece in numbers),
        askew=" ".join(askew),
        has_picture=any(isinstance(item, LTImage) for item in _items(page)),
    )


def _items(container: Iterable[object]) -> Iterator[object]:
    for item in container:
        yield item
        if isinstance(item, LTContainer) and not isinstance(item, LTTextLine):
            yield from _items(item)


def _lines(page: LTPage) -> Iterator[LTTextLine]:
    return (item for item in _items(page) if isinstance(item, LTTextLine))


def _piece(page: int, line: LTTextLine, characters: Sequence[LTChar]) -> PageLine:
    text = line.get_text().rstrip("\n").translate(_LIGATURES)
    bold = 0
    for item in line:
        is_bold = isinstance(item, LTChar) and any(weight in item.fontname.casefold() for weight in _BOLD)
        if not is_bold and item.get_text().strip():
            break
        bold += len(item.get_text().translate(_LIGATURES))
    return PageLine(
        page=page,
        text=text,
        left=line.x0,
        right=line.x1,
        base=line.y0,
        size=round(median(character.size for character in characters), 1),
        bold=min(bold, len(text)),
        first_word=_first_word(line) - line.x0,
    )


def _first_word(line: LTTextLine) -> float:
    """Where the first word of a line ends."""
    end = line.x0
    for item in line:
        if item.get_text() == " " and end > line.x0:
            break
        if isinstance(item, LTChar):
            end = item.x1
    return end


def _line_numbers(pieces: Sequence[PageLine]) -> list[PageLine]:
    """The numbers that count the lines of a page in its margin, as in court."""
    numbers = sorted((p for p in pieces if p.text.strip().isdigit() and len(p.text) <= 4), key=lambda p: -p.base)
    words = [piece.left for piece in pieces if piece not in numbers]
    counted = [int(piece.text) for piece in numbers]
    if len(counted) < _FEWEST_LINES - 2 or not words or counted != list(range(counted[0], counted[0] + len(counted))):
        return []
    return numbers if max(piece.right for piece in numbers) < min(words) else []


def _in_order(pages: Sequence[Page]) -> list[Page]:
    """The pages with whole lines, in the order of reading. A short page is set as the others are."""
    gutters = [_gutter(page.lines) for page in pages]
    usual = median([gutter for gutter in gutters if gutter is not None] or [0.0])
    return [
        replace(page, lines=tuple(_lines_in_order(page.lines, usual if gutter is None else gutter)))
        for page, gutter in zip(pages, gutters, strict=True)
    ]


def _lines_in_order(pieces: Sequence[PageLine], gutter: float) -> Iterator[PageLine]:
    """The left column first: what stands across both columns parts what is above it from what is below."""
    across = [piece for piece in pieces if piece.left < gutter < piece.right]
    if not gutter or len(across) > _MOST_ACROSS * len(pieces):
        yield from _whole_lines(pieces)
        return
    left: list[PageLine] = []
    right: list[PageLine] = []
    for piece in sorted(pieces, key=lambda piece: -piece.base):
        if piece.left < gutter < piece.right:
            yield from (*_whole_lines(left), *_whole_lines(right), piece)
            left, right = [], []
        else:
            side = int(piece.left > gutter)
            (right if side else left).append(replace(piece, column=side + 1))
    yield from (*_whole_lines(left), *_whole_lines(right))


def _gutter(pieces: Sequence[PageLine]) -> float | None:
    """Where the gap between two columns of a page runs: hardly a line crosses it, and both sides are full of lines."""
    if len(pieces) < 2 * _FEWEST_LINES:
        return None
    start, end = min(piece.left for piece in pieces), max(piece.right for piece in pieces)
    places = [start + (end - start) * share / 100 for share in range(35, 66)]
    gutter = min(places, key=lambda place: sum(piece.left < place < piece.right for piece in pieces))
    sides = [
        [piece for piece in pieces if piece.right <= gutter],
        [piece for piece in pieces if piece.left >= gutter],
    ]
    across = len(pieces) - sum(map(len, sides))
    if across > _MOST_ACROSS * len(pieces) or any(len(side) < _COLUMN_LINES * len(pieces) for side in sides):
        return None
    widths = [median(piece.right - piece.left for piece in side) for side in sides]
    return gutter if min(widths) >= _COLUMN_WIDTH * (end - start) else None


def _whole_lines(pieces: Iterable[PageLine]) -> list[PageLine]:
    """Lines from the top down, the pieces of one baseline put together."""
    lines: list[list[PageLine]] = []
    for piece in sorted(pieces, key=lambda piece: (-piece.base, piece.left)):
        if lines and abs(lines[-1][0].base - piece.base) < lines[-1][0].size / 3:
            lines[-1].append(piece)
        else:
            lines.append([piece])
    return [_joined(sorted(line, key=lambda piece: piece.left)) for line in lines]


def _joined(pieces: Sequence[PageLine]) -> PageLine:
    whole = pieces[0]
    for piece in pieces[1:]:
        text = f"{whole.text}{_GAP}{piece.text}"
        bold = len(whole.text) + len(_GAP) + piece.bold if whole.bold == len(whole.text) else whole.bold
        whole = replace(whole, text=text, right=piece.right, bold=bold)
    return whole
