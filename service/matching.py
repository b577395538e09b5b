"""Whether a quotation stands in what somebody said: word for word, with fair trims, or with words changed.

Case, the shape of quotation marks, apostrophes and dashes, hyphens and blanks are typography. Fair trims are: words
left out at an ellipsis, fillers ("um", "you know") and stammered words left out, words in square brackets in the place
of up to four, punctuation. No trim is fair that adds or takes away a negation, a number or a hedge within a sentence,
or that begins right after a negation.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum

from rapidfuzz import fuzz

_TOKEN = re.compile(r"[$€£]?[^\W_]+(?:['’.,][^\W_]+)*%?")
_ELLIPSIS = re.compile(r"\[\s*(?:…|\.{3}|\. \. \.)\s*\]|\(\s*(?:…|\.{3})\s*\)|…|\.{3,4}|\. \. \.(?: \.)?")
_BRACKETED = re.compile(r"\[([^\[\]]*)\]")
_SENTENCE_END = re.compile(r"[.?!]")
_FILLERS = {"um", "uh", "uhm", "er", "erm", "ah", "hmm", "mm", "mhm"}
_FILLER_PAIRS = {("you", "know"), ("i", "mean")}
_NEGATIONS = set("no not never none nobody nothing neither nor without cannot hardly barely".split())
_HEDGES = set(
    "maybe perhaps probably possibly might may could should would seems seem almost some sometimes often usually most "
    "many few roughly about around mostly generally think believe guess suppose likely unlikely kind sort apparently "
    "only always all".split()
)
_NUMBERS = set(
    "zero one two three four five six seven eight nine ten eleven twelve twenty thirty forty fifty sixty seventy "
    "eighty ninety hundred thousand million billion half third quarter double twice once dozen".split()
)
_LONGEST_STAND_IN = 4
_ENOUGH_ALIKE = 0.6
_SHORTEST_RUN = 3
# The stretch that is most alike letter by letter may begin or end a few words beside the one word by word.
_SPARE = 3


class Likeness(IntEnum):
    """The nearer to the words, the smaller."""

    VERBATIM = 0
    TRIMMED = 1
    CHANGED = 2


@dataclass(frozen=True, slots=True)
class Change:
    """Words of the quotation and those that were said in their place; equal where `quoted` is `said`."""

    quoted: str
    said: str


@dataclass(frozen=True, slots=True)
class Place:
    """Where a quotation stands in a text, or what is most like it there. `alike`: the share of words in common."""

    likeness: Likeness
    start: int
    end: int
    alike: float
    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class Token:
    word: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class _Part:
    """Words that stand together; `stand_in`: bracketed words in front of them, in the place of others."""

    words: tuple[str, ...]
    stand_in: tuple[str, ...] | None
    after_ellipsis: bool


class Said:
    """What somebody said, ready to be compared with many quotations."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = tokens_of(text)
        self.words = [token.word for token in self.tokens]
        self._kept = _without_fillers(self.words)
        self._joined = " ".join(self.words)
        self._counts = Counter(self.words)

    def find(self, quotation: str) -> Place | None:
        """The quotation word for word or with fair trims; None when it does not stand here so."""
        words = [token.word for token in tokens_of(quotation)]
        place = _run(self.words, words, 0) if words else None
        if place is not None:
            first, last = self.tokens[place], self.tokens[place + len(words) - 1]
            if self._clipped(place):
                return None
            same = _stops(quotation) == _stops(self.text[first.start : last.end])
            return Place(Likeness.VERBATIM if same else Likeness.TRIMMED, first.start, last.end, 1.0, ())
        parts = list(_parts(quotation))
        if not any(part.words for part in parts) or any(
            _weighty(word) for part in parts for word in part.stand_in or ()
        ):
            return None
        return self._trimmed(parts)

    def nearest(self, quotation: str) -> Place | None:
        """The stretch with most words in common, if there are enough of them, and what was changed."""
        words = [token.word for token in tokens_of(quotation)]
        # No stretch has more words in common than the whole text has.
        if not words or (self._counts & Counter(words)).total() < _ENOUGH_ALIKE * len(words):
            return None
        window = self._window(words)
        matcher = difflib.SequenceMatcher(None, words, self.words[window], autojunk=False)
        steps = matcher.get_opcodes()
        while steps and steps[0][0] == "insert":
            del steps[0]
        while steps and steps[-1][0] == "insert":
            del steps[-1]
        if steps and steps[0][0] == "replace":
            kind, a, b, c, d = steps[0]
            steps[0] = (kind, a, b, max(c, d - (b - a)), d)
        if steps and steps[-1][0] == "replace":
            kind, a, b, c, d = steps[-1]
            steps[-1] = (kind, a, b, c, min(d, c + (b - a)))
        runs = [b - a for kind, a, b, _, _ in steps if kind == "equal"]
        if not runs:
            return None
        first, last = window.start + steps[0][3], window.start + steps[-1][4]
        alike = sum(runs) / max(len(words), last - first)
        if alike < _ENOUGH_ALIKE or max(runs) < min(_SHORTEST_RUN, len(words)):
            return None
        said = self.words[window]
        changes = tuple(Change(" ".join(words[a:b]), " ".join(said[c:d])) for _, a, b, c, d in steps)
        if self._clipped(first):
            first -= 1
            changes = (Change("", self.words[first]), *changes)
        return Place(Likeness.CHANGED, self.tokens[first].start, self.tokens[last - 1].end, alike, changes)

    def _trimmed(self, parts: Sequence[_Part]) -> Place | None:
        """The parts one after the other, over the words that are left without fillers."""
        words = [self.words[i] for i in self._kept]
        starts = [i for i in range(len(words)) if words[i] == parts[0].words[0]] if parts[0].words else [0]
        for start in starts:
            ends = self._fitting(parts, words, start)
            if ends is not None and not self._clipped(self._kept[ends[0]]):
                first, last = self.tokens[self._kept[ends[0]]], self.tokens[self._kept[ends[1] - 1]]
                return Place(Likeness.TRIMMED, first.start, last.end, 1.0, ())
        return None

    def _fitting(self, parts: Sequence[_Part], words: Sequence[str], start: int) -> tuple[int, int] | None:
        position, first = start, None
        for part in parts:
            wanted = [part.words[i] for i in _without_fillers(part.words, keep_stammers=True)]
            if first is None:
                place = start if tuple(words[start : start + len(wanted)]) == tuple(wanted) else None
            elif part.after_ellipsis:
                place = _run(words, wanted, position)
            else:
                place = next(
                    (
                        p
                        for p in range(position, position + _LONGEST_STAND_IN + 1)
                        if list(words[p : p + len(wanted)]) == wanted
                    ),
                    None,
                )
            if place is None:
                return None
            if first is not None and not self._fair(words, position, place, part):
                return None
            first = place if first is None else first
            position = place + len(wanted)
        return (first, position) if first is not None and position > first else None

    def _fair(self, words: Sequence[str], end: int, start: int, part: _Part) -> bool:
        """Whether the words between two parts may be missing, or stand in brackets."""
        if part.after_ellipsis:
            between = self.text[self.tokens[self._kept[end - 1]].end : self.tokens[self._kept[start]].start]
            if _SENTENCE_END.search(between):
                return True
        return not any(map(_weighty, words[end:start]))

    def _clipped(self, first: int) -> bool:
        """Whether a quotation that begins with a word leaves out the negation that this word belongs to."""
        if first == 0 or self.words[first - 1] not in _NEGATIONS:
            return False
        return self.text[self.tokens[first - 1].end : self.tokens[first].start].isspace()

    def _window(self, words: Sequence[str]) -> slice:
        joined = " ".join(words)
        if len(self.words) <= len(words):
            return slice(0, len(self.words))
        found = fuzz.partial_ratio_alignment(joined, self._joined)
        assert found is not None
        first = self._joined.count(" ", 0, found.dest_start) - _SPARE
        last = self._joined.count(" ", 0, found.dest_end) + 1 + _SPARE
        return slice(max(0, first), min(len(self.words), last))


def tokens_of(text: str) -> list[Token]:
    """The words of a text as they are compared, and where they stand."""
    return [
        Token(unicodedata.normalize("NFKC", match[0].replace("’", "'")).casefold(), match.start(), match.end())
        for match in _TOKEN.finditer(text)
    ]


def _parts(quotation: str) -> Iterator[_Part]:
    """What stands between ellipses and brackets."""
    for number, piece in enumerate(_ELLIPSIS.split(quotation)):
        ends = 0
        stand_in: tuple[str, ...] | None = None
        after_ellipsis = number > 0
        for match in [*_BRACKETED.finditer(piece), None]:
            words = tuple(t.word for t in tokens_of(piece[ends : match.start() if match else len(piece)]))
            if words:
                yield _Part(words, stand_in, after_ellipsis)
                stand_in, after_ellipsis = None, False
            if match:
                stand_in = (stand_in or ()) + tuple(token.word for token in tokens_of(match[1]))
                ends = match.end()
        if stand_in:
            yield _Part((), stand_in, after_ellipsis)


def _run(words: Sequence[str], wanted: Sequence[str], start: int) -> int | None:
    """Where some words stand together, from a place on."""
    size = len(wanted)
    if not size:
        return start
    for place in range(start, len(words) - size + 1):
        if words[place] == wanted[0] and list(words[place : place + size]) == list(wanted):
            return place
    return None


def _without_fillers(words: Sequence[str], *, keep_stammers: bool = False) -> list[int]:
    """The places of the words that are left without fillers and, unless these are kept, stammers."""
    kept: list[int] = []
    skip = 0
    for i, word in enumerate(words):
        if skip:
            skip -= 1
        elif word in _FILLERS or (not keep_stammers and kept and words[kept[-1]] == word and word not in _NUMBERS):
            continue
        elif (word, *words[i + 1 : i + 2]) in _FILLER_PAIRS:
            skip = 1
        else:
            kept.append(i)
    return kept


def _weighty(word: str) -> bool:
    """A negation, a number or a hedge: what may not be trimmed or put in."""
    bare = word.split("'", maxsplit=1)[0]
    negated = word.endswith("n't") or word in _NEGATIONS
    return negated or word in _HEDGES or bare in _HEDGES or word in _NUMBERS or any(map(str.isdigit, word))


def _stops(text: str) -> list[str]:
    """The ends of sentences inside a text."""
    tokens = tokens_of(text)
    return _SENTENCE_END.findall(text[tokens[0].start : tokens[-1].end]) if tokens else []
