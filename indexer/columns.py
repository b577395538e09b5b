"""The passages' columns that filters and ranking need, in one memory-mapped file."""

from __future__ import annotations

import json
from array import array
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from indexer.blocks import Block
from indexer.errors import IndexBroken
from indexer.types import Kind

COLUMNS_FILE = "columns.npy"
SECTIONS_FILE = "sections.json"
KINDS = tuple(Kind)
_VOICE, _SECTION, _KIND, _EPISODE, _QUESTION, _FIRST_SENTENCE = range(6)
_NONE = -1


@dataclass(frozen=True, slots=True)
class PassageColumns:
    """One entry per passage: numbers of its voice, section, question (-1: none), episode and kind, all int32.

    `first_sentence` has one entry more: a passage's sentences are those up to the next entry.
    """

    voice: NDArray[np.int32]
    section: NDArray[np.int32]
    kind: NDArray[np.int32]
    episode: NDArray[np.int32]
    first_sentence: NDArray[np.int32]
    question: NDArray[np.int32]
    sections: tuple[str, ...]

    def passages_of(self, first_episode: int, episodes: int) -> slice:
        """The numbers of the passages of consecutive episodes."""
        start, end = np.searchsorted(self.episode, [first_episode, first_episode + episodes])
        return slice(int(start), int(end))


def read_columns(folder: Path) -> PassageColumns:
    """The columns in a folder.

    Raises:
        IndexBroken: a file is missing or cannot be read, naming it.
    """
    try:
        table = np.asarray(np.load(folder / COLUMNS_FILE, mmap_mode="r", allow_pickle=False))
        sections = json.loads((folder / SECTIONS_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError, EOFError) as error:
        raise IndexBroken(f"{folder / COLUMNS_FILE}: cannot be read ({error}). Run `onrecord index` again.") from error
    return PassageColumns(
        voice=table[_VOICE, :-1],
        section=table[_SECTION, :-1],
        kind=table[_KIND, :-1],
        episode=table[_EPISODE, :-1],
        first_sentence=table[_FIRST_SENTENCE],
        question=table[_QUESTION, :-1],
        sections=tuple(sections),
    )


class ColumnsWriter:
    """Takes the passages in their order."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._sections: dict[str, int] = {}
        self._rows = array("i")
        self._sentences = 0

    def add(
        self, *, voice: int, section: str | None, kind: Kind, episode: int, question: int | None, sentences: int
    ) -> None:
        self._rows.extend(
            (
                voice,
                self._section(section),
                KINDS.index(kind),
                episode,
                _NONE if question is None else question,
                self._sentences,
            )
        )
        self._sentences += sentences

    def take(self, block: Block, columns: PassageColumns) -> None:
        """The passages of a block, out of the columns of the earlier generation."""
        source = block.passages.source
        sections = np.array([*map(self._section, columns.sections), _NONE], dtype=np.int32)
        question = columns.question[source]
        rows = np.empty((block.passages.count, 6), dtype=np.int32)
        rows[:, _VOICE] = columns.voice[source] + block.voices.shift
        rows[:, _SECTION] = sections[columns.section[source]]
        rows[:, _KIND] = columns.kind[source]
        rows[:, _EPISODE] = columns.episode[source] + block.episodes.shift
        rows[:, _QUESTION] = np.where(question < 0, question, question + block.questions.shift)
        rows[:, _FIRST_SENTENCE] = columns.first_sentence[source] + block.sentences.shift
        self._rows.frombytes(rows.tobytes())
        self._sentences += block.sentences.count

    def close(self) -> None:
        """Writes the files."""
        end = array("i", [_NONE] * _FIRST_SENTENCE + [self._sentences])
        table = np.frombuffer(self._rows + end, dtype=np.int32).reshape(-1, 6).T.copy()
        # In alphabetical order, so that what was there before leaves no trace.
        names = list(self._sections)
        used = sorted(names[number] for number in np.unique(table[_SECTION]) if number != _NONE)
        numbers = {name: number for number, name in enumerate(used)}
        renumbered = np.array([*(numbers.get(name, _NONE) for name in names), _NONE], dtype=np.int32)
        table[_SECTION] = renumbered[table[_SECTION]]
        np.save(self._folder / COLUMNS_FILE, table)
        sections = json.dumps(used, ensure_ascii=False)
        (self._folder / SECTIONS_FILE).write_text(sections, encoding="utf-8")

    def _section(self, name: str | None) -> int:
        return _NONE if name is None else self._sections.setdefault(name, len(self._sections))
