"""Where a draft is to be mended: the words of a quotation, or the name that it is given to, and what belongs there.

The marks around a quotation stay, and so do the signs between them and the words: a comma, the `>` of a block quote.
No name is replaced but one that stands in the same paragraph as the quotation, or in the one above a block quote.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from service import schemas
from service.person_names import person_name
from service.verify import Verdict

_WORD = re.compile(r"[$€£]?[^\W_]+(?:['’.,][^\W_]+)*%?")
_OPENED = re.compile(r"[\[*_]*\Z")
_CLOSED = re.compile(r"[\]*_]*")
_BLOCK = re.compile(r"[^\S\n]{0,3}>")
_PARAGRAPH_END = re.compile(r"\n[^\S\n]*\n")
_REPAIRABLE = (Verdict.EDITED, Verdict.ALTERED)


@dataclass(frozen=True, slots=True)
class Repair:
    """`text` belongs in the place of `draft[start:end]`; both count code points."""

    start: int
    end: int
    text: str


def words_repair(draft: str, checked: schemas.VerifiedQuote) -> Repair | None:
    """The true words in the place of those quoted; None where there are none, or nothing is to be changed."""
    if checked.verdict not in _REPAIRABLE or checked.match is None or checked.start is None or checked.end is None:
        return None
    place = _words_of(draft, checked.quote, checked.start, checked.end)
    if place is None:
        return None
    start, end = place
    between = "\n> " if _BLOCK.match(draft, checked.start) else "\n"
    return Repair(start, end, between.join(checked.match.text.splitlines()))


def name_repair(draft: str, checked: schemas.VerifiedQuote) -> Repair | None:
    """The name of who said it in the place of the one that the draft gives; a family name where it gives that alone."""
    given, match = checked.attributed_to, checked.match
    if checked.verdict is not Verdict.MISATTRIBUTED or given is None or match is None or match.speaker.name is None:
        return None
    assert checked.start is not None
    assert checked.end is not None
    said_by = person_name(match.speaker.name)
    family = given.split()[-1]
    for spelled, text in ((given, said_by.whole), (family, said_by.family or said_by.whole)):
        near = min(_occurrences(draft, spelled, checked), key=lambda place: _distance(place, checked), default=None)
        if near is not None:
            return Repair(*near, text)
    return None


def _words_of(draft: str, quoted: str, start: int, end: int) -> tuple[int, int] | None:
    """From the first to the last word of a quotation, with brackets and emphasis around them.

    Between the words may stand what is none of the quotation: addresses of links, the `>` of a block quote.
    """
    wanted = iter(_WORD.findall(quoted))
    word = next(wanted, None)
    found: list[re.Match[str]] = []
    for place in _WORD.finditer(draft, start, end):
        if place[0] == word:
            found.append(place)
            word = next(wanted, None)
    if not found or word is not None:
        return None
    first, last = found[0].start(), found[-1].end()
    before, after = _OPENED.search(draft[start:first]), _CLOSED.match(draft, last, end)
    assert before is not None
    assert after is not None
    return start + before.start(), after.end()


def _occurrences(draft: str, spelled: str, checked: schemas.VerifiedQuote) -> Iterator[tuple[int, int]]:
    start, end = checked.start or 0, checked.end or 0
    is_block = _BLOCK.match(draft, start) is not None
    ends = [match.end() for match in _PARAGRAPH_END.finditer(draft, 0, start)]
    above = ends[-2 if is_block else -1] if len(ends) > is_block else 0
    below = _PARAGRAPH_END.search(draft, end)
    words = _words_of(draft, checked.quote, start, end) or (start, end)
    for match in re.finditer(rf"(?<!\w){re.escape(spelled)}(?!\w)", draft[above : below.start() if below else None]):
        place = (above + match.start(), above + match.end())
        if place[1] <= words[0] or place[0] >= words[1]:
            yield place


def _distance(place: tuple[int, int], checked: schemas.VerifiedQuote) -> int:
    start, end = checked.start or 0, checked.end or 0
    return max(start - place[1], place[0] - end, 0)
