"""The quotations of a draft, and whom the draft says they are of.

A quotation stands between curly or straight double quotation marks, between guillemets, between curly single ones, or
in a Markdown block quote; one inside another is part of it. Marks are paired within a paragraph. Fewer than three
words between marks are no quotation: people mark single words for other reasons.

Whose it is: the name right after it or in front of it in the same sentence, a dash and a name below a block quote;
where the sentence says "she said", the last person named before.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Collection, Iterator
from dataclasses import dataclass

FEWEST_WORDS = 3

_PARAGRAPH = re.compile(r"(?:[^\n]|\n(?![^\S\n]*\n))+")
_BLOCK = re.compile(r"(?:^[^\S\n]{0,3}>[^\n]*(?:\n|\Z))+", re.MULTILINE)
_MARKED = re.compile(
    r"“(?P<curly>[^“”]*(?:“[^“”]*”[^“”]*)*)”"
    r"|„(?P<low>[^„“”]*)[“”]"
    r"|«(?P<angle>[^«»]*)»"
    r"|(?<!\w)\"(?=\S)(?P<straight>[^\"]*?\S)\"(?!\w)"
    r"|(?<!\w)‘(?P<single>(?:[^‘’]|(?<=\w)’(?=\w))*)’(?!\w)"
)
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
_DASH = re.compile(r"^\s*(?:—|–|--?)\s*(?P<name>[^\W\d_][^\n,(]{1,80}?)\s*(?:[,(][^\n]*)?$", re.MULTILINE)
_UPPER = r"[^\W\d_a-zß-ÿ]"
_PART = rf"(?:{_UPPER}\.|{_UPPER}[\w'’\-]{{1,30}})"
_NAME = rf"{_PART}(?: (?:{_PART}|de|del|van|von|der|la|le|bin|al)){{0,3}} {_PART}"
_SAYS = (
    "(?:says?|said|told|tells|explain(?:s|ed)?|argue[sd]?|add(?:s|ed)?|warn(?:s|ed)?|recall(?:s|ed)?|wr(?:ites|ote)|"
    "ask(?:s|ed)?|put(?:s)? it|continue[sd]?|note[sd]?|call(?:s|ed)|repl(?:ies|ied)|answer(?:s|ed)?|claim(?:s|ed)?|"
    "believe[sd]?|thinks|thought)"
)
_VERB = re.compile(rf"\b(?:{_SAYS}|[Aa]ccording to)\b")
_NAMED = re.compile(_NAME)
_NAMED_NEXT = re.compile(rf" ({_NAME})")
_TO_THE_VERB = re.compile(r"(?:,? [^\n.!?\"“”]{0,60})?,? ")
_FAR = 200
_NEAR_CHARS = 60
_PRONOUN = re.compile(
    rf"\b(?:he|she|they)\b[^\n.!?]{{0,30}}?\b{_SAYS}\b|\b{_SAYS} (?:he|she|they)\b",
    re.IGNORECASE,
)
_SENTENCE_END = re.compile(r"[.!?][\"”’»)]*\s+(?=[\"“‘«(]?[^\W\d_a-z])")


@dataclass(frozen=True, slots=True)
class Quotation:
    """`text`: the words between the marks. `start`, `end`: where the quotation stands in the draft, marks included."""

    text: str
    start: int
    end: int
    attributed_to: str | None


def find_quotations(draft: str, people: Collection[str]) -> list[Quotation]:
    """The quotations of a draft in Markdown or plain text, in order.

    Args:
        people: full names that are recognised wherever they stand.
    """
    names = _Names(draft, people)
    found = [*_blocks(draft, names)]
    in_blocks = bytearray(len(draft))
    for quotation in found:
        in_blocks[quotation.start : quotation.end] = b"\1" * (quotation.end - quotation.start)
    for paragraph in _PARAGRAPH.finditer(draft):
        spans = [m for m in _marked(draft, paragraph.start(), paragraph.end()) if not in_blocks[m[0]]]
        for place, (start, end, text) in enumerate(spans):
            earlier = spans[place - 1][1] if place else paragraph.start()
            later = spans[place + 1][0] if place + 1 < len(spans) else paragraph.end()
            if len(_WORD.findall(text)) >= FEWEST_WORDS:
                found.append(Quotation(text, start, end, names.of(start, end, (earlier, later), paragraph.start())))
    return sorted(found, key=lambda quotation: quotation.start)


def _marked(draft: str, start: int, end: int) -> Iterator[tuple[int, int, str]]:
    for match in _MARKED.finditer(draft, start, end):
        yield match.start(), match.end(), match[match.lastgroup or 0]


def _blocks(draft: str, names: _Names) -> Iterator[Quotation]:
    for block in _BLOCK.finditer(draft):
        lines = [re.sub(r"^\s{0,3}>\s?", "", line) for line in block[0].rstrip("\n").split("\n")]
        text = "\n".join(lines).strip()
        signed = _DASH.search(text) or _DASH.match(draft, block.end())
        if signed and signed.string is text:
            text = text[: signed.start()].rstrip()
        whole = _MARKED.fullmatch(text)
        words = whole[whole.lastgroup or 0] if whole else text
        if len(_WORD.findall(words)) < FEWEST_WORDS:
            continue
        named = signed["name"].strip(" *_") if signed else names.before(block.start())
        yield Quotation(words, block.start(), block.start() + len(block[0].rstrip("\n")), named)


class _Names:
    """Where a draft names people: those that are known, by full name and then by family name, and whoever speaks."""

    def __init__(self, draft: str, people: Collection[str]) -> None:
        self._draft = draft
        self._taken = bytearray(len(draft))
        self._places: list[tuple[int, int, str]] = []
        families: dict[str, str] = {}
        for name in people:
            if self._add_all(name, name):
                families[name.split()[-1]] = name
        for start, end in _speakers(draft):
            if self._add(start, end, draft[start:end]):
                families.setdefault(draft[start:end].rsplit(maxsplit=1)[-1], draft[start:end])
        for family, name in families.items():
            self._add_all(family, name)
        self._places.sort()
        self._starts = [start for start, _, _ in self._places]

    def of(self, start: int, end: int, around: tuple[int, int], paragraph: int) -> str | None:
        """Whom a quotation at a place is given to. `around`: how far its own words reach on either side."""
        earlier, later = around
        stop = _SENTENCE_END.search(self._draft, end, later)
        last_sentence = stop.start() + 1 if stop else later
        first_sentence = max((m.end() for m in _SENTENCE_END.finditer(self._draft, earlier, start)), default=earlier)
        before, after = self._last(first_sentence, start), self._first(end, last_sentence)
        if before and re.search(r"[:,]\s*$", self._draft[first_sentence:start]):
            return before[2]
        if after and after[0] - end <= _NEAR_CHARS:
            return after[2]
        if before:
            return before[2]
        if _PRONOUN.search(self._draft, end, last_sentence) or _PRONOUN.search(self._draft, first_sentence, start):
            return self.before(start)
        inside = self._last(paragraph, start) if earlier > paragraph else None
        return inside[2] if inside else None

    def before(self, start: int) -> str | None:
        """The last person named before a place, in its paragraph or the one before."""
        above = self._draft.rfind("\n\n", 0, max(0, self._draft.rfind("\n\n", 0, start)))
        found = self._last(max(above, 0), start)
        return found[2] if found else None

    def _first(self, start: int, end: int) -> tuple[int, int, str] | None:
        place = bisect_left(self._starts, start)
        return self._places[place] if place < len(self._starts) and self._starts[place] < end else None

    def _last(self, start: int, end: int) -> tuple[int, int, str] | None:
        place = bisect_left(self._starts, end) - 1
        return self._places[place] if place >= 0 and self._starts[place] >= start else None

    def _add_all(self, spelled: str, name: str) -> bool:
        """Every place of a spelling; whether there is one."""
        if spelled not in self._draft:
            return False
        found = re.finditer(rf"(?<!\w){re.escape(spelled)}(?!\w)", self._draft)
        return sum(self._add(match.start(), match.end(), name) for match in found) > 0

    def _add(self, start: int, end: int, name: str) -> bool:
        if self._taken[start]:
            return False
        self._taken[start:end] = b"\1" * (end - start)
        self._places.append((start, end, name))
        return True


def _speakers(draft: str) -> Iterator[tuple[int, int]]:
    """Where names stand beside a verb of saying."""
    for verb in _VERB.finditer(draft):
        if behind := _NAMED_NEXT.match(draft, verb.end()):
            yield behind.span(1)
        for name in _NAMED.finditer(draft, max(0, verb.start() - _FAR), verb.start()):
            if _TO_THE_VERB.fullmatch(draft, name.end(), verb.start()):
                yield name.span()
