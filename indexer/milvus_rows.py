"""How an index lies in Milvus: its collections, the keys of their rows, and what a row holds.

    NAME                    an alias: the collection of the generation that is live
    NAME_<generation>       what readers keep in memory: manifest, episodes, voices, columns, vocabulary, in pieces
    NAME_passages           a row for each passage: vector, words, and all that is needed to rank and to show it
    NAME_turns              the words of each turn, in pieces; and a row for each episode that is there as a whole

The rows of an episode go by a digest of all that they are made of, so that they never change: an episode that changes
has other rows, generations share those of the others, and to write them again is to write the same. A reader looks only
at the episodes of its generation. What stands around a passage stands in its row, so that one request is enough.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from binascii import a2b_base64
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from string import ascii_lowercase, ascii_uppercase
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from indexer.columns import KINDS
from indexer.errors import ArchiveError
from indexer.milvus import LONGEST
from indexer.milvus_terms import packed, unpacked
from indexer.rows import SCALE_BYTES
from indexer.types import Kind, Passage, Role, TimeMark, TimeSource, Turn

# Code points of a turn in one row, and of the next one that stand there too, so that what is looked for is in one.
PIECE = 12_000
OVERLAP = 500
ROLES = tuple(Role)
_PLACE = 6
_KEY = 32
_SIGN = 0x80

PASSAGE_TEXTS: Mapping[str, int] = {
    "episode": _KEY,
    "id": 64,
    "words": LONGEST,
    "content": LONGEST,
    "terms": LONGEST,
    "vectors": LONGEST,
    "scales": LONGEST,
}
PASSAGE_NUMBERS = ("kind", "role")
PASSAGE_FIELDS = ("id", "content", "terms", "vectors", "scales")
TURN_TEXTS: Mapping[str, int] = {"episode": _KEY, "text": LONGEST, "folded": LONGEST, "content": LONGEST}
TURN_NUMBERS = ("turn", "piece")
TURN_FIELDS = ("text", "content")
PART_TEXTS: Mapping[str, int] = {"content": LONGEST}
_SMALL = str.maketrans(ascii_uppercase, ascii_lowercase)
# In place of a turn's number, of the row that says how far the work on an episode is.
WORK = -1
_FINISHING = "finish-"


def passages_collection(name: str) -> str:
    return f"{name}_passages"


def turns_collection(name: str) -> str:
    return f"{name}_turns"


def generation_collection(name: str, generation: str) -> str:
    return f"{name}_{generation.replace('-', '_')}"


def is_generation_of(name: str, collection: str) -> bool:
    """Whether a collection holds a generation of the index of this name, and not of one whose name begins so too."""
    return re.fullmatch(rf"{name}_\d{{8}}T\d{{6}}Z_[0-9a-f]{{8}}", collection) is not None


def digest(parts: Sequence[Any]) -> str:
    """The key of an episode, by all that its rows are made of."""
    content = json.dumps(parts, ensure_ascii=False, sort_keys=True, default=str)
    return hashlib.sha256(content.encode()).hexdigest()[:_KEY]


def place_key(episode: str, place: int) -> str:
    """The key of a passage."""
    return f"{episode}{place:0{_PLACE}x}"


def place_of(key: str) -> tuple[str, int]:
    """The reverse."""
    return key[:_KEY], int(key[_KEY:], 16)


def turn_key(episode: str, turn: int, piece: int) -> str:
    return f"{episode}{turn:0{_PLACE}x}-{piece}"


@dataclass(frozen=True, slots=True)
class Question:
    """The part of a turn that a passage replies to: (start, end) in the canonical text."""

    turn: int
    start: int
    end: int
    turn_start: int
    vector_key: str


class PassagePlaceInTurn(NamedTuple):
    """A passage without its words, and where its turn begins in the canonical text."""

    passage: Passage
    turn_start: int
    vector_key: str
    question: Question | None


@dataclass(frozen=True, slots=True)
class PassageRow:
    """A passage as its row has it, but for its words.

    `terms`: of itself, with "" at the place of each word that is none, of the passages before and after it, of its
    header, and of its question. `vectors`: of itself, its sentences, and its question, as `indexer.rows` keeps them.
    """

    turn_start: int
    vector_key: str
    passage: Passage
    role: Role
    question: Question | None
    terms: tuple[Sequence[str], ...]
    vectors: NDArray[np.int8]


def passage_row(key: str, row: PassageRow) -> dict[str, Any]:
    """As Milvus keeps it, without its vector.

    Args:
        key: of its episode and its place.
    """
    passage, question = row.passage, row.question
    content = [
        *(passage.turn, passage.char_start, passage.char_end, passage.header, passage.sentences, passage.speaker),
        *(passage.section, passage.flags, passage.question_turn, passage.start_s, passage.end_s, passage.time),
        *(passage.said_again_at, row.turn_start, row.vector_key),
        [question.turn, question.start, question.end, question.turn_start, question.vector_key] if question else None,
    ]
    return _fitting(
        {
            "key": key,
            "episode": place_of(key)[0],
            "id": passage.id,
            "words": " ".join(row.terms[0]),
            "content": _json([passage.kind, *content]),
            "terms": packed(row.terms),
            "vectors": _shifted(row.vectors[:, :-SCALE_BYTES]).tobytes().decode("latin-1"),
            "scales": base64.b64encode(row.vectors[:, -SCALE_BYTES:].tobytes()).decode("ascii"),
            "kind": KINDS.index(passage.kind),
            "role": ROLES.index(row.role),
        }
    )


class KeptRow:
    """A passage's row as it came from Milvus.

    `shifted`: the values of its own vector, those of its sentences, and that of its question, of shape (vectors,
    dimension): see `vector_values`. `scales`: what the values of each are to be multiplied by. `terms`: see
    `PackedTerms`.
    """

    def __init__(self, stored: Mapping[str, Any], dimension: int) -> None:
        self._stored = stored
        values = np.frombuffer(stored["vectors"].encode("latin-1"), dtype=np.uint8)
        self.shifted: NDArray[np.uint8] = values.reshape(-1, dimension)
        self.scales: NDArray[np.float32] = np.frombuffer(a2b_base64(stored["scales"]), dtype=np.float32)
        self.terms: NDArray[np.uint64] = unpacked(stored["terms"])

    @cached_property
    def place(self) -> PassagePlaceInTurn:
        """Where it stands, and what is known of it."""
        kind, turn, start, end, header, sentences, speaker, section, flags, *rest = json.loads(self._stored["content"])
        question_turn, start_s, end_s, time, said_again_at, turn_start, vector_key, question = rest
        passage = Passage(
            id=self._stored["id"],
            turn=turn,
            char_start=start,
            char_end=end,
            text="",
            header=header,
            sentences=tuple((first, last) for first, last in sentences),
            speaker=speaker,
            section=section,
            kind=Kind(kind),
            flags=tuple(flags),
            question_turn=question_turn,
            start_s=start_s,
            end_s=end_s,
            time=TimeSource(time),
            said_again_at=said_again_at,
        )
        return PassagePlaceInTurn(passage, turn_start, vector_key, Question(*question) if question else None)


def vector_values(shifted: NDArray[np.uint8]) -> NDArray[np.int8]:
    """The values of vectors by those of `KeptRow.shifted`, of any shape."""
    return (shifted ^ np.uint8(_SIGN)).view(np.int8)


def _shifted(values: NDArray[np.int8]) -> NDArray[np.uint8]:
    """From -127 to 127 made 1 to 255, as a text may have them: what is kept in C ends at a sign 0."""
    return np.ascontiguousarray(values).view(np.uint8) ^ np.uint8(_SIGN)


def turn_rows(episode: str, number: int, char_start: int, voice: int, turn: Turn) -> Iterator[dict[str, Any]]:
    """A turn as Milvus keeps it.

    Args:
        voice: its number among those of the episode.
    """
    pieces = max(1, -(-len(turn.text) // PIECE))
    for piece in range(pieces):
        first = piece * PIECE
        marks = [(mark.char, mark.seconds) for mark in turn.marks if first <= mark.char < first + PIECE]
        if piece == pieces - 1:
            marks += [(mark.char, mark.seconds) for mark in turn.marks if mark.char >= first + PIECE]
        content = [pieces, voice, char_start, turn.section, turn.kind, turn.flags, marks, turn.end_s]
        yield _fitting(
            {
                "key": turn_key(episode, number, piece),
                "episode": episode,
                "turn": number,
                "piece": piece,
                "text": turn.text[first : first + PIECE + OVERLAP],
                "folded": folded(turn.text[first : first + PIECE + OVERLAP]),
                "content": _json(content),
            }
        )


def pieces_of(stored: Mapping[str, Any]) -> int:
    """Of how many pieces a turn is, by one of them."""
    return int(json.loads(stored["content"])[0])


def read_turn(stored: Sequence[Mapping[str, Any]], speakers: Sequence[str | None]) -> tuple[int, int, Turn]:
    """(char_start, char_end, turn) of all its pieces, in order.

    Args:
        speakers: by the numbers of the episode's voices.
    """
    contents = [json.loads(piece["content"]) for piece in stored]
    text = "".join(piece["text"][:PIECE] for piece in stored)
    _, voice, start, section, kind, flags, _, end_s = contents[0]
    turn = Turn(
        speaker=speakers[voice],
        text=text,
        section=section,
        kind=Kind(kind),
        flags=tuple(flags),
        marks=tuple(TimeMark(char, seconds) for content in contents for char, seconds in content[6]),
        end_s=end_s,
    )
    return start, start + len(text), turn


def voice_of(stored: Mapping[str, Any]) -> int:
    """The number, among those of its episode, of the voice whose turn a piece is of."""
    return int(json.loads(stored["content"])[1])


def work_row(key: str, state: Sequence[Any]) -> dict[str, Any]:
    """What says how far the work on an episode is: see `indexer.milvus_work`."""
    return {
        "key": key,
        "episode": key,
        "turn": WORK,
        "piece": 0,
        "text": "",
        "folded": "",
        "content": _json(state),
    }


def finishing_key(state: str) -> str:
    """What whoever makes the generation of a state is at work on: see `EpisodeSource.state`."""
    return (_FINISHING + state)[:_KEY]


def is_episode_key(key: str) -> bool:
    return not key.startswith(_FINISHING)


def part_key(name: str, piece: int) -> str:
    """The key of a piece of what readers keep in memory."""
    return f"{name}-{piece:08}"


def part_rows(name: str, content: bytes) -> Iterator[dict[str, Any]]:
    """A file as Milvus keeps it."""
    size = LONGEST // 4 * 3
    for piece in range(max(1, -(-len(content) // size))):
        part = content[piece * size : (piece + 1) * size]
        yield {"key": part_key(name, piece), "content": base64.b64encode(part).decode("ascii")}


def read_parts(stored: Sequence[Mapping[str, Any]]) -> dict[str, bytes]:
    """All files, by name."""
    found: dict[str, list[bytes]] = {}
    for row in sorted(stored, key=lambda row: str(row["key"])):
        found.setdefault(row["key"].rpartition("-")[0], []).append(base64.b64decode(row["content"]))
    return {name: b"".join(parts) for name, parts in found.items()}


def folded(text: str) -> str:
    """A text as it is looked through without regard to case: Milvus regards it."""
    return text.translate(_SMALL)


def _json(content: Any) -> str:
    return json.dumps(content, ensure_ascii=False, separators=(",", ":"))


def _fitting(row: dict[str, Any]) -> dict[str, Any]:
    for field, value in row.items():
        if isinstance(value, str) and len(value) * 4 > LONGEST and len(value.encode()) > LONGEST:
            raise ArchiveError(
                f"{row['key']}: its {field} is longer than the {LONGEST} bytes that Milvus keeps in one field. Make "
                "shorter passages, with a smaller --max-tokens."
            )
    return row
