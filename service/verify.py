"""Whether the quotations of a draft were said so, and by whom the draft says.

- `verified`: word for word, but for typography. `edited`: with the fair trims of `service.matching`.
- `altered`: words were changed. `not_found`: nothing in the archive is enough like it.
- `misattributed`: said so, with fair trims at most, but by somebody else.

A quotation is looked for in the turns whose passages hold most of its words, in passages of every kind.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from indexer.catalog import StoredPassage
from indexer.lexical import best, matching
from indexer.names import name_key
from indexer.types import Turn
from service.archive import Archive
from service.matching import Change, Likeness, Place, Said, tokens_of
from service.quotations import Quotation

_TURNS = 24
# Of a quotation: enough to tell the turns apart that hold it.
_PATTERN_WORDS = 12
_PATTERN_CHARS = 200
# With fewer words than these that are no stop words, the order of all words tells more.
_TELLING = 3
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
    claimed = quotation.attributed_to
    candidates = turns.likely(quotation.text)
    found: list[tuple[_Key, Place]] = []
    for key in candidates:
        place = turns.said(key).find(quotation.text)
        if place is not None:
            found.append((key, place))
            if place.likeness is Likeness.VERBATIM and (claimed is None or turns.is_by(key, claimed)):
                break
    if found:
        key, place = min(found, key=lambda entry: (not turns.is_by(entry[0], claimed), entry[1].likeness))
        match = turns.match(key, place)
        by_another = claimed is not None and match.speaker is not None and not turns.is_by(key, claimed)
        return Checked(quotation, Verdict.MISATTRIBUTED if by_another else _OF[place.likeness], match, (), None)
    alike = [(place.alike, key, place) for key in candidates if (place := turns.said(key).nearest(quotation.text))]
    if not alike:
        return Checked(quotation, Verdict.NOT_FOUND, None, (), None)
    _, key, place = max(alike, key=lambda entry: (entry[0], turns.is_by(entry[1], claimed)))
    return Checked(quotation, Verdict.ALTERED, turns.match(key, place), place.changes, None)


class _Turns:
    """The turns of an archive that may hold a quotation, each taken apart once."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self._kept: dict[_Key, tuple[int, Turn, Said]] = {}

    def likely(self, text: str) -> list[_Key]:
        """The turns that hold a text's words one after the other, then those that hold most of them."""
        lexical, catalog = self._archive.lexical, self._archive.catalog
        terms = lexical.terms(text)
        whole = catalog.turns_of(lexical.holding_phrase(text, _TURNS))
        if len(set(terms)) < _TELLING:
            opening = text[:_PATTERN_CHARS]
            words = [token.word for token in tokens_of(opening)]
            whole += [
                *catalog.turns_with(opening.split()[:_PATTERN_WORDS], _TURNS, apart=" "),
                *catalog.turns_with(words[:_PATTERN_WORDS], _TURNS, apart="%"),
            ]
        shares = lexical.shares(terms)
        most = catalog.turns_of(best(shares, 2 * _TURNS, matching(shares)).tolist())
        return list(dict.fromkeys([*whole, *most]))[: 4 * _TURNS]

    def said(self, key: _Key) -> Said:
        return self._turn(key)[2]

    def match(self, key: _Key, place: Place) -> Match:
        start, turn, said = self._turn(key)
        text = said.text[place.start : place.end]
        return Match(*key, turn.speaker, text, start + place.start, start + place.end)

    def is_by(self, key: _Key, name: str | None) -> bool:
        """Whether a turn is that person's; nobody's where nobody is asked for."""
        speaker = self._turn(key)[1].speaker
        if name is None or speaker is None:
            return False
        return name_key(name) == name_key(speaker) or speaker in self._archive.people.called(name)

    def _turn(self, key: _Key) -> tuple[int, Turn, Said]:
        if key not in self._kept:
            episode, number = key
            [(start, _, turn)] = self._archive.catalog.turns(episode, [number])
            self._kept[key] = (start, turn, Said(turn.text))
        return self._kept[key]


def _nearest(vector: NDArray[np.float32], archive: Archive) -> StoredPassage | None:
    numbers = archive.vectors.nearest(vector, 1, None).tolist()
    return next(iter(archive.catalog.passages(numbers)), None)
