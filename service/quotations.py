"""The quotations of a draft, and whom the draft says they are of.

A quotation stands between curly or straight double quotation marks, between guillemets, between curly single ones, or
in a Markdown block quote; one inside another is part of it. Marks are paired within a paragraph. Fewer than three
words between marks are no quotation: people mark single words for other reasons.

Whose it is: the name right after it or in front of it in the same sentence, a dash and a name below a block quote;
where the sentence says "she said", the last person named before.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
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
_PART = rf"(?:{_UPPER}\.|{_UPPER}[\w'’\-]+)"
_NAME = rf"{_PART}(?: (?:{_PART}|de|del|van|von|der|la|le|bin|al))* {_PART}"
_SAYS = (
    "(?:says?|said|told|tells|explain(?:s|ed)?|argue[sd]?|add(?:s|ed)?|warn(?:s|ed)?|recall(?:s|ed)?|wr(?:ites|ote)|"
    "ask(?:s|ed)?|put(?:s)? it|continue[sd]?|note[sd]?|call(?:s|ed)|repl(?:ies|ied)|answer(?:s|ed)?|claim(?:s|ed)?|"
    "believe[sd]?|thinks|thought)"
)
_SPOKEN = re.compile(
    rf"(?P<after>{_NAME})(?:,? [^\n.!?\"“”]{{0,60}}?)?,? {_SAYS}\b"
    rf"|\b{_SAYS} (?P<before>{_NAME})"
    rf"|[Aa]ccording to (?P<by>{_NAME})"
)
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
    taken = [(quotation.start, quotation.end) for quotation in found]
    for paragraph in _PARAGRAPH.finditer(draft):
        spans = [m for m in _marked(draft, paragraph.start(), paragraph.end()) if not _inside(m[0], taken)]
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
        signed = _DASH.search(text) or _DASH.match(draft, _after_blank(draft, block.end()))
        if signed and signed.string is text:
            text = text[: signed.start()].rstrip()
        whole = _MARKED.fullmatch(text)
        words = whole[whole.lastgroup or 0] if whole else text
        if len(_WORD.findall(words)) < FEWEST_WORDS:
            continue
        named = signed["name"].strip(" *_") if signed else names.before(block.start())
        yield Quotation(words, block.start(), block.start() + len(block[0].rstrip("\n")), named)


def _after_blank(draft: str, start: int) -> int:
    found = re.compile(r"\s*").match(draft, start)
    return found.end() if found else start


def _inside(start: int, spans: Sequence[tuple[int, int]]) -> bool:
    return any(first <= start < last for first, last in spans)


class _Names:
    """Where a draft names people: those that are known, by full name and then by family name, and whoever speaks."""

    def __init__(self, draft: str, people: Collection[str]) -> None:
        self._draft = draft
        self._places: list[tuple[int, int, str]] = []
        families: dict[str, str] = {}
        for name in people:
            for match in re.finditer(rf"(?<!\w){re.escape(name)}(?!\w)", draft):
                self._places.append((match.start(), match.end(), name))
                families[name.split()[-1]] = name
        for match in _SPOKEN.finditer(draft):
            name = match[match.lastgroup or 0]
            if not self._at(match.start(match.lastgroup or 0)):
                self._places.append((*match.span(match.lastgroup or 0), name))
                families.setdefault(name.split()[-1], name)
        for family, name in families.items():
            for match in re.finditer(rf"(?<!\w){re.escape(family)}(?!\w)", draft):
                if not self._at(match.start()):
                    self._places.append((match.start(), match.end(), name))
        self._places.sort()

    def of(self, start: int, end: int, around: tuple[int, int], paragraph: int) -> str | None:
        """Whom a quotation at a place is given to. `around`: how far its own words reach on either side."""
        earlier, later = around
        tail = self._draft[end:later]
        stop = _SENTENCE_END.search(tail)
        last_sentence = end + (stop.start() + 1 if stop else len(tail))
        after = next((place for place in self._places if end <= place[0] < last_sentence), None)
        first_sentence = max(
            [earlier, *(m.end() for m in _SENTENCE_END.finditer(self._draft, earlier, start))],
        )
        before = next(
            (place for place in reversed(self._places) if first_sentence <= place[0] and place[1] <= start), None
        )
        if before and re.search(r"[:,]\s*$", self._draft[first_sentence:start]):
            return before[2]
        if after and after[0] - end <= 60:
            return after[2]
        if before:
            return before[2]
        if _PRONOUN.search(self._draft, end, last_sentence) or _PRONOUN.search(self._draft, first_sentence, start):
            return self.before(start)
        inside = [place for place in self._places if paragraph <= place[0] < start]
        return inside[-1][2] if inside and earlier > paragraph else None

    def before(self, start: int) -> str | None:
        """The last person named before a place, in its paragraph or the one before."""
        near = self._draft.rfind("\n\n", 0, max(0, self._draft.rfind("\n\n", 0, start)))
        return next(
            (name for begin, end, name in reversed(self._places) if max(near, 0) <= begin and end <= start), None
        )

    def _at(self, start: int) -> bool:
        return any(first <= start < last for first, last, _ in self._places)
