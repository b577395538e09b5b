"""Whether the quotations of a draft were said so, and by whom the draft says.

- `verified`: word for word, but for typography. `edited`: with the fair trims of `service.matching`.
- `altered`: words were changed. `not_found`: nothing in the archive is enough like it.
- `misattributed`: said so, with fair trims at most, but by somebody else.

A quotation is looked for in the turns whose passages hold its words one after the other, or most of them, in passages
of every kind; where many do, in those that hold it word for word and in those of whom it is given to.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from indexer.catalog import StoredPassage
from indexer.names import name_key
from indexer.types import Kind, Turn
from service.archive import Archive
from service.matching import BRACKETED, ENOUGH_ALIKE, Change, Likeness, Place, Said
from service.quotations import Quotation
from service.words import folded, is_number, words_of

_TURNS = 24
# Of the passages that hold the words of a common phrase, those that are told apart by their texts.
_PASSAGES = 1000
# Of a quotation: enough to tell the turns apart that hold it.
_PATTERN_WORDS = 12
_PATTERN_CHARS = 200
# With fewer words than these that are no stop words, the order of all words tells more.
_TELLING = 3
# Letters of a word that stands in a text as it is compared.
_LONG = 5
# Words of what a turn may say without being a passage.
_SHORT = 6
# Of the words of an altered quotation, those that were said: weighted by rarity; the mean of that and the plain share.
_TELLING_SHARE = 0.5
_LIKE = 0.65
_DIVIDED = re.compile(r"([^\W\d_]+)[-‐]\s*\n\s*([^\W\d_]+)")
_Key = tuple[int, int]


class Verdict(StrEnum):
    VERIFIED = "verified"
    EDITED = "edited"
    ALTERED = "altered"
    MISATTRIBUTED = "misattributed"
    NOT_FOUND = "not_found"


FAIR = (Verdict.VERIFIED, Verdict.EDITED)
_OF = {Likeness.VERBATIM: Verdict.VERIFIED, Likeness.TRIMMED: Verdict.EDITED, Likeness.CHANGED: Verdict.ALTERED}


@dataclass(frozen=True, slots=True)
class Match:
    """Where the words stand: `char_start` and `char_end` count in the episode's canonical text."""

    episode: int
    turn: int
    speaker: str | None
    text: str
    char_start: int
    char_end: int


@dataclass(frozen=True, slots=True)
class Checked:
    """A quotation and what was found. `match` is None where nothing is like it; `nearest` is then what comes nearest.

    `diff`: of an altered one, the words quoted and those said in their place.
    """

    quotation: Quotation
    verdict: Verdict
    match: Match | None
    diff: tuple[Change, ...]
    nearest: StoredPassage | None


def verify(quotations: Sequence[Quotation], archive: Archive) -> list[Checked]:
    """Each quotation checked, in the order given."""
    said = _Turns(archive)
    checked = [_check(quotation, said) for quotation in quotations]
    missing = [entry.quotation.text for entry in checked if entry.verdict is Verdict.NOT_FOUND]
    vectors = iter(archive.embedder.embed_queries(missing) if missing else ())
    return [
        replace(entry, nearest=_nearest(next(vectors), archive)) if entry.verdict is Verdict.NOT_FOUND else entry
        for entry in checked
    ]


def _check(quotation: Quotation, turns: _Turns) -> Checked:
    checked = _looked_for(replace(quotation, text=turns.rejoined(quotation.text)), turns)
    return replace(checked, quotation=quotation)


def _looked_for(quotation: Quotation, turns: _Turns) -> Checked:
    claimed = quotation.claimed
    candidates = turns.likely(quotation.text, claimed)
    found: list[tuple[_Key, Place]] = []
    for key in turns.holding_all(quotation.text, candidates):
        place = turns.said(key).find(quotation.text, quotation.led_by)
        if place is not None:
            found.append((key, place))
            by_whom = not claimed or turns.is_by(key, claimed)
            if place.likeness is Likeness.VERBATIM and by_whom and not turns.is_teaser(key):
                break
    if found:
        key, place = min(
            found, key=lambda entry: (not turns.is_by(entry[0], claimed), entry[1].likeness, turns.is_teaser(entry[0]))
        )
        match = turns.match(key, place)
        by_another = bool(claimed) and match.speaker is not None and not turns.is_by(key, claimed)
        if by_another and (own := turns.clipped(quotation.text, candidates, claimed)):
            return Checked(quotation, Verdict.ALTERED, turns.match(*own), own[1].changes, None)
        return Checked(quotation, Verdict.MISATTRIBUTED if by_another else _OF[place.likeness], match, (), None)
    alike = turns.most_alike(quotation.text, candidates, claimed)
    if alike is None:
        return Checked(quotation, Verdict.NOT_FOUND, None, (), None)
    key, place = alike
    return Checked(quotation, Verdict.ALTERED, turns.match(key, place), place.changes, None)


class _Turns:
    """The turns of an archive that may hold a quotation, each taken apart once."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self._kept: dict[_Key, _Turn] = {}

    def rejoined(self, text: str) -> str:
        """A text without the hyphens at ends of lines that divide words, as copies of printed pages have them."""
        return _DIVIDED.sub(lambda found: self._whole_word(found[1], found[2]), text)

    def _whole_word(self, one: str, other: str) -> str:
        terms = self._archive.lexical.terms(one + other)
        known = bool(terms) and all(self._archive.lexical.vocabulary.frequency(term) for term in terms)
        return f"{one}{other}" if known else f"{one}-{other}"

    def likely(self, text: str, claimed: Sequence[str]) -> list[_Key]:
        """The turns that hold a text's words one after the other, then those that hold most of them.

        Args:
            claimed: whose turns come first.
        """
        lexical = self._archive.lexical
        terms = lexical.terms(text)
        whole = self._whole(text, claimed, few_terms=len(set(terms)) < _TELLING)
        most = self._archive.catalog.turns_of(lexical.matched(terms).best(2 * _TURNS).tolist())
        return list(dict.fromkeys([*whole, *most]))[: 6 * _TURNS]

    def holding_all(self, text: str, candidates: Sequence[_Key]) -> Iterator[_Key]:
        """The turns in which every word of a text occurs, but for those in brackets."""
        words = Counter(words_of(BRACKETED.sub(" ", text)))
        return (key for key in candidates if self._turn(key).share_of(words) == 1)

    def said(self, key: _Key) -> Said:
        return self._turn(key).said

    def match(self, key: _Key, place: Place) -> Match:
        turn = self._turn(key)
        text = turn.text[place.start : place.end]
        return Match(*key, turn.speaker, text, turn.char_start + place.start, turn.char_start + place.end)

    def most_alike(self, text: str, candidates: Sequence[_Key], claimed: Sequence[str]) -> tuple[_Key, Place] | None:
        """The place that has most in common with a text, if that is enough."""
        words = Counter(words_of(text))
        possible = [key for key in candidates if self._turn(key).share_of(words) >= ENOUGH_ALIKE]
        bounds = {key: self.said(key).most_alike(words) for key in possible}
        best_so_far = (0.0, False, False)
        found: tuple[_Key, Place] | None = None
        for key in sorted(bounds, key=lambda key: -bounds[key]):
            if bounds[key] < best_so_far[0]:
                break
            place = self.said(key).nearest(text)
            if place is None or not self._is_like(text, place):
                continue
            rank = (place.alike, self.is_by(key, claimed), not self.is_teaser(key))
            if rank > best_so_far:
                best_so_far, found = rank, (key, place)
        return found

    def clipped(self, text: str, candidates: Sequence[_Key], claimed: Sequence[str]) -> tuple[_Key, Place] | None:
        """Where one of those who are claimed says these words, less the negation in front of them."""
        for key in self.holding_all(text, candidates):
            place = self.said(key).nearest(text) if self.is_by(key, claimed) else None
            if place and place.alike == 1:
                return key, place
        return None

    def is_by(self, key: _Key, names: Sequence[str]) -> bool:
        """Whether a turn is one of some people's."""
        speaker = self._turn(key).speaker
        return speaker is not None and any(self._is_called(speaker, name) for name in names)

    def is_teaser(self, key: _Key) -> bool:
        """Whether a turn is of a cold open, whose words are said again where they belong."""
        return self._turn(key).kind is Kind.TEASER

    def _is_called(self, speaker: str, name: str) -> bool:
        called, own = (name_key(who).replace("-", " ").split() for who in (name, speaker))
        same_ends = len(called) > 1 and len(own) > 1 and (called[0], called[-1]) == (own[0], own[-1])
        return called == own or same_ends or speaker in self._archive.people.called(name)

    def _is_like(self, text: str, place: Place) -> bool:
        """Whether the words that stand there are a text's, and not those that people say of anything."""
        whole = self._weight(text)
        kept = self._weight(" ".join(change.quoted for change in place.changes if change.quoted == change.said))
        share = kept / whole if whole else 1.0
        return share >= _TELLING_SHARE and (share + place.alike) / 2 >= _LIKE

    def _weight(self, text: str) -> float:
        """What the words of a text tell, each by its rarity; stop words and numbers tell nothing."""
        lexical = self._archive.lexical
        terms = {term for term in lexical.terms(text) if not is_number(term)}
        return sum(math.log(1 + len(lexical) / (1 + lexical.vocabulary.frequency(term))) for term in terms)

    def _whole(self, text: str, claimed: Sequence[str], *, few_terms: bool) -> list[_Key]:
        """The turns that hold a text's words one after the other."""
        holding = self._archive.lexical.holding_phrase(text, _PASSAGES)
        is_short = few_terms or len(words_of(text)) <= _SHORT
        if not is_short and len(holding) <= _TURNS:
            return self._archive.catalog.turns_of(holding)
        voices = self._voices_of(claimed)
        likeliest, is_sure = self._likeliest(holding, text, voices)
        whole = self._archive.catalog.turns_of(likeliest)
        if is_sure or not (is_short or len(holding) == _PASSAGES):
            return whole
        return [*self._scanned(text, voices), *whole]

    def _likeliest(self, numbers: list[int], text: str, voices: set[int]) -> tuple[list[int], bool]:
        """Of some passages those that hold a text word for word, then those that some voices say; whether a passage is
        both, where voices are asked for.
        """
        if not numbers:
            return [], False
        escaped = (re.escape(word).replace("'", "['’]") for word in words_of(text))
        pattern = re.compile(r"\W+".join(escaped), re.IGNORECASE)
        texts = self._archive.catalog.texts(numbers)
        lacks = {n: pattern.search(held) is None for n, held in zip(numbers, texts, strict=True)}
        strange = {n: bool(voices) and int(self._archive.columns.voice[n]) not in voices for n in numbers}
        ranked = sorted(numbers, key=lambda n: (lacks[n], strange[n]))[:_TURNS]
        return ranked, not lacks[ranked[0]] and not strange[ranked[0]]

    def _scanned(self, text: str, voices: set[int]) -> list[_Key]:
        """The turns that hold the first words of a text, those of some voices first, without the lexical index: it
        knows neither stop words nor turns that are too short for a passage.
        """
        opening = text[:_PATTERN_CHARS]
        patterns = (
            (opening.split()[:_PATTERN_WORDS], " "),
            (words_of(opening)[:_PATTERN_WORDS], "%"),
        )
        return [
            key
            for whose in ((voices, None) if voices else (None,))
            for words, apart in patterns
            for key in self._archive.catalog.turns_with(words, _TURNS, apart=apart, voices=whose)
        ]

    def _voices_of(self, names: Sequence[str]) -> set[int]:
        voices = self._archive.catalog.voices
        speakers = {
            speaker for speaker in self._archive.people.names if any(self._is_called(speaker, n) for n in names)
        }
        return {voice.number for voice in voices if voice.name in speakers}

    def _turn(self, key: _Key) -> _Turn:
        if key not in self._kept:
            episode, number = key
            [(start, _, turn)] = self._archive.catalog.turns(episode, [number])
            self._kept[key] = _Turn(turn, start)
        return self._kept[key]


class _Turn:
    """A turn, taken apart when it is needed."""

    def __init__(self, turn: Turn, char_start: int) -> None:
        self.text = turn.text
        self.speaker = turn.speaker
        self.kind = turn.kind
        self.char_start = char_start
        self._folded = folded(turn.text)

    @cached_property
    def said(self) -> Said:
        return Said(self.text)

    def share_of(self, words: Counter[str]) -> float:
        """The share of some words that may occur here; never too small, and quick: other words may hold them."""
        here = sum(n for word, n in words.items() if len(word) < _LONG or not word.isalpha() or word in self._folded)
        return here / max(1, words.total())


def _nearest(vector: NDArray[np.float32], archive: Archive) -> StoredPassage | None:
    numbers = archive.vectors.nearest(vector, 1, None).tolist()
    return next(iter(archive.catalog.passages(numbers)), None)
