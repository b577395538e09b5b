"""The promise, checked on any answer: whatever states offsets is the slice of its episode's transcript there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Transcript = Callable[[str], str]


def check_verbatim(answer: Any, transcript: Transcript, episode: str | None = None) -> int:
    """How many texts of an answer state where they stand. Raises AssertionError at the first that does not stand there.

    Args:
        transcript: the canonical text of an episode, by its id.
        episode: whose offsets are meant where the answer does not say so beside them.
    """
    if isinstance(answer, list):
        return sum(check_verbatim(entry, transcript, episode) for entry in answer)
    if not isinstance(answer, dict):
        return 0
    stated = answer.get("episode")
    episode = stated["id"] if isinstance(stated, dict) else stated if isinstance(stated, str) else episode
    found = 0
    if isinstance(answer.get("text"), str) and answer.get("char_start") is not None:
        assert episode is not None, f"offsets without an episode: {answer}"
        there = transcript(episode)[answer["char_start"] : answer["char_end"]]
        assert answer["text"] == there, f"{episode}: {answer['text']!r} is not {there!r}"
        found = 1
    return found + sum(check_verbatim(value, transcript, episode) for value in answer.values())
