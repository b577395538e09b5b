"""Which heads of a file name speakers: one line cannot tell, all of them together can.

"Lightning: a network" and "Lena: a network" look alike. A label is believed when the metadata names that person, when
it is emphasised or stands beside a time, or when it comes again at the start of paragraphs; one that comes once must
stand where a turn would begin in that file, and its words must not be everyday words of the same text. Lower-case
handles and names with a comma need more of the same. Page headers such as "Date: May 14" are never labels.

What it does not do: know names. "Second Point: we …" ten times over would be taken for somebody called Second Point.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from functools import cached_property
from typing import NamedTuple

from indexer.heads import Head, Stamp, label_key, starts_with_time, time_alone
from indexer.labels import is_label
from indexer.lines import Line
from indexer.types import Person

QUESTION, ANSWER = frozenset({"q", "q.", "question"}), frozenset({"a", "a.", "answer"})
ROLE_KEYS = frozenset("host co-host cohost guest interviewer interviewee moderator speaker".split())
HEADER_KEYS = ROLE_KEYS | frozenset(
    "hosts guests speakers participants title date show podcast episode topic location url link links source sources "
    "media website duration length language recorded published author authors editor producer transcript transcriber "
    "transcription subject to cc summary description tags keywords category format resources references notes chapters "
    "timestamps disclaimer correction update takeaways tema fecha ubicación".split()
)
_HEADER = re.compile(
    r"(?:transcri\w{1,12}|edited|recorded|published|translated|hosted|produced) (?:completed )?(?:by|on|at|por)\b"
)
_QUOTES = ('"', "“", "'", "‘", "«")
_VOICE = re.compile(
    r"(?:audience|attendee|caller|emcee|moderator|narrator|announcer|questioner|unknown|unidentified"
    r"|(?:new |fe?male )?speaker)(?:\b|_)"
)
_WORD = re.compile(r"[$@]?[^\W\d_][\w.’'\-]*")
_HANDLE = re.compile(r"[$@]?[^\W\d_][\w.\-]{1,24}")
_ABBREVIATED = re.compile(r"(?P<name>.{2,45}?) \((?P<short>[\w.]{1,12})\)")

Sighting = tuple[int, Head]


class _Habits(NamedTuple):
    """How the labels that are believed are spelled in a file, and whether they open most of its paragraphs."""

    marked: bool
    stamps: Counter[Stamp]
    mostly_alone: bool
    mostly_styled: bool
    mostly_labelled: bool
    in_capitals: bool
    first_names: frozenset[str]


def accepted_labels(
    lines: Sequence[Line], heads: Sequence[Head | None], people: Collection[Person], *, trusting: bool = False
) -> frozenset[str]:
    """The keys (see `label_key`) of the heads that name speakers. `heads`: those of `lines`, None for lines without.

    Args:
        trusting: where nothing proves any label, believe every name with a colon that opens a paragraph.
    """
    evidence = _Evidence(lines, heads, people)
    return evidence.accepted() or (evidence.possible() if trusting else frozenset())


def header_key(head: Head) -> bool:
    """True for what names a fact about the page, not a speaker: "Date", "Transcript by"."""
    return head.key in HEADER_KEYS or _HEADER.match(head.key) is not None


def is_link(words: str) -> bool:
    """True for addresses and nothing else."""
    return words.lstrip("<").startswith(("http://", "https://")) and all(
        word.startswith(("http://", "https://")) for word in words.replace("<", " ").replace(">", " ").split()
    )


class _Evidence:
    def __init__(self, lines: Sequence[Line], heads: Sequence[Head | None], people: Collection[Person]) -> None:
        self._lines = lines
        self._heads = heads
        self._names = frozenset(label_key(person.name) for person in people)
        self._known = frozenset(key for person in people for key in spellings(person.name))
        self._seen: dict[str, list[Sighting]] = {}
        for index, head in enumerate(heads):
            if head and (head.colon or head.stamp) and not is_link(head.words) and not self._is_in_sentence(head):
                self._seen.setdefault(head.key, []).append((index, head))
        self._compact = self._is_compact()

    def accepted(self) -> frozenset[str]:
        recurring = {key for key in self._seen if self._recurs(key)}
        styled = sum(_is_styled(head) for key in recurring for _, head in self._seen[key])
        mostly_styled = styled * 2 > sum(len(self._seen[key]) for key in recurring)
        if mostly_styled:
            recurring = {
                key for key in recurring if any(_is_styled(head) for _, head in self._seen[key]) or self._is_likely(key)
            }
        if not recurring:
            return frozenset(self._roles_alone() or self._bare_names())
        first = min(self._seen[key][0][0] for key in recurring)
        accepted = recurring | {key for key in self._seen if _is_abbreviated(key, recurring)}
        habits = self._habits(accepted, mostly_styled)
        once = {key for key in self._seen.keys() - accepted if self._stands_like(key, habits)}
        roles = {key for key in ROLE_KEYS & self._seen.keys() if len(self._opening(key, after=first)) >= 2}
        return frozenset(accepted | once | roles)

    def possible(self) -> frozenset[str]:
        return frozenset(
            key
            for key in self._seen
            if any(head.colon and is_label(head.label) and not header_key(head) for _, head in self._opening(key))
        )

    def _recurs(self, key: str) -> bool:
        """True for a label that its own sightings prove, or the metadata."""
        sightings = self._seen[key]
        label = sightings[0][1].label
        if header_key(sightings[0][1]):
            return False
        opening = sum(head.colon for _, head in self._opening(key))
        if key in QUESTION | ANSWER:
            return opening >= 2
        marked = sum(head.marked and head.colon for _, head in sightings)
        stamped = sum(bool(head.stamp) and self._has_words(index, head) for index, head in sightings)
        both = any(head.marked and head.colon and head.stamp for _, head in sightings)
        if key in self._names or (key in self._known and is_label(label)):
            return marked + stamped + opening > 0
        if is_label(label):
            certain = stamped > 0 and any(head.colon and head.stamp for _, head in sightings)
            return marked > 0 or stamped >= 2 or certain or opening >= 2
        if _HANDLE.fullmatch(label):
            return max(marked, stamped) >= 2
        return marked >= 2 or (both and label[0].isupper())

    def _is_in_sentence(self, head: Head) -> bool:
        """True for "Yeah [08:15] it was" where names are emphasised: a time between words, and no name."""
        is_bare = not head.marked and not (head.colon and is_label(head.label))
        return is_bare and self._has_marked_labels and head.key not in self._known

    @cached_property
    def _has_marked_labels(self) -> bool:
        return any(head and head.marked and head.colon and is_label(head.label) for head in self._heads)

    def _is_likely(self, key: str) -> bool:
        """True for whom metadata names, for voices such as `Audience`, and for what are no everyday words."""
        return key in self._known or _VOICE.match(key) is not None or not self._is_everyday(key)

    def _habits(self, accepted: set[str], mostly_styled: bool) -> _Habits:
        models = [head for key in accepted for _, head in self._seen[key]]
        paragraphs = [
            index
            for index, line in enumerate(self._lines)
            if self._may_open(index) and not line.level and time_alone(line.text) is None
        ]
        labelled = sum((head := self._heads[index]) is not None and head.key in accepted for index in paragraphs)
        return _Habits(
            marked=any(head.marked for head in models),
            stamps=Counter(head.stamp for head in models),
            mostly_alone=sum(not head.words for head in models) * 2 > len(models),
            mostly_styled=mostly_styled,
            mostly_labelled=labelled * 2 >= len(paragraphs),
            in_capitals=any(head.label.isupper() and " " in head.label for head in models),
            first_names=frozenset(key.split()[0] for key in accepted),
        )

    def _stands_like(self, key: str, habits: _Habits) -> bool:
        """True for a label of few sightings that stands where the file's turns begin."""
        opening = self._opening(key)
        if not opening or header_key(opening[0][1]):
            return False
        index, head = opening[0]
        if not is_label(head.label):
            return len(opening) >= 3 and self._is_handle(key)
        if head.marked:
            return habits.marked
        if head.stamp:
            return habits.stamps[head.stamp] >= 2 and self._has_words(index, head)
        if not self._is_likely(key) or head.words.startswith(_QUOTES):
            return False
        if key.partition(" (")[0].split()[-1] in habits.first_names:
            return True  # "LENA ORTIZ (HOST)" where ORTIZ speaks
        if head.label.isupper() and " " in key and not habits.in_capitals:
            return False  # "MORE IMPORTANTLY: …" is loud, and no name where names are spelled otherwise
        if " " in key or key in habits.first_names or _VOICE.match(key):
            return True
        alike = not head.words if habits.mostly_alone else habits.mostly_labelled
        return alike and not habits.mostly_styled

    def _roles_alone(self) -> set[str]:
        """`Host:` and `Guest:` where no other label stands: speakers when they alternate."""
        roles = {key for key in ROLE_KEYS & self._seen.keys() if self._opening(key)}
        return roles if len(roles) >= 2 and sum(len(self._seen[key]) for key in roles) > len(roles) else set()

    def _bare_names(self) -> set[str]:
        """`**Lena Ortiz**` alone above the words, where no label has a colon or a time."""
        counts = Counter(
            head.key
            for index, head in enumerate(self._heads[:-1])
            if head and head.marked and is_label(head.label) and not header_key(head) and self._heads[index + 1] is None
        )
        return set(counts) if sum(count >= 2 for count in counts.values()) >= 2 else set()

    def _is_handle(self, key: str) -> bool:
        """True for `roasbeef`, which is more often a label than a word, and for `Lena Ortiz, MIT`."""
        label = self._seen[key][0][1].label
        if "," in label:
            return all(is_label(part.strip()) for part in label.split(","))
        return _HANDLE.fullmatch(label) is not None and self._words[label] <= 2 * len(self._seen[key])

    def _opening(self, key: str, after: int = -1) -> list[Sighting]:
        return [(index, head) for index, head in self._seen[key] if index > after and self._may_open(index)]

    def _may_open(self, index: int) -> bool:
        """True where a turn may begin: not inside a paragraph, unless turns follow each other line by line."""
        if self._lines[index].opens or self._compact or index == 0:
            return True
        above = self._lines[index - 1]
        return above.level > 0 or time_alone(above.text) is not None

    def _has_words(self, index: int, head: Head) -> bool:
        """True where words follow the head, so that it is no line of a list of chapters."""
        if head.words:
            return True
        if index + 1 >= len(self._lines):
            return False
        below = self._heads[index + 1]
        if below is None:
            return not starts_with_time(self._lines[index + 1].text)
        return not below.stamp or bool(below.words)

    def _is_compact(self) -> bool:
        """True where turns follow each other line by line."""
        places = [
            index
            for sightings in self._seen.values()
            if len(sightings) >= 2 and is_label(sightings[0][1].label)
            for index, _ in sightings
            if index
        ]
        return sum(not self._lines[index].opens for index in places) * 2 > len(places)

    def _is_everyday(self, key: str) -> bool:
        """True where the text uses the label's words as everyday words: in small letters, beside the label itself."""
        sightings = self._seen[key]
        label = sightings[0][1].label
        words = [word for word in _WORD.findall(key) if len(word) > 1]
        return bool(words) and all(self._words[word] > (len(sightings) if word in label else 0) for word in words)

    @cached_property
    def _words(self) -> Counter[str]:
        return Counter(word.rstrip(".-’'") for line in self._lines for word in _WORD.findall(line.text))


def _is_styled(head: Head) -> bool:
    """True for a label that is emphasised, or stands beside a time."""
    return (head.marked and head.colon) or bool(head.stamp)


def _is_abbreviated(key: str, accepted: Collection[str]) -> bool:
    """True for "Lena Ortiz (LO)" where LO speaks, or Lena Ortiz."""
    match = _ABBREVIATED.fullmatch(key)
    return match is not None and (match["short"] in accepted or match["name"] in accepted)


def spellings(name: str) -> Iterable[str]:
    """The keys under which a person whom metadata names may speak: in full, by each name, by initials."""
    words = name.split()
    yield label_key(name)
    if len(words) > 1:
        yield words[0].casefold()
        yield words[-1].casefold()
        yield "".join(word[0] for word in words).casefold()
