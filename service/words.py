"""The words of a text as they are compared, and which of them may be left out of a quotation.

Case, the shape of apostrophes and dashes, hyphens, blanks, accents written as one sign or two, soft hyphens and the
commas in 1,000 make no difference; a minus in front of a number, its currency and its % do.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

_LETTER = r"[^\W_][\u0300-\u036f\u00ad\u200b-\u200d\u2060]*"
_TOKEN = re.compile(
    r"(?<![^\W_])(?:[^\W\d_]\.){2,}(?:[^\W\d_](?![^\W_]))?"  # U.S., e.g., U.S.A
    r"|(?:(?<![\w\-–—−.,%)])[-−](?=[$€£¥]?\d))?[$€£¥]?"
    rf"(?:{_LETTER})+(?:(?:['’ʼ‘`´′](?=[^\W\d_])|(?<=\d)[.,](?=\d))(?:{_LETTER})+)*(?:%|\+\+|\#(?![\w#]))?"
)
_APOSTROPHES = str.maketrans(dict.fromkeys("’ʼ‘`´′", "'") | {"−": "-"})
_UNSEEN = re.compile(r"[\u00ad\u200b-\u200d\u2060]")
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
_INITIALS = re.compile(r"(?:[^\W\d_]\.)+[^\W\d_]?")

_NEGATIONS = frozenset(
    "no not never none nobody nothing nowhere neither nor without cannot hardly barely scarcely rarely seldom".split()
)
_HEDGES = frozenset(
    "maybe perhaps probably possibly potentially presumably might may could should would seems seem seemed appears "
    "appear almost nearly some sometimes occasionally often usually typically generally largely partly mostly most "
    "many few roughly about around approximately somewhat think thought believe guess suppose suspect likely unlikely "
    "kind sort apparently arguably only always all if unless except until".split()
)
# Hedges that soften all that follows them.
_SOFTENING = frozenset(
    "maybe perhaps probably possibly potentially presumably apparently arguably allegedly supposedly usually typically "
    "generally sometimes occasionally often mostly almost nearly".split()
)
# In front of a number.
_BOUNDING = frozenset(
    "about around roughly approximately circa under over above below nearly almost least most than to only maybe some "
    "another".split()
)
# Behind a verb.
_DENYING = frozenset("nothing nobody none nowhere no neither".split())
_NUMBERS = frozenset(
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety hundred hundreds thousand thousands "
    "million millions billion billions trillion half third quarter double twice once dozen percent".split()
)
_FILLERS = frozenset("um umm uh uhm er erm ah hmm mm mhm".split())
_FILLER_PAIRS = frozenset((("you", "know"), ("i", "mean")))
# Fillers where commas set them off alone.
_SET_OFF = frozenset("well like oh okay ok".split())
_JOINING = frozenset("and but so or because well like".split())
_SOUNDS = frozenset(
    "laugh laughs laughing laughter chuckle chuckles chuckling applause pause pauses sigh sighs sighing music cough "
    "coughs coughing clears".split()
)
_NOTE = re.compile(r"[\[({]([^\[\](){}\n]{1,60})[\])}]")
_SENTENCE_END = re.compile(r"[.?!]")
_STOP = re.compile(r"[.,;:?!—–\-()\[\]…\"“”]")


@dataclass(frozen=True, slots=True)
class Token:
    word: str
    start: int
    end: int


def tokens_of(text: str) -> list[Token]:
    """The words of a text as they are compared, and where they stand."""
    return [Token(compared(match[0]), match.start(), match.end()) for match in _TOKEN.finditer(text)]


def words_of(text: str) -> list[str]:
    """The words of a text as they are compared."""
    return list(map(compared, _TOKEN.findall(text)))


@lru_cache(maxsize=1 << 16)
def compared(word: str) -> str:
    """A word of a text as it is compared.

    >>> compared("Don’t"), compared("1,000"), compared("U.S.")
    ("don't", '1000', 'us')
    """
    if word.isalpha() and word.isascii():
        return word.casefold()
    if not word.isascii():
        word = unicodedata.normalize("NFKC", _UNSEEN.sub("", word).translate(_APOSTROPHES))
    if _INITIALS.fullmatch(word):
        word = word.replace(".", "")
    return _THOUSANDS.sub("", word).casefold()


def folded(text: str) -> str:
    """A text in which each compared word of plain letters occurs, unless it is short: U.S. is compared as "us"."""
    return (text if text.isascii() else unicodedata.normalize("NFKC", _UNSEEN.sub("", text))).casefold()


def is_negation(word: str) -> bool:
    return word in _NEGATIONS or word.endswith("n't")


def is_number(word: str) -> bool:
    return word in _NUMBERS or any(map(str.isdigit, word))


def is_softening(word: str) -> bool:
    """A hedge whose sentence says more without it, wherever a quotation begins."""
    return word in _SOFTENING


def is_bounding(word: str) -> bool:
    """What makes the number behind it larger, smaller or uncertain: under two percent, more than three."""
    return word in _BOUNDING


def is_denying(word: str) -> bool:
    """What denies the words in front of it: they got nothing."""
    return word in _DENYING


def is_weighty(word: str) -> bool:
    """A negation, a number, a hedge or a condition: what may not be left out, put in or replaced."""
    bare = word.split("'", maxsplit=1)[0]
    return is_negation(word) or bare in _HEDGES | _SOFTENING or is_number(bare)


def stops_of(text: str, tokens: Sequence[Token]) -> list[str]:
    """The ends of sentences between some words of a text."""
    return [sign for before, after in pairwise(tokens) for sign in _SENTENCE_END.findall(text, before.end, after.start)]


def skips_of(text: str, tokens: Sequence[Token]) -> list[int]:
    """For each word of what was said: how many words from there on are fillers, stammers or noted sounds; mostly 0."""
    skips = [0] * len(tokens)
    _mark_sounds(skips, text, tokens)
    last: int | None = None
    next_word = 0
    for i in range(len(tokens)):
        if skips[i] or i < next_word:
            continue
        skips[i] = _filler(text, tokens, i) or _stammer(text, tokens, last, i)
        if skips[i]:
            next_word = i + skips[i]
        else:
            last = i
    return skips


def is_filler(word: str) -> bool:
    """A sound of hesitation."""
    return word in _FILLERS


def _mark_sounds(skips: list[int], text: str, tokens: Sequence[Token]) -> None:
    for note in _NOTE.finditer(text):
        first = bisect_left(tokens, note.start(), key=lambda token: token.start)
        end = bisect_left(tokens, note.end(), key=lambda token: token.start)
        if first < end and tokens[first].word in _SOUNDS:
            for i in range(first, end):
                skips[i] = end - i


def _filler(text: str, tokens: Sequence[Token], i: int) -> int:
    """How many words the filler at a place has; 0 where there is none."""
    token = tokens[i]
    if token.word in _FILLERS:
        return 0 if text[token.start : token.end] == "ER" else 1
    if token.word in _SET_OFF and _stop_before(text, tokens, i) and _stop_after(text, tokens, i):
        return 1
    if i + 1 < len(tokens) and (token.word, tokens[i + 1].word) in _FILLER_PAIRS and _stop_after(text, tokens, i + 1):
        joined = i > 0 and tokens[i - 1].word in _JOINING
        return 2 if joined or _stop_before(text, tokens, i) else 0
    return 0


def _stammer(text: str, tokens: Sequence[Token], last: int | None, i: int) -> int:
    """1 where a word is said once more; `last`: the word before that is no filler."""
    if last is None or tokens[last].word != tokens[i].word or is_weighty(tokens[i].word):
        return 0
    return 0 if _SENTENCE_END.search(text, tokens[last].end, tokens[i].start) else 1


def _stop_before(text: str, tokens: Sequence[Token], i: int) -> bool:
    return i == 0 or _STOP.search(text, tokens[i - 1].end, tokens[i].start) is not None


def _stop_after(text: str, tokens: Sequence[Token], i: int) -> bool:
    return i + 1 == len(tokens) or _STOP.search(text, tokens[i].end, tokens[i + 1].start) is not None
