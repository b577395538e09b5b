"""An episode to passages: consecutive whole sentences of one turn, as even as they can be, within a budget.

The budget counts tokens of the embedding model's own tokenizer, and the header is in it, so that no token is
ever truncated. A sentence longer than the budget is cut, at a comma where there is one.
"""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from indexer.episodes import flags_of
from indexer.segments import Segment
from indexer.sentences import sentence_spans, split_long
from indexer.times import Timeline
from indexer.types import Episode, Kind, Passage, Role, Turn

TokenCounter = Callable[[Sequence[str]], list[int]]
Span = tuple[int, int]

_PARAGRAPH_BREAK_BONUS = 0.1
_QUESTION_REACH = 6
_QUESTION_MIN_WORDS = 4
_QUESTION_MAX_WORDS = 80


@dataclass(frozen=True, slots=True)
class Chunking:
    """How passages are cut. `max_tokens` counts the passage's own words; the header comes on top of it."""

    max_tokens: int = 200
    header_tokens: int = 48
    min_words: int = 6


def make_passages(
    episode: Episode, segments: Sequence[Segment], chunking: Chunking, count_tokens: TokenCounter, window: int
) -> list[Passage]:
    """The passages of an episode, in order. None spans a segment's border.

    Args:
        window: tokens that the model takes beside prompt and special tokens.
    """
    roles = {speaker.name: speaker.role for speaker in episode.speakers}
    timeline = Timeline(list(zip(episode.turn_offsets, episode.turns, strict=True)))
    headers = _headers(episode, min(chunking.header_tokens, window // 3), count_tokens)
    sentences = [sentence_spans(turn.text) for turn in episode.turns]
    counts = iter(count_tokens(_texts(episode.turns, sentences)))
    seen: Counter[str] = Counter()
    passages: list[Passage] = []
    for number, (turn, offset) in enumerate(zip(episode.turns, episode.turn_offsets, strict=True)):
        sizes = [next(counts) for _ in sentences[number]]
        if len(turn.text.split()) < chunking.min_words:
            continue
        header = headers[turn.section, turn.speaker]
        budget = min(chunking.max_tokens, window - count_tokens([header])[0])
        here = [segment for segment in segments if segment.turn == number]
        for segment, spans, lengths in _stretches(sentences[number], sizes, offset, here):
            if len(turn.text[spans[0][0] : spans[-1][1]].split()) < chunking.min_words:
                continue
            for group in _fitting_groups(turn.text, header, spans, lengths, budget, window, count_tokens):
                start, end = group[0][0], group[-1][1]
                text = turn.text[start:end]
                time_s, source = timeline.at(offset + start)
                seen[text] += 1
                passages.append(
                    Passage(
                        id=_passage_id(episode.id, text, seen[text]),
                        turn=number,
                        char_start=offset + start,
                        char_end=offset + end,
                        text=text,
                        header=header,
                        sentences=tuple((offset + left, offset + right) for left, right in group),
                        speaker=turn.speaker,
                        section=turn.section,
                        kind=segment.kind if segment else Kind.CONTENT,
                        flags=tuple(dict.fromkeys((*_voice_flags(turn), *flags_of(text)))),
                        question_turn=_question_of(episode, number, roles),
                        start_s=time_s,
                        end_s=timeline.at(offset + end)[0],
                        time=source,
                        said_again_at=segment.said_again_at if segment else None,
                    )
                )
    return passages


def embedded_text(passage: Passage) -> tuple[str, tuple[Span, ...]]:
    """What is embedded for a passage, and where its sentences lie in that."""
    shift = len(passage.header) - passage.char_start
    return passage.header + passage.text, tuple((s + shift, e + shift) for s, e in passage.sentences)


def _voice_flags(turn: Turn) -> tuple[str, ...]:
    """Flags that say whose words these are, which hold for every part of a turn."""
    return tuple(flag for flag in turn.flags if turn.speaker is None and flag not in flags_of(turn.text))


def _stretches(
    spans: Sequence[Span], sizes: list[int], offset: int, segments: Sequence[Segment]
) -> Iterator[tuple[Segment | None, list[Span], list[int]]]:
    """A turn's sentences in runs that lie in one segment, or in none."""

    def segment_of(pair: tuple[Span, int]) -> Segment | None:
        start = offset + pair[0][0]
        return next((segment for segment in segments if segment.start <= start < segment.end), None)

    for segment, run in groupby(zip(spans, sizes, strict=True), segment_of):
        pairs = list(run)
        yield segment, [span for span, _ in pairs], [size for _, size in pairs]


def _texts(turns: Sequence[Turn], sentences: Sequence[Sequence[Span]]) -> list[str]:
    return [turn.text[s:e] for turn, spans in zip(turns, sentences, strict=True) for s, e in spans]


def _headers(episode: Episode, budget: int, count_tokens: TokenCounter) -> dict[tuple[str | None, str | None], str]:
    """Title, section and speaker, as one line before each passage, cut to the budget at a word."""
    headers = {}
    for section, speaker in dict.fromkeys((turn.section, turn.speaker) for turn in episode.turns):
        about = " — ".join(part for part in (episode.title, section) if part)
        voice = f"\n{speaker}: " if speaker else "\n"
        header = about + voice
        while count_tokens([header])[0] > budget and " " in about:
            about = about.rsplit(" ", 1)[0]
            header = about + voice
        fitting = (candidate for candidate in (header, voice.lstrip("\n")) if count_tokens([candidate])[0] <= budget)
        headers[section, speaker] = next(fitting, "")
    return headers


def _fitting_groups(
    text: str,
    header: str,
    spans: list[Span],
    sizes: list[int],
    budget: int,
    window: int,
    count_tokens: TokenCounter,
) -> list[list[Span]]:
    """Groups whose embedded text is known to fit: a tokenizer may count a join as more than its parts."""
    while True:
        cut, cut_sizes = _cut_long(text, spans, sizes, budget, count_tokens)
        groups = [cut[start:end] for start, end in _pack(text, cut, cut_sizes, budget)]
        whole = count_tokens([header + text[group[0][0] : group[-1][1]] for group in groups])
        if max(whole, default=0) <= window:
            return groups
        budget = budget * 3 // 4


def _cut_long(
    text: str, spans: list[Span], sizes: list[int], budget: int, count_tokens: TokenCounter
) -> tuple[list[Span], list[int]]:
    while max(sizes, default=0) > budget:
        cut = [
            piece
            for (start, end), size in zip(spans, sizes, strict=True)
            for piece in split_long(text, start, end, math.ceil(size / budget) + (size > budget))
        ]
        if len(cut) == len(spans):
            break
        spans, sizes = cut, count_tokens([text[start:end] for start, end in cut])
    return spans, sizes


def _pack(text: str, spans: list[Span], sizes: list[int], budget: int) -> list[tuple[int, int]]:
    """Ranges of sentences, each within the budget, as even as possible; a paragraph's end is a better place.

    Dynamic programming over the last break: the cost of a range is its squared relative distance from the
    even share.
    """
    if not spans:
        return []
    total = sum(sizes)
    share = total / max(1, math.ceil(total / budget))
    best = [0.0] + [math.inf] * len(spans)
    came_from = [0] * (len(spans) + 1)
    for end in range(1, len(spans) + 1):
        size = 0
        at_paragraph = end == len(spans) or "\n" in text[spans[end - 1][1] : spans[end][0]]
        for start in range(end - 1, -1, -1):
            size += sizes[start]
            if size > budget and start < end - 1:
                break
            cost = best[start] + ((size - share) / share) ** 2 - _PARAGRAPH_BREAK_BONUS * at_paragraph
            if cost < best[end]:
                best[end], came_from[end] = cost, start
    ranges = []
    end = len(spans)
    while end:
        ranges.append((came_from[end], end))
        end = came_from[end]
    return ranges[::-1]


def question_span(text: str) -> Span:
    """(start, end) of what a turn asks: its last sentences, for that is where people ask."""
    spans = sentence_spans(text)
    first, words = len(spans) - 1, 0
    for i in range(len(spans) - 1, -1, -1):
        words += len(text[slice(*spans[i])].split())
        if words > _QUESTION_MAX_WORDS and i < len(spans) - 1:
            break
        first = i
    return spans[first][0], spans[-1][1]


def _question_of(episode: Episode, number: int, roles: dict[str, Role]) -> int | None:
    """The turn that a turn replies to: the nearest one before it in which the interviewer, or the audience, asks."""
    replies = episode.turns[number]
    speaker = replies.speaker
    if (speaker is None and "answer" not in replies.flags) or roles.get(speaker or "") is Role.HOST:
        return None
    has_host = Role.HOST in roles.values()
    for earlier in range(number - 1, max(-1, number - 1 - _QUESTION_REACH), -1):
        turn = episode.turns[earlier]
        if turn.speaker is None:
            asks = turn.is_unnamed_question
        elif has_host:
            asks = roles.get(turn.speaker) is Role.HOST
        else:
            asks = "?" in turn.text
        if asks and (turn.speaker is None or turn.speaker != speaker) and len(turn.text.split()) >= _QUESTION_MIN_WORDS:
            return earlier
    return None


def _passage_id(episode_id: str, text: str, occurrence: int) -> str:
    return hashlib.sha256(f"{episode_id}\0{text}\0{occurrence}".encode()).hexdigest()[:16]
