"""Whether a quotation stands in what somebody said: word for word, with fair trims, or with words changed.

What makes no difference between words is told in `service.words`. Fair trims are: words left out at an ellipsis;
fillers ("um", "you know,"), stammered words and noted sounds left out; words in square brackets, added or in the place
of a pronoun, an article or another form of the same word; other punctuation. No trim is fair that

- takes away, adds or replaces a negation, a number, a hedge or a condition of a sentence that is quoted in part,
- begins right after a negation or a word like "maybe", unless the draft itself says such a word there,
- joins pieces of fewer than three words out of different sentences.
"""

from __future__ import annotations

import difflib
import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property
from itertools import accumulate, islice, pairwise

from rapidfuzz import fuzz
from rapidfuzz.distance import LCSseq, Levenshtein

from service.words import (
    Token,
    is_bounding,
    is_denying,
    is_filler,
    is_negation,
    is_number,
    is_softening,
    is_weighty,
    skips_of,
    stops_of,
    tokens_of,
    words_of,
)

_ELLIPSIS = re.compile(r"\[\s*(?:…|\.{2,3}|\. \. \.)\s*\]|\(\s*(?:…|\.{3})\s*\)|…|\.{3,4}|\. \. \.(?: \.)?")
BRACKETED = re.compile(r"\[([^\[\]]*)\]")
_IN_A_WORD = re.compile(r"([^\W_]*)\[([^\W_]{1,30})\]([^\W_]*)")
_SENTENCE_END = re.compile(r"[.?!](?=\W)")
_HYPHEN = re.compile(r"[-‐‑]")
_LAST_SIGN = re.compile(r"[.,;:?!]")
_LONGEST_STAND_IN = 4
_SHORTEST_PIECE = 3
# Of the places where a quotation may begin, and where a piece of it behind an ellipsis may stand.
_MOST_TRIES = 50
ENOUGH_ALIKE = 0.6
_SHORTEST_RUN = 3
_SHORT = 6
_FEWEST_SPARE = 3
_WORDS_FOR_ONE_SPARE = 3

_POINTERS = frozenset(
    "i me my mine we us our ours you your yours he him his she her hers it its they them their theirs this that these "
    "those here there who whom whose which what the a an one ones".split()
)
_OPENERS = frozenset("and but so or because that who which where when while as says said".split())
_CLITICS = frozenset(("s", "re", "m"))
_SAME_VERB = tuple(
    frozenset(forms.split())
    for forms in (
        "am is are was were be been being",
        "have has had having",
        "do does did doing done",
        "go goes went gone",
    )
)
_ENDINGS = frozenset(("", "s", "es", "d", "ed", "ing", "e", "y", "ies", "ied"))
_SHORTEST_STEM = 3


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
class _Part:
    """Words that stand together; `stand_in`: bracketed words in front of them, in the place of others."""

    words: tuple[str, ...]
    stand_in: tuple[str, ...] | None
    after_ellipsis: bool


class Said:
    """What somebody said, ready to be compared with many quotations."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.words = words_of(text)
        self._joined = f" {' '.join(self.words)} "

    def find(self, quotation: str, led_by: str = "") -> Place | None:
        """The quotation word for word or with fair trims; None when it does not stand here so.

        Args:
            led_by: what the draft says in front of it: she does not “trust the machine”.
        """
        led = words_of(led_by)
        quoted = tokens_of(quotation)
        if not quoted:
            return None
        runs = list(self._runs([token.word for token in quoted]))
        if runs:
            stops = stops_of(quotation, quoted)
            return self._verbatim(runs, stops, _sign_behind(quotation, quoted[-1]), len(quoted), led)
        parts = list(_parts(quotation))
        if not parts or not parts[0].words or any(is_weighty(word) for part in parts for word in part.stand_in or ()):
            return None
        return self._trimmed(parts, led)

    def most_alike(self, words: Counter[str]) -> float:
        """No stretch has a larger share of these words in common with a quotation made of them."""
        return (self._counts & words).total() / max(1, words.total())

    def nearest(self, quotation: str) -> Place | None:
        """The stretch with most words in common, if there are enough of them, and what was changed."""
        words = words_of(quotation)
        if not words or self.most_alike(Counter(words)) < ENOUGH_ALIKE:
            return None
        window = self._tightened(words, self._window(words))
        steps = _steps(words, self.words[window])
        runs = [b - a for kind, a, b, _, _ in steps if kind == "equal"]
        if not runs:
            return None
        first, last = window.start + steps[0][3], window.start + steps[-1][4]
        alike = sum(runs) / max(len(words), last - first)
        shortest = _SHORTEST_RUN if len(words) > _SHORT else _SHORTEST_RUN - 1
        if alike < ENOUGH_ALIKE or max(runs) < min(shortest, len(words)):
            return None
        said = self.words[window]
        changes = tuple(Change(" ".join(words[a:b]), " ".join(said[c:d])) for _, a, b, c, d in steps)
        whole = self._whole_words(first, last)
        if whole != (first, last):
            changes = _widened(changes, self.words[whole[0] : first], self.words[last : whole[1]])
            first, last = whole
        if self._denied(last):
            changes = (*changes, Change("", self.words[last]))
            last += 1
        if (weighty := self._clipped(first, ())) is not None:
            changes = (Change("", " ".join(self.words[weighty:first])), *changes)
            first = weighty
        return Place(Likeness.CHANGED, self.tokens[first].start, self.tokens[last - 1].end, alike, changes)

    @cached_property
    def tokens(self) -> list[Token]:
        return tokens_of(self.text)

    @cached_property
    def _counts(self) -> Counter[str]:
        return Counter(self.words)

    @cached_property
    def _starts(self) -> list[int]:
        """Where each word begins in the words joined by spaces."""
        return list(accumulate((len(word) + 1 for word in self.words), initial=1))

    @cached_property
    def _skips(self) -> list[int]:
        return skips_of(self.text, self.tokens)

    def _runs(self, wanted: Sequence[str]) -> Iterator[int]:
        """Where some words stand together."""
        joined = f" {' '.join(wanted)} "
        found = self._joined.find(joined)
        while found >= 0:
            yield bisect_left(self._starts, found + 1)
            found = self._joined.find(joined, found + 1)

    def _verbatim(
        self, runs: Sequence[int], stops: Sequence[str], last_sign: str, size: int, led: Sequence[str]
    ) -> Place | None:
        """The run that is most like the quotation; None where all of them leave out what weighs."""
        best = None
        for first in runs:
            if self._clipped(first, led) is not None or self._denied(first + size):
                continue
            tokens = self.tokens[first : first + size]
            same = stops_of(self.text, tokens) == stops and _ends_alike(last_sign, _sign_behind(self.text, tokens[-1]))
            place = Place(Likeness.VERBATIM if same else Likeness.TRIMMED, tokens[0].start, tokens[-1].end, 1.0, ())
            if same:
                return place
            best = best or place
        return best

    def _trimmed(self, parts: Sequence[_Part], led: Sequence[str]) -> Place | None:
        for start in islice(self._openings(parts[0].words), _MOST_TRIES):
            first = self._opened(parts[0].stand_in, start)
            end = self._fitting(parts, start) if first is not None else None
            if first is None or end is None:
                continue
            if self._clipped(first, led) is None and not self._denied(end):
                return Place(Likeness.TRIMMED, self.tokens[first].start, self.tokens[end - 1].end, 1.0, ())
        return None

    def _openings(self, wanted: Sequence[str]) -> Iterator[int]:
        """Where some words begin that may stand with what is skipped between them."""
        return (i for i, word in enumerate(self.words) if word == wanted[0] and self._follow(wanted, i) is not None)

    def _opened(self, stand_in: tuple[str, ...] | None, start: int) -> int | None:
        """Where a quotation begins whose words at a place stand behind brackets; None where that is not fair."""
        if stand_in is None or start == 0:
            return start
        before = self.words[start - 1]
        if _stands_for(stand_in, [before]):
            return start - 1
        gap = self.text[self.tokens[start - 1].end : self.tokens[start].start]
        return start if not gap.isspace() or before in _OPENERS or is_filler(before) else None

    def _fitting(self, parts: Sequence[_Part], start: int) -> int | None:
        """Where the last of the parts ends, if they stand one after the other from a place on, and what is between is
        fairly left out.
        """
        position = start
        for number, part in enumerate(parts):
            if number == 0:
                end = self._follow(part.words, start)
            elif part.after_ellipsis:
                end = self._behind_ellipsis(parts[number - 1], part, position)
            else:
                end = self._behind_brackets(part, position)
            if end is None:
                return None
            position = end
        return position

    def _follow(self, wanted: Sequence[str], place: int) -> int | None:
        """Where some words end that begin at a place, with nothing between them but what may be skipped."""
        for number, word in enumerate(wanted):
            while place < len(self.words) and self.words[place] != word and number and self._skips[place]:
                place += self._skips[place]
            if place >= len(self.words) or self.words[place] != word:
                return None
            place += 1
        return place

    def _behind_ellipsis(self, before: _Part, part: _Part, position: int) -> int | None:
        if not part.words:
            return position
        tries = 0
        for place in range(position, len(self.words)):
            if self.words[place] != part.words[0]:
                continue
            end = self._follow(part.words, place)
            if end is not None and self._fair_gap(position, place, before, part):
                return end
            tries += 1
            if tries == _MOST_TRIES:
                break
        return None

    def _behind_brackets(self, part: _Part, position: int) -> int | None:
        if not part.words:
            return position
        for place in range(position, min(position + _LONGEST_STAND_IN, len(self.words)) + 1):
            end = self._follow(part.words, place)
            if end is not None and self._stood_for(part.stand_in or (), position, place):
                return end
        return None

    def _stood_for(self, stand_in: Sequence[str], start: int, end: int) -> bool:
        place = start
        replaced = []
        while place < end:
            if self._skips[place]:
                place += self._skips[place]
            else:
                replaced.append(self.words[place])
                place += 1
        return _stands_for(stand_in, replaced)

    def _fair_gap(self, start: int, end: int, before: _Part, part: _Part) -> bool:
        """Whether words may be left out at an ellipsis: those of sentences that are quoted in part weigh nothing."""
        if start == end:
            return True
        between = self.text[self.tokens[start - 1].end : self.tokens[end].start]
        ends = list(_SENTENCE_END.finditer(between))
        if not ends:
            return not any(map(is_weighty, self.words[start:end]))
        if min(len(before.words), len(part.words)) < _SHORTEST_PIECE:
            return False
        rest, opening = between[: ends[0].start()], between[ends[-1].end() :]
        return not any(map(is_weighty, words_of(rest) + words_of(opening)))

    def _clipped(self, first: int, led: Sequence[str]) -> int | None:
        """The place of the negation or softening word that a quotation beginning with a word leaves out, if it does.

        In front of a number, so does what makes it larger or smaller.
        """
        place = first - 1
        while place >= 0 and is_filler(self.words[place]):
            place -= 1
        word = self.words[place] if place >= 0 else ""
        if not (is_negation(word) or is_softening(word) or (is_number(self.words[first]) and is_bounding(word))):
            return None
        if word in led or (is_negation(word) and any(map(is_negation, led))):
            return None
        gap = self.text[self.tokens[place].end : self.tokens[place + 1].start]
        fillers = place < first - 1
        return place if gap.isspace() or (fillers and not _SENTENCE_END.search(gap)) else None

    def _denied(self, end: int) -> bool:
        """Whether a quotation ends right in front of what it is denied by: one group got | nothing."""
        return (
            end < len(self.words)
            and is_denying(self.words[end])
            and self.text[self.tokens[end - 1].end : self.tokens[end].start].isspace()
        )

    def _tightened(self, words: Sequence[str], window: slice) -> slice:
        """The part of a window in which the fewest words are other ones; of several, the one with most words in common,
        then the one of the fewest sentences, then the one nearest in length.
        """

        def otherness(part: slice) -> tuple[int, int, int, int]:
            held = self.words[part]
            return (
                Levenshtein.distance(words, held),
                -LCSseq.similarity(words, held),
                self._sentences[part.stop - 1] - self._sentences[part.start],
                abs(len(held) - len(words)),
            )

        most = 2 * _spare(words)

        def begun(end: int) -> slice:
            starts = range(window.start, min(window.start + most + 1, end))
            return min((slice(start, end) for start in starts), key=otherness)

        start = begun(window.stop).start
        ends = range(max(start + 1, window.stop - most), window.stop + 1)
        # Where it begins best depends on where it ends.
        return begun(min((slice(start, end) for end in ends), key=otherness).stop)

    @cached_property
    def _sentences(self) -> list[int]:
        """The number of the sentence that each word is of."""
        gaps = (self.text[one.end : other.start] for one, other in pairwise(self.tokens))
        return list(accumulate((bool(_SENTENCE_END.search(gap)) for gap in gaps), initial=0))

    def _whole_words(self, first: int, last: int) -> tuple[int, int]:
        """A stretch with the rest of words that hyphens hold together: no match is the "nine" of "seventy-nine"."""
        while first > 0 and self._is_joined(first - 1):
            first -= 1
        while last < len(self.words) and self._is_joined(last - 1):
            last += 1
        return first, last

    def _is_joined(self, place: int) -> bool:
        """Whether a hyphen holds a word and the next one together."""
        return _HYPHEN.fullmatch(self.text, self.tokens[place].end, self.tokens[place + 1].start) is not None

    def _window(self, words: Sequence[str]) -> slice:
        if len(self.words) <= len(words):
            return slice(0, len(self.words))
        found = fuzz.partial_ratio_alignment(" ".join(words), self._joined)
        assert found is not None
        first = bisect_left(self._starts, found.dest_start) - _spare(words)
        last = bisect_left(self._starts, found.dest_end) + _spare(words)
        return slice(max(0, first), min(len(self.words), last))


def _spare(words: Sequence[str]) -> int:
    """How many words the stretch that is most alike letter by letter may begin or end beside the one word by word."""
    return max(_FEWEST_SPARE, len(words) // _WORDS_FOR_ONE_SPARE)


def _widened(changes: Sequence[Change], before: Sequence[str], behind: Sequence[str]) -> tuple[Change, ...]:
    """Changes with words said in front of them and behind, which belong to the first and to the last of them."""
    first, *rest = changes
    widened = [Change(first.quoted, " ".join([*before, first.said]).strip()), *rest]
    if before and first.quoted == first.said:
        widened = [Change("", " ".join(before)), *changes]
    last = widened[-1]
    if behind and last.quoted == last.said:
        return (*widened, Change("", " ".join(behind)))
    return (*widened[:-1], Change(last.quoted, " ".join([last.said, *behind]).strip()))


def _steps(words: Sequence[str], said: Sequence[str]) -> list[tuple[str, int, int, int, int]]:
    """How the words of a quotation become those that were said, without what stands before and behind them."""
    steps: list[tuple[str, int, int, int, int]] = [
        *difflib.SequenceMatcher(None, words, said, autojunk=False).get_opcodes()
    ]
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
    return steps


def _sign_behind(text: str, last: Token) -> str:
    """The first sign of a sentence behind a word of a text, in front of any other word."""
    found = re.compile(r"\w|[.,;:?!]").search(text, last.end)
    return found[0] if found and _LAST_SIGN.fullmatch(found[0]) else ""


def _ends_alike(quoted: str, said: str) -> bool:
    """Whether a quotation ends as was said. A full stop or a comma is what the draft's own sentence wants there."""
    return quoted == said or not {quoted, said} & {"?", "!"} or quoted in ("", ",")


def _parts(quotation: str) -> Iterator[_Part]:
    """What stands between ellipses and brackets. `[T]he` is a bracketed word."""
    marked = _IN_A_WORD.sub(lambda m: f"[{m[1]}{m[2]}{m[3]}]" if m[1] or m[3] else m[0], quotation)
    for number, piece in enumerate(_ELLIPSIS.split(marked)):
        ends = 0
        stand_in: tuple[str, ...] | None = None
        after_ellipsis = number > 0
        for match in [*BRACKETED.finditer(piece), None]:
            words = tuple(words_of(piece[ends : match.start() if match else len(piece)]))
            if words:
                yield _Part(words, stand_in, after_ellipsis)
                stand_in, after_ellipsis = None, False
            if match:
                stand_in = (stand_in or ()) + tuple(words_of(match[1]))
                ends = match.end()
        if stand_in:
            yield _Part((), stand_in, after_ellipsis)


def _stands_for(stand_in: Sequence[str], replaced: Sequence[str]) -> bool:
    """Whether bracketed words may stand in the place of others."""
    return all(_points(word) or any(_same_word(word, other) for other in stand_in) for word in replaced)


def _points(word: str) -> bool:
    bare, _, clitic = word.partition("'")
    return bare in _POINTERS and (not clitic or clitic in _CLITICS)


def _same_word(one: str, other: str) -> bool:
    """Whether two words are forms of one.

    >>> _same_word("pay", "pays"), _same_word("was", "is"), _same_word("nurse", "nursery")
    (True, True, False)
    """
    if one == other or any(one in forms and other in forms for forms in _SAME_VERB):
        return True
    size = next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    return size >= _SHORTEST_STEM and one[size:] in _ENDINGS and other[size:] in _ENDINGS
