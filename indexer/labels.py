"""Is this piece of text the name of whoever speaks next, or the start of a sentence?"""

from __future__ import annotations

import re
import unicodedata

_PARTICLES = frozenset("de da di do dos del der den van von bin ibn al el la le du of the and y e".split())
_NEVER_NAMES = frozenset(
    "a again also although and answer as because but example finally first for from here how however i if in it like "
    "look meanwhile next no note now ok okay on one or p.s ps q question quote remember second since so still that the "
    "then there third this though today tomorrow warning well what when where which while who why yeah yes yesterday "
    "you".split()
)
_WORD = re.compile(r"[^\W_][\w'’.\-]*|\([\w ./]{1,20}\)|&")
_JOINED_PARTICLE = re.compile(r"(?:d|l|al|el)['’\-](?=[^\W\d_])(?![a-z])")
_PREFIX = re.compile(r"([^:\n]{1,60}):(?:\s+|$)")


def is_label(text: str) -> bool:
    """True for what can be a speaker's name.

    >>> [is_label(t) for t in ("Ana de Souza (host)", "SPEAKER_00", "So here's the thing", "Note", "dr. who")]
    [True, True, False, False, False]
    """
    words = _without_marks(text).replace("_", " ").split()
    if not 1 <= len(words) <= 6 or len(text) > 60:
        return False
    if words[0].casefold().rstrip(".,") in _NEVER_NAMES or not _opens_name(words[0]):
        return False
    if not words[0][0].isupper() and (len(words) > 3 or len(text) > 20):
        return False
    pieces = " ".join(words)
    if "".join(_WORD.findall(pieces)).replace(" ", "") != pieces.replace(" ", ""):
        return False
    return all(_opens_name(w) or w[0].isdigit() or w[0] in "(&" or w.casefold() in _PARTICLES for w in words)


def _opens_name(word: str) -> bool:
    """A capital, or a letter of a script that has none: there, short pieces alone are taken for names."""
    return (word[0].isalpha() and not word[0].islower()) or _JOINED_PARTICLE.match(word) is not None


def _without_marks(text: str) -> str:
    """Accents and vowel signs that stand beside their letter are no letters to Python's expressions."""
    return text if text.isascii() else "".join(c for c in text if unicodedata.category(c)[0] != "M")


def split_label(text: str) -> tuple[str | None, str]:
    """A leading "Name: " and the rest; (None, text) where there is none.

    >>> split_label("Lena Ortiz: Good morning."), split_label("So here's the thing: we're behind.")
    (('Lena Ortiz', 'Good morning.'), (None, "So here's the thing: we're behind."))
    """
    match = _PREFIX.match(text)
    if match is None or not is_label(match.group(1).strip()):
        return None, text
    return match.group(1).strip(), text[match.end() :]
