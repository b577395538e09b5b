"""Where sentences begin and end, in speech that somebody typed or a machine heard.

Useful for: quoting whole sentences. Not useful for: grammar; a stretch with no end mark is one sentence.
"""

from __future__ import annotations

import re
from functools import lru_cache

# An episode is asked for its sentences several times while it is cut.
_TURNS_REMEMBERED = 2_000
_ENDS = re.compile(r"""[.!?…。！？]+["'”’»)\]]*(?=\s|$)|[。！？]["'”’»」』)]*|\n+""")
_ABBREVIATIONS = frozenset(
    "mr mrs ms dr prof sr jr st vs e.g i.e eg ie al inc ltd co corp dept approx est cf gen sen rep gov capt "
    "col lt sgt rev hon jan feb mar apr jun jul aug sep sept oct nov dec a.m p.m u.s u.k ph.d d.c".split()
)
_BEFORE_NUMBERS = frozenset("no nos fig figs vol ch pp".split())
_LAST_WORD = re.compile(r"[^\s\"“”(\[]+$")


@lru_cache(_TURNS_REMEMBERED)
def sentence_spans(text: str) -> tuple[tuple[int, int], ...]:
    """(start, end) of every sentence of a turn's text, in order, blanks around them left out.

    Every character that is not blank lies in exactly one span. A new paragraph ends a sentence.

    >>> sentence_spans("Dr. Ruiz said 3.5 of them… Really? Yes.")
    ((0, 26), (27, 34), (35, 39))
    """
    spans: list[tuple[int, int]] = []
    start = 0
    for mark in _ENDS.finditer(text):
        if "\n" not in mark.group() and not _ends_sentence(text, start, mark):
            continue
        _append(spans, text, start, mark.end())
        start = mark.end()
    _append(spans, text, start, len(text))
    return tuple(spans)


def split_long(text: str, start: int, end: int, pieces: int) -> list[tuple[int, int]]:
    """A sentence cut into about equal `pieces`, after a comma or the like where one is near, else at a blank."""
    length = (end - start) / pieces
    cuts = [start]
    for piece in range(1, pieces):
        aim = start + round(piece * length)
        cut = _best_cut(text, max(cuts[-1] + 1, aim - round(length / 3)), min(end, aim + round(length / 3)), aim)
        if cuts[-1] < cut < end:
            cuts.append(cut)
    spans: list[tuple[int, int]] = []
    for left, right in zip(cuts, [*cuts[1:], end], strict=True):
        _append(spans, text, left, right)
    return spans


def _best_cut(text: str, low: int, high: int, aim: int) -> int:
    for pattern in (r"(?<=[,;:—–])\s", r"\s"):
        found = [match.start() for match in re.compile(pattern).finditer(text, low, high)]
        if found:
            return min(found, key=lambda position: abs(position - aim))
    return aim


def _append(spans: list[tuple[int, int]], text: str, start: int, end: int) -> None:
    piece = text[start:end]
    stripped = piece.strip()
    if stripped:
        left = start + len(piece) - len(piece.lstrip())
        spans.append((left, left + len(stripped)))


def _ends_sentence(text: str, start: int, mark: re.Match[str]) -> bool:
    stops = mark.group().rstrip("\"'”’»)]")
    following = text[mark.end() : mark.end() + 40].lstrip().lstrip("\"'“‘«([")
    if not following:
        return True
    if stops[0] in "!?" or stops[0] in "。！？":
        return not following[0].islower()
    if set(stops) & set("!?"):
        return True
    if len(stops) > 1 or stops == "…":
        return following[0].isupper() or not following[0].isalnum()
    if following[0].islower():
        return False
    last = _LAST_WORD.search(text, max(start, mark.start() - 30), mark.start())
    word = last.group().casefold().strip("'‘’") if last else ""
    if word in _ABBREVIATIONS or (word in _BEFORE_NUMBERS and following[0].isdigit()):
        return False
    is_initial = len(word) == 1 and word.isalpha() and word != "i" and following[0].isupper()
    return not is_initial
