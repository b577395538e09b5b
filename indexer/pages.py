"""Lines of printed pages to paragraphs: what the page adds to the words goes, what it cut is put together.

    The Tide Table      Issue 12      dropped: a running head, as on other pages
    Lena Ortiz: We met at the inter-
    national station, and the first   one paragraph: "… at the international station, and the first thing he said …"
    thing he said was: go home.
                - 4 -                 dropped: a page number

A line ends a paragraph where more space follows than between lines, where the next word would still have fitted, or
where a new speaker begins. Larger print is a heading. Nothing here knows of PDF. Lengths are points, from the left and
from the bottom.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from indexer.documents import Paragraph
from indexer.heads import label_key, read_head
from indexer.labels import is_label
from indexer.markup import spaces
from indexer.types import Dropped

_DIGITS = re.compile(r"\d+")
_PAGE_NUMBER = re.compile(
    r"\W{0,3}(?P<word>page |p\. ?|seite |página )?(?P<number>\d{1,4})(?:\s?(?:/|of|von|sur|de)\s?\d{1,4})?\W{0,3}",
    re.IGNORECASE,
)
_WORD = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*")
_CUT = re.compile(r"(?P<word>[^\W\d_]+)[-\u00ad\u2010]$")
_HYPHEN = re.compile(r"(?<=\w)[-\u2010]$")
_LETTERS = re.compile(r"[^\W\d_]+")
_SENTENCE_END = re.compile(r"[.?!…:—–][\"'”’)\]]{0,3}$")
_EDGE_LINES = 3
_SHARE_OF_PAGES = 0.25
_MOST_PAGES = 0.6
_LARGER = 1.15
_WIDER_GAP = 1.35
_INDENT = 5.0


@dataclass(frozen=True, slots=True)
class PageLine:
    """A line and where it stands. Its first `bold` code points are bold, its first word is `first_word` wide.

    `column` is 0 where the page has but one, else 1 or 2.
    """

    page: int
    text: str
    left: float
    right: float
    base: float
    size: float
    bold: int = 0
    first_word: float = 0.0
    column: int = 0


@dataclass(frozen=True, slots=True)
class Page:
    """A page's lines in the order of reading; beside them: their numbers in the margin, words `askew`, a picture."""

    number: int
    lines: tuple[PageLine, ...]
    line_numbers: str = ""
    askew: str = ""
    has_picture: bool = False


def read_layout(pages: Sequence[Page]) -> tuple[list[Paragraph], list[Dropped]]:
    """The paragraphs of some pages, each placed on the page where it begins, and what is not speech."""
    dropped = [Dropped("words not upright", page.number, page.askew) for page in pages if page.askew]
    dropped += [Dropped("line numbers", page.number, page.line_numbers) for page in pages if page.line_numbers]
    dropped += [Dropped("page without text", page.number, "") for page in pages if page.has_picture and not page.lines]
    kept, furniture = _without_furniture(pages)
    paragraphs, hyphens = _Typesetting(kept).paragraphs()
    return paragraphs, sorted((*dropped, *furniture, *hyphens), key=lambda entry: entry.line)


def _without_furniture(pages: Sequence[Page]) -> tuple[list[PageLine], list[Dropped]]:
    """The lines without running heads and page numbers."""
    furniture = _Furniture([page.lines for page in pages])
    kept: list[PageLine] = []
    dropped: list[Dropped] = []
    for page in pages:
        reasons = {line: reason for edge in _edges(page.lines) for line, reason in furniture.reasons(edge).items()}
        dropped += (Dropped(reason, page.number, spaces(line.text)) for line, reason in reasons.items())
        kept += (line for line in page.lines if line not in reasons)
    return kept, dropped


class _Furniture:
    """What comes again at the edges of pages: the same words, or whatever stands at one height, apart from the rest."""

    def __init__(self, pages: Sequence[Sequence[PageLine]]) -> None:
        lines = [line for page in pages for line in page]
        edges = [[entry for edge in _edges(page) for entry in edge] for page in pages]
        self._gap, self._size = _usual_gap(lines), _usual_size(lines)
        self._widest_gap = _widest_gap(pages)
        words = [[_words_and_height(line) for line, _ in edge] for edge in edges]
        self._words, self._constant_words = _recurring(words, _SHARE_OF_PAGES), _recurring(words, _MOST_PAGES, least=3)
        set_off = [[_height(line) for line, distance in edge if self._is_set_off(line, distance)] for edge in edges]
        self._heights = _recurring(set_off, _MOST_PAGES)
        offsets = [[number - line.page for line, _ in edge if (number := _page_number(line))] for edge in edges]
        self._offsets = _recurring(offsets, 0) if len(pages) > 1 else {0}

    def reasons(self, edge: Sequence[tuple[PageLine, float]]) -> dict[PageLine, str]:
        """Why lines at the edge of a page are no speech. Each comes with its distance to the next, away from the edge.

        Lines above one that is none are none either, if they too come again: a head may have two lines.
        """
        found: dict[PageLine, str] = {}
        waiting: list[PageLine] = []
        for line, distance in edge:
            reason = self._reason(line, distance)
            if reason:
                found |= dict.fromkeys(waiting, "running head")
                found[line] = reason
                waiting = []
            elif _words_and_height(line) in self._words:
                waiting.append(line)
            else:
                break
        return found

    def _reason(self, line: PageLine, distance: float) -> str | None:
        if match := _PAGE_NUMBER.fullmatch(line.text.strip()):
            is_counted = int(match["number"]) - line.page in self._offsets
            return "page number" if match["word"] or is_counted else None
        words = _words_and_height(line)
        may_name_speaker = read_head(line.text.strip()) is not None or is_label(spaces(line.text))
        if self._is_set_off(line, distance):
            is_head = words in self._words or _height(line) in self._heights
        else:
            is_head = words in self._constant_words and self._is_apart(distance) and not may_name_speaker
        return "running head" if is_head else None

    def _is_apart(self, distance: float) -> bool:
        return distance > _WIDER_GAP * self._gap

    def _is_set_off(self, line: PageLine, distance: float) -> bool:
        """In smaller print, or farther from the text than paragraphs are from each other."""
        is_small = line.size < self._size - 0.5 and self._is_apart(distance)
        return is_small or (line.size < self._size + 0.5 and distance > _WIDER_GAP * self._widest_gap)


def _recurring(pages: Sequence[Sequence[Hashable]], share: float, *, least: int = 2) -> set[Hashable]:
    """What is found on this share of the pages, and on no fewer than so many."""
    counts = Counter(found for page in pages for found in set(page))
    return {found for found, count in counts.items() if count >= max(least, share * len(pages))}


def _edges(lines: Sequence[PageLine]) -> tuple[list[tuple[PageLine, float]], list[tuple[PageLine, float]]]:
    """The highest lines of a page from the top down, the lowest from the bottom up, with the distance to the next."""
    by_height = sorted(lines, key=lambda line: -line.base)
    distances = [line.base - below.base for line, below in pairwise(by_height)]
    above = list(zip(by_height, [*distances, 0.0], strict=True)) if by_height else []
    below = list(zip(by_height[::-1], [*distances[::-1], 0.0], strict=True)) if by_height else []
    return above[:_EDGE_LINES], below[:_EDGE_LINES]


def _height(line: PageLine) -> int:
    return round(line.base / 4)


def _words_and_height(line: PageLine) -> tuple[str, int]:
    """What is the same of a running head on all pages; its numbers differ."""
    return _DIGITS.sub("#", spaces(line.text).casefold()), _height(line)


def _page_number(line: PageLine) -> int:
    match = _PAGE_NUMBER.fullmatch(line.text.strip())
    return int(match["number"]) if match else 0


def _name(line: PageLine) -> str:
    """Who speaks, where the line names somebody; else its words."""
    head = read_head(line.text.strip())
    return head.key if head else label_key(line.text)


class _Typesetting:
    """How some lines are set, and so which of them belong together."""

    def __init__(self, lines: Sequence[PageLine]) -> None:
        self._lines = lines
        self._size = _usual_size(lines)
        larger = sorted({line.size for line in lines if self._is_larger(line)}, reverse=True)
        self._levels = {size: level for level, size in enumerate(larger, 1)}
        self._ends = _ends([line for line in lines if not self._is_larger(line)])
        self._gap = _usual_gap(lines)
        self._margins = _margins(lines)
        self._indents = self._are_indents_openings()
        self._names = {name for name, count in Counter(map(_name, lines)).items() if count > 1}
        self._words = Counter(word for line in lines for word in _whole_words(line.text))
        self._hyphens: list[Dropped] = []

    def paragraphs(self) -> tuple[list[Paragraph], list[Dropped]]:
        found: list[Paragraph] = []
        for lines in self._groups():
            found.append(self._paragraph(lines))
        return found, self._hyphens

    def _groups(self) -> Iterator[list[PageLine]]:
        group: list[PageLine] = []
        for line in self._lines:
            if group and self._opens(group[-1], line):
                yield group
                group = []
            group.append(line)
        if group:
            yield group

    def _paragraph(self, lines: Sequence[PageLine]) -> Paragraph:
        text, bold = "", 0
        for line in lines:
            joined = self._join(text, line) if text else line.text.strip()
            if bold == len(text):
                bold = len(joined) - len(line.text.strip()) + line.bold
            text = joined
        level = self._levels.get(lines[0].size, 0)
        return Paragraph(text, lines[0].page, 0 if level else min(bold, len(text)), level)

    def _opens(self, before: PageLine, line: PageLine) -> bool:
        """Whether a line opens a paragraph after the one before it."""
        if self._levels.get(before.size) != self._levels.get(line.size):
            return True
        beside = (before.page, before.column) == (line.page, line.column)
        if beside and before.base - line.base > _WIDER_GAP * self._gap * max(1.0, line.size / (self._size or 1.0)):
            return True
        if self._levels.get(line.size):
            return not beside
        room = self._ends[line.column] - before.right
        if room > line.first_word + line.size / 4 + 1:
            return True
        shift = line.left - (before.left if beside else self._margins[line.column])
        if self._indents and beside and line.left - self._margins[line.column] > _INDENT and shift > _INDENT:
            return True
        if not self._indents and beside and shift < -_INDENT:
            return True
        return self._names_speaker(before, line)

    def _names_speaker(self, before: PageLine, line: PageLine) -> bool:
        head = read_head(line.text.strip())
        if head is None or not (head.colon or head.stamp):
            return _name(line) in self._names and is_label(line.text.strip())
        return head.key in self._names or (is_label(head.label) and _ends_sentence(before.text))

    def _are_indents_openings(self) -> bool:
        """Whether an indented line opens a paragraph, rather than going on below a name in the margin."""
        opening = hanging = 0
        for line, below in pairwise(self._lines):
            margin = self._margins[line.column]
            if line.left - margin > _INDENT and (line.page, line.column) == (below.page, below.column):
                head = read_head(below.text.strip())
                opening += abs(below.left - margin) < _INDENT and head is None
                hanging += abs(below.left - line.left) < _INDENT
        return opening > hanging

    def _is_larger(self, line: PageLine) -> bool:
        return line.size > _LARGER * self._size

    def _join(self, text: str, line: PageLine) -> str:
        """A paragraph's text and its next line; the hyphen of a word that was cut goes."""
        following = line.text.strip()
        cut, rest = _CUT.search(text), _LETTERS.match(following)
        if cut and rest and following[0].islower() and self._is_one_word(cut["word"], rest.group(), text[-1]):
            self._hyphens.append(Dropped("hyphen at a line's end", line.page, text[-1]))
            return text[:-1] + following
        if _HYPHEN.search(text) or (_is_wide(text[-1]) and _is_wide(following[:1])):
            return text + following
        return f"{text} {following}"

    def _is_one_word(self, first: str, second: str, sign: str) -> bool:
        """Whether a hyphen was set by the printer: unless the text has the two words apart, or so joined, elsewhere."""
        if sign == "\u00ad" or self._words[(first + second).casefold()]:
            return True
        if self._words[f"{first}-{second}".casefold()]:
            return False
        return not (self._words[first.casefold()] and self._words[second.casefold()])


def _usual_size(lines: Iterable[PageLine]) -> float:
    """The font size that most of the text is set in."""
    sizes: Counter[float] = Counter()
    for line in lines:
        sizes[line.size] += len(line.text)
    return max(sizes, key=lambda size: sizes[size], default=0.0)


def _ends(lines: Iterable[PageLine]) -> dict[int, float]:
    """Where the lines of each column end at the latest."""
    ends: dict[int, float] = defaultdict(float)
    for line in lines:
        ends[line.column] = max(ends[line.column], line.right)
    return ends


def _margins(lines: Iterable[PageLine]) -> dict[int, float]:
    """Where most lines of each column begin."""
    starts: dict[int, Counter[float]] = defaultdict(Counter)
    for line in lines:
        starts[line.column][round(line.left)] += 1
    return {column: max(counts, key=lambda start: counts[start]) for column, counts in starts.items()}


def _usual_gap(lines: Sequence[PageLine]) -> float:
    """From line to line within a paragraph: the least distance that is common."""
    gaps = Counter(
        round(2 * (line.base - below.base)) / 2
        for line, below in pairwise(lines)
        if (line.page, line.column, line.size) == (below.page, below.column, below.size) and line.base > below.base
    )
    common = [gap for gap, count in gaps.items() if count >= 0.15 * gaps.total()]
    return min(common, default=0.0) or max((line.size for line in lines), default=12.0) * 1.5


def _widest_gap(pages: Iterable[Sequence[PageLine]]) -> float:
    """From line to line, as far as it comes often: hardly a page has more than a few wider gaps."""
    gaps = sorted(
        before.base - line.base for page in pages for before, line in pairwise(page) if before.column == line.column
    )
    return gaps[9 * len(gaps) // 10] if gaps else 0.0


def _whole_words(text: str) -> Iterator[str]:
    """The words of a line in small letters, the one apart that its end may cut."""
    return (word.casefold() for word in _WORD.findall(_CUT.sub("", text)))


def _ends_sentence(text: str) -> bool:
    return _SENTENCE_END.search(text[-9:]) is not None


def _is_wide(sign: str) -> bool:
    return bool(sign) and unicodedata.east_asian_width(sign) in "WF"
