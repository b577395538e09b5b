"""Rolling captions to captions that say every word once.

Automatic captions show a line again while the next one is spoken below it, with cues of 10 ms in between (YouTube; also
SubRip made from it, which has lost the inner times):

    00:00:01.000 --> 00:00:02.990                      00:00:01.000 --> 00:00:02.990
    we<00:00:01.400><c> sail</c>                       we<00:00:01.400><c> sail</c>
                                             unroll
    00:00:02.990 --> 00:00:03.000              ->      00:00:03.000 --> 00:00:04.990
    we sail                                            at<00:00:03.300><c> night</c>

    00:00:03.000 --> 00:00:04.990
    we sail
    at<00:00:03.300><c> night</c>

Likewise where a cue repeats the cue before and goes on ("we", "we sail", "we sail at"), and where it repeats all of it
to underline the next word (`whisper --highlight_words`). Whether a file rolls is decided from the whole of it: what a
person says twice in captions that do not roll stays. What is said twice in captions that do is known by its place.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise

from indexer.cues import Cue, has_inner_times, words_of
from indexer.types import SHOWN_AGAIN, Dropped

_FLASH_S = 0.05
_SHARE_ROLLING = 0.75
_SHARE_FLASHES = 0.4
_SHARE_HIGHLIGHTED = 0.4
_MIN_ROLLS = 3
_MOST_LINES = 8
_UNDERLINED = re.compile(r"<u>[^<]{1,200}</u>")


def unroll(cues: Sequence[Cue]) -> tuple[tuple[Cue, ...], list[Dropped]]:
    """The cues with the words that are not shown for the second time, and the words that are, in one piece.

    Cues that show nothing new are left out; cues that do not roll come back as they are.
    """
    shown = [_shown(cue) for cue in cues]
    timed = any(cue.untimed < len(cue.words) for cue in shown)
    for repeated in (*((_untimed_lines_repeated,) if timed else ()), _lines_repeated, _words_repeated):
        counts = _counts(shown, repeated)
        if _rolls(shown, counts):
            again = " ".join(word for cue, count in zip(shown, counts, strict=True) for word in cue.words[:count])
            return _without(cues, counts), [Dropped(SHOWN_AGAIN, cues[0].line, again)]
    return _unhighlighted(cues)


@dataclass(frozen=True, slots=True)
class _Shown:
    """What a cue shows. `line_ends` count words, as `untimed` does: those before the first line with inner times."""

    words: tuple[str, ...]
    line_ends: tuple[int, ...]
    untimed: int
    single_line_below_blank: bool
    flashes: bool


def _shown(cue: Cue) -> _Shown:
    lines = [words_of(line) for line in cue.lines]
    ends = list(accumulate(map(len, lines)))
    total = ends[-1] if ends else 0
    timed = (end - len(words) for line, words, end in zip(cue.lines, lines, ends, strict=True) if has_inner_times(line))
    return _Shown(
        words=tuple(word for words in lines for word in words),
        line_ends=tuple(sorted({end for end in ends if end})),
        untimed=next(timed, total),
        single_line_below_blank=bool(lines) and not lines[0] and total in map(len, lines),
        flashes=0 < cue.end_s - cue.start_s <= _FLASH_S,
    )


def _untimed_lines_repeated(before: _Shown, after: _Shown) -> int:
    """As `_lines_repeated`, where a line with inner times is a new one."""
    whole = (count for count in _overlaps(before, after) if count in after.line_ends)
    return _best([count for count in whole if count <= after.untimed], after)


def _lines_repeated(before: _Shown, after: _Shown) -> int:
    """How many words, in whole lines, a cue shows again."""
    return _best([count for count in _overlaps(before, after) if count in after.line_ends], after)


def _words_repeated(before: _Shown, after: _Shown) -> int:
    """How many words a cue shows again, which may go on in the same line."""
    return _best(_overlaps(before, after), after)


def _overlaps(before: _Shown, after: _Shown) -> list[int]:
    """The numbers of words that open a cue and are all that stood before from the start of some line on."""
    starts = [0, *before.line_ends[:-1]][-_MOST_LINES:]
    tails = (before.words[start:] for start in starts if before.words[start : start + 1] == after.words[:1])
    return [len(tail) for tail in tails if after.words[: len(tail)] == tail]


def _best(counts: list[int], after: _Shown) -> int:
    """The longest repetition that leaves something new, which only a flash need not."""
    if after.single_line_below_blank and not after.flashes:
        return 0
    partial = [count for count in counts if count < len(after.words)]
    return max(counts if after.flashes else partial or counts, default=0)


def _counts(shown: Sequence[_Shown], repeated: Callable[[_Shown, _Shown], int]) -> list[int]:
    """For each cue, how many of its words stood in the last cue with words."""
    counts = []
    before: _Shown | None = None
    for after in shown:
        counts.append(repeated(before, after) if before and after.words else 0)
        before = after if after.words else before
    return counts


def _rolls(shown: Sequence[_Shown], counts: Sequence[int]) -> bool:
    """Whether the captions roll through the file: nearly every cue repeats, and many go on."""
    cues = [(cue, count) for cue, count in zip(shown, counts, strict=True) if cue.words]
    repeating = sum(count > 0 for _, count in cues)
    rolls = sum(0 < count < len(cue.words) for cue, count in cues)
    flashing = sum(cue.flashes for cue, _ in cues) >= _SHARE_FLASHES * len(cues)
    return repeating >= _SHARE_ROLLING * (len(cues) - 1) and rolls >= (1 if flashing else _MIN_ROLLS)


def _without(cues: Sequence[Cue], counts: Sequence[int]) -> tuple[Cue, ...]:
    kept = []
    for cue, count in zip(cues, counts, strict=True):
        lines = tuple(_lines_after(cue.lines, count)) if count else cue.lines
        if lines or not count:
            kept.append(replace(cue, lines=lines))
    return tuple(kept)


def _lines_after(lines: Sequence[str], count: int) -> Iterator[str]:
    """The lines without their first words; blank lines are left out."""
    for line in lines:
        words = words_of(line)
        if count == 0 and words:
            yield line
        elif count < len(words):
            yield " ".join(words[count:])
        count = max(0, count - len(words))


def _unhighlighted(cues: Sequence[Cue]) -> tuple[tuple[Cue, ...], list[Dropped]]:
    """The cues, one for each run that shows one text with an underline that moves on."""
    spots = [_underlined_word(cue) for cue in cues]
    if not any(spot is not None for spot in spots):
        return tuple(cues), []
    texts = [words_of(" ".join(cue.lines)) for cue in cues]
    same = sum(one == other for one, other in pairwise(texts))
    if sum(spot is not None for spot in spots) < _SHARE_HIGHLIGHTED * len(cues) or same < _MIN_ROLLS:
        return tuple(cues), []
    kept: list[Cue] = []
    again: list[str] = []
    reached = -1
    for place, (cue, spot) in enumerate(zip(cues, spots, strict=True)):
        if kept and texts[place] == texts[place - 1] and (spot is None or spot > reached):
            kept[-1] = replace(kept[-1], end_s=cue.end_s)
            again += texts[place]
        else:
            kept.append(cue)
            reached = -1
        reached = reached if spot is None else spot
    return tuple(kept), [Dropped(SHOWN_AGAIN, cues[0].line, " ".join(again))]


def _underlined_word(cue: Cue) -> int | None:
    """The place, counted in words, of the only underlined word."""
    text = " ".join(cue.lines)
    found = _UNDERLINED.findall(text)
    return len(words_of(text.split(found[0], 1)[0])) if len(found) == 1 else None
