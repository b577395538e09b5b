"""Which sentences of a long answer are kept: those that were found, and what stands around them, up to a limit."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence


def keep_around(found: Sequence[tuple[int, range]], count: int, tokens: Callable[[int], int], limit: int) -> set[int]:
    """The numbers of the sentences that are kept; none where not even the first one found fits.

    Args:
        found: sentences that must stay if possible, best first, and the stretch that each is best kept with.
        count: how many sentences there are.
        tokens: of a sentence.

    >>> sorted(keep_around([(5, range(4, 7))], 10, lambda place: 10, 50))
    [3, 4, 5, 6, 7]
    """
    kept: set[int] = set()
    for best, stretch in found:
        limit -= _grow(kept, best, stretch, tokens, limit)
        if not kept:
            return kept
    if found:
        _grow(kept, found[0][0], range(count), tokens, limit)
    return kept


def _grow(kept: set[int], best: int, within: range, tokens: Callable[[int], int], limit: int) -> int:
    """Keeps a sentence and its neighbours on either side, until one does not fit. Returns the tokens that it took."""
    used = 0
    closed: set[int] = set()
    for direction, place in _outward(best, within):
        if direction in closed or place in kept:
            continue
        if used + tokens(place) <= limit:
            kept.add(place)
            used += tokens(place)
        elif place == best:
            break
        else:
            closed.add(direction)
        if len(closed) == 2:
            break
    return used


def _outward(best: int, within: range) -> Iterator[tuple[int, int]]:
    yield 0, best
    for distance in range(1, len(within)):
        for direction in (1, -1):
            if best + direction * distance in within:
                yield direction, best + direction * distance
