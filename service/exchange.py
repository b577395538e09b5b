"""A question with its whole answer: the turns from what the interviewer asks to what they ask next."""

from __future__ import annotations

from dataclasses import dataclass

from indexer.catalog import StoredPassage
from indexer.types import Role, Turn
from service.archive import Archive

_NOD_WORDS = 4
_LONGEST = 40

# (number, char_start, char_end, turn)
Place = tuple[int, int, int, Turn]


@dataclass(frozen=True, slots=True)
class Exchange:
    """`question` is None where nobody asks. `answer` holds every turn up to the next question, nods included."""

    question: Place | None
    answer: tuple[Place, ...]


def exchange_of(stored: StoredPassage, archive: Archive) -> Exchange:
    """The exchange that a passage belongs to; a host's own words are an exchange of one turn."""
    asked = stored.passage.question_turn
    if asked is None:
        return alone(stored.episode, stored.passage.turn, archive)
    numbers = range(asked, min(asked + _LONGEST, archive.catalog.episodes[stored.episode].turns))
    turns = [
        (number, start, end, turn)
        for number, (start, end, turn) in zip(numbers, archive.catalog.turns(stored.episode, numbers), strict=True)
    ]
    asker = turns[0][3].speaker
    answer: list[Place] = []
    for place in turns[1:]:
        asks_next = place[0] > stored.passage.turn and _asks(place[3], asker, stored.episode, archive)
        if asks_next:
            break
        answer.append(place)
    while len(answer) > 1 and asker and answer[-1][3].speaker == asker:
        answer.pop()
    return Exchange(turns[0], tuple(answer))


def alone(episode: int, turn: int, archive: Archive) -> Exchange:
    """A turn to which no question is known."""
    [(start, end, content)] = archive.catalog.turns(episode, [turn])
    return Exchange(None, ((turn, start, end, content),))


def _asks(turn: Turn, asker: str | None, episode: int, archive: Archive) -> bool:
    """Whether a turn opens the next exchange: the asker, any host or the audience says more than a nod."""
    hosts = {voice.name for voice in archive.voices_of[episode] if voice.role is Role.HOST}
    asks = turn.speaker in hosts or turn.speaker == asker if turn.speaker else turn.is_unnamed_question
    return asks and len(turn.text.split()) >= _NOD_WORDS
