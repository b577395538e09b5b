"""Whom a draft gives a quotation to.

In this order: who is named with a verb of saying, or with a dash, right behind it (“…,” says Ilse Brandvold); in front
of a colon, or as the subject of the last verb of saying, in front of it (Ilse Brandvold told Lukas: “…”); "she said":
the people named last before; who else is named in its sentence; who is named before it in its paragraph.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass

from service.not_names import is_no_name

_UPPER = r"[^\W\d_a-zß-ÿ]"
_PARTICLE = "(?:d[aeiou]s?|del|della|den|der|des|van|von|zu|zur|zum|ter|ten|la|le|el|al|af|av|bin|bint|ibn|y|e)"
_LOW = r"d['’]"
_PART = rf"(?:{_UPPER}\.|{_UPPER}(?!\w)|(?:{_LOW})?{_UPPER}[\w'’\-]{{1,30}})"
NAME = rf"{_PART}(?: (?:{_PART}|{_PARTICLE})){{0,4}} {_PART}"
_SAYS = (
    "(?:says?|said|told|tells|explain(?:s|ed)?|argue[sd]?|add(?:s|ed)?|warn(?:s|ed)?|recall(?:s|ed)?|wr(?:ites|ote)|"
    "ask(?:s|ed)?|put(?:s)? it|continue[sd]?|note[sd]?|call(?:s|ed)|repl(?:ies|ied)|answer(?:s|ed)?|claim(?:s|ed)?|"
    "believe[sd]?|thinks|thought|insist(?:s|ed)?|admit(?:s|ted)?|concede[sd]?|observe[sd]?|suggest(?:s|ed)?|"
    "remark(?:s|ed)?|point(?:s|ed) out|describe[sd]?|joke[sd]?|maintain(?:s|ed)?|stress(?:es|ed)|agree[sd]?|"
    "counter(?:s|ed)|declare[sd]?|state[sd]|respond(?:s|ed)|conclude[sd]?|reflect(?:s|ed)|quips?|quipped|contend(?:s|ed))"
)
_VERB = re.compile(rf"\b(?:{_SAYS}|[Aa]ccording to|[Ii]n the words of)\b")
_NAMED = re.compile(NAME)
_NAMED_NEXT = re.compile(rf" ({NAME})")
_LABEL = re.compile(rf"(?:^|(?<=\s))({NAME})(?=\s?(?:\([^()\n]{{0,60}}\))?:\s)", re.MULTILINE)
_SIGNED = re.compile(rf"(?:—|–|--?)\s?({NAME})")
_SHORT = re.compile(rf"(?<![\w.]){_UPPER}[\w'’\-]{{1,30}}")
_ITS_OWN = re.compile(r"['’]s?\Z")
_PART_BEFORE = re.compile(rf"({_UPPER}[\w'’.\-]{{0,30}}) \Z")
_PART_BEHIND = re.compile(rf" {_UPPER}\w")
_TO_THE_VERB = re.compile(r"(?:,? [^\n.!?\"“”]{0,60})?,? ")
_FAR = 200
_NEAR_CHARS = 60
_ONE_WORD = rf"{_UPPER}[\w'’\-]{{1,30}}"
# A single word that begins with a capital letter in the midst of a sentence, beside a verb of saying.
_ALONE_BEFORE = re.compile(rf"(?<=[a-z,;] )({_ONE_WORD})(?= (?:\w+ly )?{_SAYS}\b)")
_ALONE_BEHIND = re.compile(rf"[\"”’»'] ?,? {_SAYS} ({_ONE_WORD})(?!\w| {_UPPER})")
_PRONOUN = re.compile(rf"\b(?:he|she|they)\b[^\n.!?]{{0,30}}?\b{_SAYS}\b|\b{_SAYS} (?:he|she|they)\b", re.IGNORECASE)
_SPOKEN_BY = re.compile(
    rf"[\s,]*(?:(?P<who>he|she|they|I|we)\b[^\n.!?]{{0,20}}?\b{_SAYS}\b|{_SAYS} (?P<whom>he|she|they|I|we)\b)"
)
_VERB_BEHIND = re.compile(rf"[\s,]*(?:{_SAYS}|according to|in the words of)\b")
_OBJECT_VERBS = re.compile(r"[\s,]*(?:told|tells)\b")
_DASH_BEHIND = re.compile(r"[\s,]*(?:(?:—|–|--?)\s?|[(\[])(?:from |by )?\Z")
_OBJECT = re.compile(
    r"\b(?P<word>to|with|by|from|of|for|about|against|than|like|unlike|told|tells?|ask(?:s|ed)?|interview(?:s|ed)?|meets?|met)"
    r" (?:the |my |our |his |her |their )?(?:[a-z][\w-]{0,20} ){0,2}\Z"
)
_NAMELY = re.compile(r"\b(?:[Aa]ccording to|[Ii]n the words of) (?:the )?(?:[a-z][\w-]{0,20} ){0,2}\Z")
_AND = re.compile(r"\s(?:and|&|or)\s\Z")
_BUT = re.compile(r"\b(?:while|but|whereas|though|although|because|when|if|that|which|and)\b")
SENTENCE_END = re.compile(r"[.!?][\"”’»)]*\s+(?=[\"“‘«(]?[^\W\d_a-z])")
# Beside a name that is a word too, these say that somebody speaks: Rush said, in Rush's words, “…” (Rush).
_SPEAKS_BEHIND = re.compile(
    rf"\*{{0,2}}:| (?:\w+ly )?(?:{_SAYS}|speaks?|spoke|talks|talked)\b"
    r"|['’]s? (?:own )?(?:words|view|opinion|account|telling)\b"
)
_SPEAKS_BEFORE = re.compile(
    rf"(?:\b(?:(?:{_SAYS}|quoted|put)(?: by)?|[Aa]ccording to|[Ii]n the words of)|[—–]|[\"”»’'][.,]? ?[(\[]) ?\Z"
)
_FEWEST_LETTERS = 3
# Behind a quotation that ends a sentence, these begin the next one: “…” And Brandvold agreed.
_GOES_ON = re.compile(
    r"\s+(?:And|But|Then|Yet|Still|Later|When|While|If|Since|Although|Though|Because|Now|Meanwhile|However|Today|"
    r"Yesterday|Afterwards|Next|Even|Nor|Or|Also)\b"
)
_ENDS = re.compile(r"[.!?…][\"”’»›'\]]*\Z")


@dataclass(frozen=True, slots=True)
class _Named:
    start: int
    end: int
    name: str


class Names:
    """Where a draft names people: those that are known, by full, first and family name, and whoever speaks."""

    def __init__(
        self,
        draft: str,
        people: Collection[str],
        titles: Collection[str] = (),
        is_word: Callable[[str], bool] = lambda _: True,
    ) -> None:
        """Finds them.

        Args:
            people: full names that are known.
            titles: of works; who is named in one is not named by the draft.
            is_word: whether somebody's first or family name is a word of the language too, as Rose and Grant are, so
                that it names nobody but beside a verb of saying.
        """
        self._draft = draft
        self._taken = bytearray(len(draft))
        self._named: list[_Named] = []
        for title in titles:
            if " " in title and title not in people:
                self._add_all(title, None)
        shorter: dict[str, str | None] = {}
        for name in people:
            if self._add_all(name, name):
                _shorten(shorter, name)
        for start, end in _speakers(draft):
            if self._add(start, end, draft[start:end]):
                _shorten(shorter, draft[start:end])
        for short, whole in shorter.items():
            if whole:
                self._add_all(short, whole)
        for start, end in [*_short_names(draft, people, is_word), *_strangers(draft)]:
            self._add(start, end, draft[start:end])
        self._named.sort(key=lambda named: named.start)
        self._starts = [named.start for named in self._named]

    def of(self, start: int, end: int, around: tuple[int, int], paragraph: int) -> tuple[str, ...]:
        """Whom a quotation at a place is given to; several where one of them is meant.

        Args:
            around: how far the words beside it reach.
            paragraph: where its paragraph begins.
        """
        earlier, later = around
        stop = SENTENCE_END.search(self._draft, end, later)
        last_sentence = stop.start() + 1 if stop else later
        if _ENDS.search(self._draft, start, end) and _GOES_ON.match(self._draft, end):
            last_sentence = end
        first_sentence = max((m.end() for m in SENTENCE_END.finditer(self._draft, earlier, start)), default=earlier)
        if own := _SPOKEN_BY.match(self._draft, end, last_sentence):
            return () if (own["who"] or own["whom"]) in ("I", "we") else self._last_named(start)
        before = self._speaking_before(first_sentence, start)
        behind = self._speaking_behind(end, last_sentence)
        if before and behind and self._leads_on(behind, later):
            behind = None
        if chosen := behind or before:
            return self._with_those_beside(chosen)
        if _PRONOUN.search(self._draft, end, last_sentence) or _PRONOUN.search(self._draft, first_sentence, start):
            return self._last_named(start)
        if named := self._subject(self._between(first_sentence, start)):
            return self._with_those_beside(named)
        if (near := self._near_behind(end, last_sentence)) is not None:
            return self._with_those_beside(near)
        return tuple(dict.fromkeys(named.name for named in reversed(self._between(paragraph, start))))

    def introducing(self, start: int) -> tuple[str, ...]:
        """Who is said to speak in front of a block quote: in the paragraph before, in its last sentence first."""
        ends = start
        while ends and self._draft[ends - 1].isspace():
            ends -= 1
        above = max(0, self._draft.rfind("\n\n", 0, ends))
        sentence = max((m.end() for m in SENTENCE_END.finditer(self._draft, above, ends)), default=above)
        chosen = self._speaking_before(sentence, start) or self._subject(self._between(sentence, start))
        return self._with_those_beside(chosen) if chosen else self._last_named(start)

    def first_in(self, start: int, end: int) -> str | None:
        """The person named first in a part of the draft."""
        return next((named.name for named in self._between(start, end)), None)

    def _between(self, start: int, end: int) -> list[_Named]:
        return [n for n in self._named[bisect_left(self._starts, start) : bisect_left(self._starts, end)] if n.name]

    def _speaking_before(self, start: int, end: int) -> _Named | None:
        named = self._between(start, end)
        if not named:
            return None
        last = named[-1]
        if re.fullmatch(r"\s?(?:\([^()\n]{0,60}\))?[*_]*:[*_]*\s*", self._draft[last.end : end]):
            behind_verb = _VERB.search(self._draft, start, last.start)
            if behind_verb is None or _NAMELY.search(self._draft[max(0, last.start - _FAR) : last.start]):
                return last
        verbs = list(_VERB.finditer(self._draft, start, end))
        if not verbs:
            return self._subject(named) if re.search(r"[:,]\s*$", self._draft[start:end]) else None
        verb = verbs[-1]
        subjects = [entry for entry in named if entry.end <= verb.start()]
        if not subjects:
            return next((entry for entry in named if entry.start >= verb.end()), None)
        if re.search(r"\bwho (?:\w+ )?\Z", self._draft[subjects[-1].end : verb.start()]):
            return subjects[-1]
        if verb[0].casefold() in ("according to", "in the words of") and subjects[-1] is not last:
            return next(entry for entry in named if entry.start >= verb.end())
        return self._subject(subjects)

    def _speaking_behind(self, start: int, end: int) -> _Named | None:
        named = self._between(start, min(end, start + 2 * _NEAR_CHARS))
        if not named:
            return None
        first = named[0]
        gap = self._draft[start : first.start]
        if _VERB_BEHIND.match(gap) and len(gap) <= _NEAR_CHARS and not _OBJECT_VERBS.match(gap):
            return first
        if _DASH_BEHIND.fullmatch(gap):
            return first
        speaks = _VERB.search(self._draft, first.end, min(end, first.end + _NEAR_CHARS))
        if re.fullmatch(r"[\s,]*(?:as )?(?:the )?(?:[a-z][\w-]{0,20} ){0,2}", gap) and speaks:
            between = self._draft[first.end : speaks.start()]
            return first if _TO_THE_VERB.fullmatch(between) and not _BUT.search(between) else None
        return None

    def _leads_on(self, named: _Named, later: int) -> bool:
        """Whether somebody named behind a quotation is who says the next one."""
        return later < len(self._draft) and not _VERB.sub("", self._draft[named.end : later], count=1).strip(" ,:\n")

    def _near_behind(self, start: int, end: int) -> _Named | None:
        near = self._between(start, min(end, start + _NEAR_CHARS))
        return near[0] if near and not _BUT.search(self._draft, start, near[0].start) else None

    def _subject(self, named: Sequence[_Named]) -> _Named | None:
        """Of some people in a sentence the last who is not spoken to or of."""
        free = [entry for entry in named if not self._is_object(entry)]
        return next(reversed(free or named), None)

    def _is_object(self, named: _Named) -> bool:
        before = self._draft[max(0, named.start - _FAR) : named.start]
        return _OBJECT.search(before) is not None and _NAMELY.search(before) is None

    def _with_those_beside(self, chosen: _Named) -> tuple[str, ...]:
        """A person, and those joined by "and"."""
        place = bisect_left(self._starts, chosen.start)
        names = [chosen.name]
        for i in range(place - 1, -1, -1):
            if not _AND.fullmatch(self._draft, self._named[i].end, self._named[i + 1].start):
                break
            names.append(self._named[i].name)
        for i in range(place + 1, len(self._named)):
            if not _AND.fullmatch(self._draft, self._named[i - 1].end, self._named[i].start):
                break
            names.append(self._named[i].name)
        return tuple(dict.fromkeys(filter(None, names)))

    def _last_named(self, start: int) -> tuple[str, ...]:
        """Everybody in the last sentence before a place that names people, in its paragraph or the one before."""
        above = self._draft.rfind("\n\n", 0, max(0, self._draft.rfind("\n\n", 0, start)))
        named = self._between(max(above, 0), start)
        if not named:
            return ()
        last = named[-1]
        begins = max((m.end() for m in SENTENCE_END.finditer(self._draft, max(above, 0), last.start)), default=0)
        there = [entry for entry in named if entry.start >= begins]
        subject = self._subject(there) or last
        return tuple(dict.fromkeys([subject.name, *(entry.name for entry in reversed(there))]))

    def _add_all(self, spelled: str, name: str | None) -> bool:
        """Every place of a spelling; whether there is one. Without a name, nobody is named there."""
        if spelled not in self._draft:
            return False
        found = re.finditer(rf"(?<!\w){re.escape(spelled)}(?!\w)", self._draft)
        return sum(self._add(match.start(), match.end(), name) for match in found) > 0

    def _add(self, start: int, end: int, name: str | None) -> bool:
        if any(self._taken[start:end]):
            return False
        self._taken[start:end] = b"\1" * (end - start)
        if name:
            self._named.append(_Named(start, end, name))
        return True


def _shorten(shorter: dict[str, str | None], name: str) -> None:
    """Notes the first and the family name of a person; None where they are two people's."""
    for part in {name.split(maxsplit=1)[0], name.rsplit(maxsplit=1)[-1]} - {name}:
        if len(part) >= _FEWEST_LETTERS:
            shorter[part] = None if shorter.get(part, name) != name else name


def _speakers(draft: str) -> Iterator[tuple[int, int]]:
    """Where names stand beside a verb of saying, as a label or behind a dash."""
    for verb in _VERB.finditer(draft):
        if behind := _NAMED_NEXT.match(draft, verb.end()):
            yield from _bare_name(draft, *behind.span(1))
        for name in _NAMED.finditer(draft, max(0, verb.start() - _FAR), verb.start()):
            if _TO_THE_VERB.fullmatch(draft, name.end(), verb.start()):
                yield from _bare_name(draft, *name.span())
    for pattern in (_LABEL, _SIGNED):
        for match in pattern.finditer(draft):
            yield from _bare_name(draft, *match.span(1))


def _bare_name(draft: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """A name without the words in front of it that are none; nothing where one word is left."""
    while is_no_name(draft[start:end].split(" ", 1)[0], draft[max(0, start - _NEAR_CHARS) : start]):
        space = draft.find(" ", start, end)
        if space < 0:
            return
        start = space + 1
    if " " in draft[start:end]:
        yield start, end


def _short_names(draft: str, people: Collection[str], is_word: Callable[[str], bool]) -> Iterator[tuple[int, int]]:
    """Where first or family names of people that are known stand: beside a verb of saying, as a label or behind a dash;
    anywhere if they are no words and no part of another name.
    """
    parts = {part for name in people for part in (name.split()[0], name.split()[-1]) if len(part) > 1}
    known = parts | {part.upper() for part in parts}
    telling: dict[str, bool] = {}
    for match in _SHORT.finditer(draft):
        short = _ITS_OWN.sub("", match[0])
        if short not in known:
            continue
        end = match.start() + len(short)
        around = draft[end : end + _NEAR_CHARS]
        before = draft[max(0, match.start() - _NEAR_CHARS) : match.start()]
        if _SPEAKS_BEHIND.match(around) or _SPEAKS_BEFORE.search(before):
            yield match.start(), end
            continue
        other = _PART_BEFORE.search(before)
        if _PART_BEHIND.match(around) or (other and not is_no_name(other[1], before[: other.start()])):
            continue
        if short not in telling:
            telling[short] = len(short) >= _FEWEST_LETTERS and not is_no_name(short) and not is_word(short)
        if telling[short]:
            yield match.start(), end


def _strangers(draft: str) -> Iterator[tuple[int, int]]:
    """Where people of one name whom nobody knows speak: “…,” said Zorg."""
    for pattern in (_ALONE_BEFORE, _ALONE_BEHIND):
        for match in pattern.finditer(draft):
            if not is_no_name(match[1], draft[max(0, match.start(1) - _NEAR_CHARS) : match.start(1)]):
                yield match.span(1)
