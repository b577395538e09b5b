"""A person's name as references write it: which part of it is the family name.

A transcript spells a name in one piece, and how it comes apart is a guess. It is made for names in Latin, Greek and
Cyrillic letters of two words and more: the last word is the family name, with the particles in front of it. Whatever
else may be meant is left whole: one word, other scripts, digits, initials at the end, several people, an office.

What it does not know: family names that come first ("Xi Jinping"), and Spanish ones of two words without a particle.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from indexer.names import without_title

_WORD = re.compile(r"[^\W\d_][\w.'’‐‑-]*")
_SCRIPTS = ("LATIN", "GREEK", "CYRILLIC")
_SUFFIXES = frozenset("jr jr. sr sr. ii iii iv".split())
_CREDENTIALS = frozenset("phd ph.d. ph.d dphil md m.d. m.d mba jd j.d. esq esq. rn mph mbe obe cbe frs".split())
_PARTICLES = frozenset(
    "af al av bin bint da das de del della den der des di do dos du el ibn la las le los te ten ter van von zu zum "
    "zur".split()
)
# Begun with a capital letter, some of these are first names too.
_CAPITAL_PARTICLES = frozenset("Da Das De Del Della Den Der Di Dos Du El La Le St. Sta. Ste. Ten Ter Van Von".split())
_NO_NAMES = frozenset("and und et of the for from at in with".split())
_Y = "y"


@dataclass(frozen=True, slots=True)
class PersonName:
    """`whole` is the name as it was spelled. `family`, with its particles, is empty where the parts are not sure."""

    whole: str
    family: str = ""
    given: str = ""
    suffix: str = ""

    @property
    def natural(self) -> str:
        """As it is said, without titles: `Ada Lovelace Jr.`"""
        return " ".join(part for part in (self.given, self.family, self.suffix) if part) if self.family else self.whole

    @property
    def inverted(self) -> str:
        """As a list of works has it: `Lovelace, Ada, Jr.`"""
        return ", ".join(part for part in (self.family, self.given, self.suffix) if part) if self.family else self.whole

    @property
    def initials_first(self) -> str:
        """As APA has it of people who are no authors: `A. Lovelace Jr.`"""
        parts = (_initials(self.given), self.family, self.suffix)
        return " ".join(part for part in parts if part) if self.family else self.whole

    @property
    def initialed(self) -> str:
        """As APA has it: `Lovelace, A., Jr.`"""
        parts = (self.family, _initials(self.given), self.suffix)
        return ", ".join(part for part in parts if part) if self.family else self.whole

    @property
    def short(self) -> str:
        """As a sentence refers to it: `Lovelace`."""
        return self.family or self.whole


@lru_cache(maxsize=4096)
def person_name(spelled: str) -> PersonName:
    """The parts of a name.

    >>> person_name("Dr. Marguerite van der Oyelaran-Smith, PhD").inverted
    'van der Oyelaran-Smith, Marguerite'
    >>> person_name("J.R. Ilves Jr.").initialed, person_name("山田太郎").inverted
    ('Ilves, J. R., Jr.', '山田太郎')
    """
    words, suffix = _words_and_suffix(spelled)
    if len(words) < 2 or not all(_is_part(word) for word in words) or _is_initial(words[-1]):
        return PersonName(spelled)
    start = _family_start(words)
    return PersonName(spelled, " ".join(words[start:]), " ".join(words[:start]), suffix)


def _words_and_suffix(spelled: str) -> tuple[list[str], str]:
    """The words of a name without titles, and its suffix; no words where a comma says something else."""
    name, *behind = (piece.strip() for piece in spelled.split(","))
    words = _bare(name).split()
    for piece in behind:
        if piece.casefold() not in _SUFFIXES | _CREDENTIALS:
            return [], ""
        words.append(piece)
    suffix = ""
    while len(words) > 1 and words[-1].casefold() in _SUFFIXES | _CREDENTIALS:
        last = words.pop()
        if last.casefold() in _SUFFIXES:
            suffix = last
    return words, suffix


def _bare(name: str) -> str:
    while (bare := without_title(name)) != name:
        name = bare
    return name


def _is_part(spelled: str) -> bool:
    word = unicodedata.normalize("NFC", spelled)
    if _WORD.fullmatch(word) is None or any(c.isdigit() for c in word) or word.casefold() in _NO_NAMES:
        return False
    return all(unicodedata.name(c, "").startswith(_SCRIPTS) for c in word if c.isalpha())


def _is_initial(word: str) -> bool:
    return word.endswith(".")


def _family_start(words: Sequence[str]) -> int:
    """The number of the word that the family name begins with."""
    for number, word in enumerate(words[:-1]):
        if word == _Y and number >= 2:
            return number - 1
        if word in _PARTICLES:
            return number
    start = len(words) - 1
    while start > 1 and words[start - 1] in _CAPITAL_PARTICLES:
        start -= 1
    return start


def _initials(given: str) -> str:
    """
    >>> _initials("Jean-Paul M.K.")
    'J.-P. M. K.'
    """
    words = unicodedata.normalize("NFC", given).replace(".", ". ").split()
    return " ".join("-".join(f"{part[0]}." for part in re.split("[-‐‑]", word) if part) for word in words)
