"""What each stretch of an episode is for: content, a cold-open teaser, a sponsor read, the intro, the outro.

Useful for: keeping advertising and pleasantries out of the answers, and citing a teaser's words where they are really
said. Not useful for: telling a short mention of a sponsor from the conversation; in doubt a stretch is content.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from indexer.sentences import sentence_spans
from indexer.shingles import SHINGLE_WORDS, WORD, shingles, words_of
from indexer.types import Episode, Kind, Role

Span = tuple[int, int]

_TEASER_WORDS = 450
_TEASER_DISTANCE_WORDS = 150
_TEASER_SHARE = 0.6
_TEASER_MIN_WORDS = 12
_OPENING_TURNS = 6
_CLOSING_TURNS = 6
_CLOSING_SHARE = 0.9
_OUTRO_WORDS = 90
_SPONSOR_GAP = 6


def _any(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(rf"\b(?:{pattern})" for pattern in patterns), re.IGNORECASE)


_DOMAIN = r"[\w-]{1,40}(?:\.| dot )(?:com|io|dev|org|net|ai|co|fm|example)\b"
_SPONSOR_OPENING = _any(
    r"brought to you (?:today |in part )?by\b",
    r"sponsored by\b",
    r"(?:our|today['’]s|this week['’]s|the) sponsors?\b",
    r"sponsors? (?:of|for) (?:today|this|the)\b",
    r"word from\b",
    r"support(?:ed)? (?:for this \w+ comes from|by our friends)\b",
    r"thanks to our (?:friends|partners)\b",
    r"this (?:episode|show|podcast) is (?:supported|presented|made possible) by\b",
)
_SPONSOR_SIGNS = (
    re.compile(r"\bcode [A-Z0-9]{3,}\b|\buse (?:the |my |our )?(?:promo |discount )?code\b"),
    _any(r"\d{1,3} ?(?:%|percent) (?:off|discount)\b"),
    _any(r"free (?:trial|account|tier|demo|month)\b", r"for free\b", r"credit card (?:required|needed)\b"),
    _any(
        r"(?:go|head|visit|check (?:it|them|us) out|learn more|sign up|get started|find out more|book a demo)"
        rf"(?: over)?(?: to| at| on| with)? ?{_DOMAIN}"
    ),
    _any(rf"{_DOMAIN}(?:/| slash )"),
    _any(r"(?:learn more|get started|sign up|check them out|find out more|visit them) (?:today|now|at)\b"),
    _any(r"(?:back to|return to) (?:the|our|this) (?:show|conversation|interview|episode|program)\b"),
)
_INTRO = _any(
    r"welcome (?:back )?(?:to|everyone|everybody|all)\b",
    r"you(?:['’]re| are) listening to\b",
    r"i(?:['’]m| am) your host\b",
    r"(?:my|our|today['’]s) (?:guests?|co-?hosts?)\b",
    r"join(?:ed|ing) (?:me|us)?\b.{0,40}\btoday\b",
    r"i(?:['’]m| am) (?:joined|chatting|talking|speaking|here) (?:today )?(?:by|with)\b",
    r"is the (?:show|podcast)\b",
    r"this is (?:the )?\w[\w' ]{2,40}(?:podcast|show|, (?:the|a) (?:show|podcast))\b",
    r"hope you enjoy\b",
)
_OUTRO = _any(
    r"thanks? (?:you )?(?:so much |very much |all |everyone )?(?:for|to) (?:listening|tuning in|watching|joining us"
    r"|your time|coming on|being (?:here|on|with us)|joining me|chatting)\b",
    r"(?:see|catch|talk to) you (?:all |guys )?(?:next|in the next|again|soon)\b",
    r"subscribe\b",
    r"(?:rate|review) (?:us|the show|and review)\b",
    r"show notes\b",
    r"until next (?:time|week)\b",
    r"that(?:['’]s) (?:all|it) for\b",
    r"if you(?:['’]re| are)? (?:enjoy|like|liked)\w* (?:this|these|the) (?:episode|show|podcast|interviews?)\b",
)
_FAREWELL = _any(r"(?:bye|goodbye|take care|cheers|thank you|thanks|good to (?:talk|chat)|pleasure)\b")


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of a turn: (start, end) in the canonical text. `said_again_at`: where a teaser's words recur."""

    turn: int
    start: int
    end: int
    kind: Kind
    said_again_at: int | None = None


def find_segments(episode: Episode) -> list[Segment]:
    """The stretches that are not content, in order; they do not overlap. What is in none of them is content."""
    sentences = [
        [(offset + start, offset + end) for start, end in sentence_spans(turn.text)]
        for offset, turn in zip(episode.turn_offsets, episode.turns, strict=True)
    ]
    teasers = list(_teasers(episode, sentences))
    first = teasers[-1].turn + 1 if teasers else 0
    found = [*teasers]
    for segment in (*_sponsors(episode, sentences), *_intros(episode, sentences, first), *_outros(episode, sentences)):
        if not any(segment.start < other.end and other.start < segment.end for other in found):
            found.append(segment)
    return sorted(found, key=lambda segment: segment.start)


def turn_kinds(episode: Episode, segments: Sequence[Segment]) -> dict[int, Kind]:
    """The kind of each turn of which most is no content."""
    return {
        segment.turn: segment.kind
        for segment in segments
        if 2 * (segment.end - segment.start) > len(episode.turns[segment.turn].text)
    }


def with_kinds(episode: Episode) -> Episode:
    """The episode with the kind of every turn, as far as it tells by itself."""
    kinds = turn_kinds(episode, find_segments(episode))
    turns = (replace(turn, kind=kinds.get(number, turn.kind)) for number, turn in enumerate(episode.turns))
    return replace(episode, turns=tuple(turns))


def _teasers(episode: Episode, sentences: list[list[Span]]) -> Iterator[Segment]:
    """Opening turns whose words are said again later, in the order in which they stand."""
    hashes = shingles(words_of(episode.text))
    opening = np.isin(hashes, hashes[:_TEASER_WORDS])
    last_heard = {int(hashes[place]): int(place) for place in np.flatnonzero(opening)}
    start = 0
    for number, turn in enumerate(episode.turns):
        end = start + len(words_of(turn.text))
        if end > _TEASER_WORDS:
            return
        again = _said_again(hashes[start : max(start, end - SHINGLE_WORDS + 1)], last_heard, end)
        if again is not None and sentences[number]:
            first, last = sentences[number][0], sentences[number][-1]
            yield Segment(number, first[0], last[1], Kind.TEASER, _place_of_word(episode, again))
        start = end


def _said_again(hashes: NDArray[np.uint64], last_heard: dict[int, int], end: int) -> int | None:
    """The word where most of a turn's shingles recur, far enough behind it; None when they do not."""
    if len(hashes) + SHINGLE_WORDS <= _TEASER_MIN_WORDS:
        return None
    places = [
        last_heard[int(value)] - i
        for i, value in enumerate(hashes)
        if last_heard[int(value)] - end >= _TEASER_DISTANCE_WORDS
    ]
    if len(places) < _TEASER_SHARE * len(hashes):
        return None
    return max(min(places), 0)


def _place_of_word(episode: Episode, word: int) -> int:
    """Where the word of a number stands in the canonical text."""
    for offset, turn in zip(episode.turn_offsets, episode.turns, strict=True):
        count = len(words_of(turn.text))
        if word < count:
            return offset + next(islice(WORD.finditer(turn.text), word, None)).start()
        word -= count
    return len(episode.text)


def _sponsors(episode: Episode, sentences: list[list[Span]]) -> Iterator[Segment]:
    """From a sentence that names a sponsor to the last one that sells, when at least two signs stand there."""
    text = episode.text
    for number, spans in enumerate(sentences):
        i = 0
        while i < len(spans):
            if not _SPONSOR_OPENING.search(text, *spans[i]):
                i += 1
                continue
            last, signs = _sponsor_reach(text, spans, i)
            if signs >= 2:
                yield Segment(number, spans[i][0], spans[last][1], Kind.SPONSOR)
            i = last + 1


def _sponsor_reach(text: str, spans: list[Span], first: int) -> tuple[int, int]:
    last, signs = first, {-1}
    for i in range(first, len(spans)):
        if i - last > _SPONSOR_GAP:
            break
        here = {n for n, sign in enumerate(_SPONSOR_SIGNS) if sign.search(text, *spans[i])}
        if here or _SPONSOR_OPENING.search(text, *spans[i]):
            last, signs = i, signs | here
    return last, len(signs)


def _intros(episode: Episode, sentences: list[list[Span]], first: int) -> Iterator[Segment]:
    """What a host says to present the show, among the first turns: up to the last sentence that presents."""
    text = episode.text
    hosts = {speaker.name for speaker in episode.speakers if speaker.role is Role.HOST}
    for number in range(first, min(len(episode.turns), first + _OPENING_TURNS)):
        if episode.turns[number].speaker not in hosts:
            continue
        cues = [i for i, span in enumerate(sentences[number]) if _INTRO.search(text, *span)]
        if cues:
            yield Segment(number, sentences[number][0][0], sentences[number][cues[-1]][1], Kind.INTRO)
            return


def _outros(episode: Episode, sentences: list[list[Span]]) -> Iterator[Segment]:
    """From the sentence that takes leave, among the last turns, to the end of each turn."""
    first = max(len(episode.turns) - _CLOSING_TURNS, 0)
    begun = False
    text = episode.text
    for number in range(first, len(episode.turns)):
        spans = sentences[number]
        if not spans or spans[0][0] < _CLOSING_SHARE * len(text):
            continue
        cues = [
            i
            for i, span in enumerate(spans)
            if _OUTRO.search(text, *span) and len(text[span[0] : spans[-1][1]].split()) <= _OUTRO_WORDS
        ]
        if cues:
            begun = True
            yield Segment(number, spans[cues[0]][0], spans[-1][1], Kind.OUTRO)
        elif begun and len(spans) <= 4 and _FAREWELL.search(episode.turns[number].text):
            yield Segment(number, spans[0][0], spans[-1][1], Kind.OUTRO)
