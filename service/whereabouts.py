"""Where the words of a retired id are now: moved, edited or gone.

- `moved`: they stand word for word, blanks aside, and the same person says them.
- `edited`: most of them stand at the same place of the episode, with words changed, with another speaker, or with
  somebody else's turn in between.
- `gone`: neither, or what they were was forgotten.

They are looked for in their own episode, in the one that is kept in its stead if it is a double, and in those that go
on from it: episodes that hold most of what stood around them. The same sentence in an unrelated episode is another
sentence. The place is known by the nearest neighbours that still stand.
"""

from __future__ import annotations

import difflib
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import chain, pairwise

from indexer.catalog import StoredPassage
from indexer.names import name_key
from indexer.retired import FormerPassage, Retired
from indexer.types import TURN_SEPARATOR, Turn
from service.archive import Archive
from service.matching import Said
from service.words import tokens_of

Span = tuple[int, int]

# Neighbours asked on each side: for the place, and for whether an episode goes on from another.
_REACH = 6
_ASKED_FOR_EPISODES = 2
_HITS = 10
_EPISODES = 5
_GRAM = 5
_GOES_ON = 0.5
# Between neighbours that stand, anything like enough will do; without them, only what can hardly be by chance.
_UNMISTAKABLE = 0.75
_UNMISTAKABLE_WORDS = 12
_ROOM = 4
_SPARE_CHARS = 400
_SAME_SPEAKER = 0.2


class Status(StrEnum):
    CURRENT = "current"
    MOVED = "moved"
    EDITED = "edited"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Stretch:
    """Words within one turn: (start, end) in the canonical text."""

    turn: int
    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Change:
    """Words that stood and those that stand in their place; equal where nothing was changed."""

    was: str
    now: str


@dataclass(frozen=True, slots=True)
class Now:
    """One person's words in one episode; several stretches where something stands between. `passages` hold them."""

    episode: int
    speaker: str | None
    stretches: tuple[Stretch, ...]
    passages: tuple[StoredPassage, ...]


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """`now` is None for what is gone; `diff` is of what was edited."""

    status: Status
    now: Now | None = None
    diff: tuple[Change, ...] = ()


def whereabouts(retired: Retired, archive: Archive) -> Whereabouts:
    """Where the words of a retired id are now."""
    if retired.was is None:
        return Whereabouts(Status.GONE)
    return _Looking(retired.was, archive).answer()


@dataclass(frozen=True, slots=True)
class _Room:
    """Where in a text the words must be; `is_known`: by neighbours that stand there."""

    start: int
    end: int
    is_known: bool

    def holds(self, span: Span) -> bool:
        return self.start <= span[0] and span[1] <= self.end


class _Text:
    """An episode's canonical text with its turns."""

    def __init__(self, episode: int, archive: Archive) -> None:
        self.episode = episode
        self.turns: list[tuple[int, int, Turn]] = archive.catalog.turns(episode)
        self.text = TURN_SEPARATOR.join(turn.text for _, _, turn in self.turns)
        self._called = {
            voice.name: {name_key(name) for name in (voice.name, *voice.aliases)}
            for voice in archive.voices_of[episode]
            if voice.name
        }

    def called(self, speaker: str) -> set[str]:
        """What one of its speakers is called, as `name_key` gives it."""
        return self._called[speaker]

    def is_unbroken(self, stretches: Sequence[Stretch]) -> bool:
        """Whether nothing but blanks stands between some stretches."""
        return all(not self.text[one.end : other.start].strip() for one, other in pairwise(stretches))

    def verbatim(self, words: str) -> list[Span]:
        """Where some words stand, whatever blanks are between them, and not inside of other words."""
        pattern = r"\s+".join(map(re.escape, words.split()))
        if any(map(str.isspace, words)):
            pattern = rf"(?<!\w){pattern}(?!\w)"
        return [match.span() for match in re.finditer(pattern, self.text)]

    def stretches(self, span: Span) -> list[tuple[Turn, Stretch]]:
        """A span, turn by turn."""
        found = []
        for number, (start, end, turn) in enumerate(self.turns):
            first, last = max(start, span[0]), min(end, span[1])
            if first < last:
                found.append((turn, Stretch(number, first, last, self.text[first:last])))
        return found


class _Looking:
    """The search for one id's words."""

    def __init__(self, was: FormerPassage, archive: Archive) -> None:
        self._was, self._archive = was, archive
        self._texts: dict[int, _Text] = {}

    def answer(self) -> Whereabouts:
        own = self._own_episodes()
        found = self._moved(own, at_its_place=True) or self._edited(own)
        if found:
            return found
        others = [number for number in self._going_on() if number not in own]
        return (
            self._moved(others, at_its_place=True)
            or self._edited(others)
            or self._moved([*own, *others], at_its_place=False)
            or Whereabouts(Status.GONE)
        )

    def _own_episodes(self) -> list[int]:
        """The numbers of the episode, if it is there, and before it of the one that is kept in its stead."""
        by_id = {row.id: row for row in self._archive.catalog.episodes}
        row = by_id.get(self._was.episode.id) if self._was.episode else None
        if row is None:
            return []
        kept = by_id.get(row.duplicate_of) if row.duplicate_of else None
        return [kept.number, row.number] if kept else [row.number]

    def _moved(self, episodes: Iterable[int], *, at_its_place: bool) -> Whereabouts | None:
        """The words in the first episode that holds them.

        Args:
            at_its_place: between the neighbours where these stand, and not where another passage of its own episode
                says the same: that has an id of its own.
        """
        for text in map(self._text, episodes):
            spans = [span for span in text.verbatim(self._was.text) if self._is_by_same(text, span)]
            if spans and at_its_place:
                room, taken = self._room(text), self._places_of_others(text)
                spans = [span for span in spans if span not in taken and (not room.is_known or room.holds(span))]
            if spans:
                span = min(spans, key=lambda span: abs(span[0] - self._was.char_start))
                return Whereabouts(Status.MOVED, self._now(text, [part for _, part in text.stretches(span)]))
        return None

    def _edited(self, episodes: Iterable[int]) -> Whereabouts | None:
        """What is most like the words, in the first episode that holds anything like them."""
        for text in map(self._text, episodes):
            found = self._likest(text)
            if found:
                stretches = found[1]
                now = self._now(text, stretches)
                diff = _diff(self._was.text, stretches)
                is_whole = all(change.was == change.now for change in diff) and text.is_unbroken(stretches)
                if is_whole and self._is_same(now.speaker, text):
                    return Whereabouts(Status.MOVED, now)
                return Whereabouts(Status.EDITED, now, diff)
        return None

    def _likest(self, text: _Text) -> tuple[float, list[Stretch]] | None:
        """How like, and where: one person's words between their neighbours, whatever stands in between."""
        room = self._room(text)
        is_narrow = room.is_known and room.end - room.start <= _ROOM * len(self._was.text) + _SPARE_CHARS
        inside = text.stretches((room.start, room.end))
        found: list[tuple[float, list[Stretch]]] = []
        for voice in dict.fromkeys(turn.speaker for turn, _ in inside):
            same = self._is_same(voice, text)
            if not same and not is_narrow:
                continue
            parts = [part for turn, part in inside if turn.speaker == voice]
            place = Said(" ".join(part.text for part in parts)).nearest(self._was.text)
            if place and (is_narrow or self._is_unmistakable(place.alike)):
                found.append((place.alike + _SAME_SPEAKER * same, _cut(parts, place.start, place.end)))
        return max(found, key=lambda entry: entry[0], default=None)

    def _is_unmistakable(self, alike: float) -> bool:
        return alike >= _UNMISTAKABLE and len(self._was.text.split()) >= _UNMISTAKABLE_WORDS

    def _is_by_same(self, text: _Text, span: Span) -> bool:
        speakers = {turn.speaker for turn, _ in text.stretches(span)}
        return len(speakers) == 1 and self._is_same(speakers.pop(), text)

    def _is_same(self, speaker: str | None, text: _Text) -> bool:
        """Whether who speaks now is who spoke; nobody was claimed to where nobody was named."""
        was = self._was.speaker
        if was is None or speaker is None:
            return was is None
        return name_key(was) in text.called(speaker)

    def _is_own(self, text: _Text) -> bool:
        episode = self._was.episode
        return episode is not None and self._archive.catalog.episodes[text.episode].id == episode.id

    def _places_of_others(self, text: _Text) -> set[Span]:
        if not self._is_own(text):
            return set()
        passages = [stored.passage for stored in self._archive.catalog.passages_of(text.episode)]
        return {(p.char_start, p.char_end) for p in passages if p.text == self._was.text}

    def _room(self, text: _Text) -> _Room:
        """What lies between the nearest neighbours that stand in a text."""
        before = next((end for _, end in self._standing(text, after=False)), None)
        after = next((start for start, _ in self._standing(text, after=True)), None)
        start, end = before or 0, len(text.text) if after is None else after
        if start >= end:
            return _Room(0, len(text.text), is_known=False)
        was_first, was_last = self._was.before is None, self._was.after is None
        is_known = (before is not None or was_first) and (after is not None or was_last)
        if was_first and was_last:
            is_known = self._is_own(text)
        return _Room(start, end, is_known)

    def _standing(self, text: _Text, *, after: bool) -> Iterator[Span]:
        """Where neighbours on one side stand, the nearest first; words that stand twice tell nothing."""
        for neighbour in self._neighbours(after=after):
            if isinstance(neighbour, StoredPassage):
                if neighbour.episode == text.episode:
                    yield neighbour.passage.char_start, neighbour.passage.char_end
            elif len(places := text.verbatim(neighbour.text)) == 1:
                yield places[0]

    def _neighbours(self, *, after: bool) -> Iterator[StoredPassage | FormerPassage]:
        """The passages that stood on one side, the nearest first, as they are now or were last."""
        passage_id = self._was.after if after else self._was.before
        for _ in range(_REACH):
            if passage_id is None:
                return
            live = self._archive.catalog.passages_by_id([passage_id])
            if live:
                yield live[0]
                return
            found = self._archive.retired.find([passage_id]).get(passage_id)
            if found is None or found.was is None:
                return
            yield found.was
            passage_id = found.was.after if after else found.was.before

    def _going_on(self) -> list[int]:
        """The episodes that hold most of what stood around the words, those first that hold most of it."""
        around = [[n for n in self._neighbours(after=after) if isinstance(n, FormerPassage)] for after in (False, True)]
        near = [neighbour.text for side in around for neighbour in side[:_ASKED_FOR_EPISODES]]
        likely: Counter[int] = Counter()
        for words in (self._was.text, *near):
            likely.update(self._episodes_with(words))
        grams = set(chain.from_iterable(_grams(neighbour.text) for side in around for neighbour in side))
        likeliest = sorted(likely, key=lambda number: (-likely[number], number))[:_EPISODES]
        held = {number: self._share_held(number, grams) for number in likeliest}
        return sorted((n for n in likeliest if held[n] >= _GOES_ON), key=lambda number: -held[number])

    def _episodes_with(self, words: str) -> set[int]:
        lexical = self._archive.lexical
        return set(self._archive.columns.episode[lexical.matched(lexical.terms(words)).best(_HITS)].tolist())

    def _share_held(self, episode: int, grams: set[tuple[str, ...]]) -> float:
        """How much of what stood around an episode holds; where nothing did, the words themselves decide."""
        if grams:
            return len(grams.intersection(_grams(self._text(episode).text))) / len(grams)
        return float(self._was.before is None and self._was.after is None)

    def _now(self, text: _Text, stretches: Sequence[Stretch]) -> Now:
        passages = tuple(
            stored
            for stored in self._archive.catalog.passages_of(text.episode)
            if any(s.start < stored.passage.char_end and stored.passage.char_start < s.end for s in stretches)
        )
        return Now(text.episode, text.turns[stretches[0].turn][2].speaker, tuple(stretches), passages)

    def _text(self, episode: int) -> _Text:
        if episode not in self._texts:
            self._texts[episode] = _Text(episode, self._archive)
        return self._texts[episode]


def _grams(text: str) -> Iterator[tuple[str, ...]]:
    words = [token.word for token in tokens_of(text)]
    return zip(*(words[i:] for i in range(_GRAM)), strict=False)


def _cut(parts: Sequence[Stretch], start: int, end: int) -> list[Stretch]:
    """What lies from `start` to `end` of some stretches put one after the other, with the signs around the words."""
    found = []
    position = 0
    for part in parts:
        first, last = max(start, position) - position, min(end, position + len(part.text)) - position
        if first < last:
            while last < len(part.text) and _is_sign(part.text[last]):
                last += 1
            while first > 0 and _is_sign(part.text[first - 1]):
                first -= 1
            found.append(Stretch(part.turn, part.start + first, part.start + last, part.text[first:last]))
        position += len(part.text) + 1
    return found


def _is_sign(char: str) -> bool:
    return not char.isspace() and not char.isalnum()


def _diff(was: str, stretches: Sequence[Stretch]) -> tuple[Change, ...]:
    old, new = was.split(), [word for part in stretches for word in part.text.split()]
    steps = difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
    return tuple(Change(" ".join(old[a:b]), " ".join(new[c:d])) for _, a, b, c, d in steps)
