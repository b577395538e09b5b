"""What the service asks of an index, wherever it is kept: on the local disk, or in Milvus.

Passages, sentences, questions, voices and episodes go by the numbers of `indexer.catalog`; masks are bool, of shape
(passages,), True where a passage may be found.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from indexer.catalog import EpisodeRow, PassagePlace, StoredPassage, Voice
from indexer.retired import EarlierSpeaker, Retired
from indexer.types import Kind, Turn
from indexer.vocabulary import Vocabulary


class Catalog(Protocol):
    """The words, and whose they are: see `CatalogReader`."""

    @property
    def episodes(self) -> tuple[EpisodeRow, ...]: ...

    @property
    def voices(self) -> tuple[Voice, ...]: ...

    def passages(self, numbers: Sequence[int]) -> list[StoredPassage]: ...

    def texts(self, numbers: Sequence[int]) -> list[str]: ...

    def passages_by_id(self, ids: Sequence[str]) -> list[StoredPassage]: ...

    def passages_of(self, episode: int) -> list[StoredPassage]: ...

    def all_passages(self) -> Iterator[StoredPassage]: ...

    def places(self) -> list[PassagePlace]: ...

    def teasers(self) -> list[tuple[int, int, int]]: ...

    def questions(self, numbers: Sequence[int]) -> list[tuple[str, str]]: ...

    def turns_of(self, numbers: Sequence[int]) -> list[tuple[int, int]]: ...

    def questions_of(self, numbers: Sequence[int]) -> dict[int, tuple[int, str | None, str]]: ...

    def turns_with(
        self, words: Sequence[str], limit: int, *, apart: str, voices: Collection[int] | None = None
    ) -> list[tuple[int, int]]: ...

    def text(self, episode: int) -> str: ...

    def turns(self, episode: int, numbers: Sequence[int] | None = None) -> list[tuple[int, int, Turn]]: ...

    def words_by_voice(self) -> Mapping[int, int]: ...

    def sentences_of(self, episode: int, turns: Sequence[int]) -> dict[int, list[tuple[tuple[int, int], Kind]]]: ...

    def close(self) -> None: ...


class Rows(Protocol):
    """Vectors by number: see `RowReader`."""

    def cosines(self, numbers: NDArray[np.int64], vector: NDArray[np.float32]) -> NDArray[np.float32]: ...


class Vectors(Protocol):
    """Nearness: see `VectorReader`."""

    @property
    def passages(self) -> Rows: ...

    @property
    def sentences(self) -> Rows: ...

    @property
    def questions(self) -> Rows: ...

    def __len__(self) -> int: ...

    def nearest(
        self, query: NDArray[np.float32], limit: int, allowed: NDArray[np.bool_] | None
    ) -> NDArray[np.int64]: ...


class Matched(Protocol):
    """What passages hold of some terms: see `indexer.lexical.Matched`."""

    def best(self, limit: int, allowed: NDArray[np.bool_] | None = None) -> NDArray[np.int64]: ...

    def best_of_each(self, pools: Sequence[tuple[NDArray[np.bool_], int]]) -> list[NDArray[np.int64]]: ...

    def shares(self, numbers: NDArray[np.int64]) -> NDArray[np.float32]: ...

    def around(self, numbers: NDArray[np.int64]) -> NDArray[np.float32]: ...

    def phrases(self, numbers: NDArray[np.int64]) -> NDArray[np.float32]: ...


class Lexical(Protocol):
    """Words: see `LexicalReader`."""

    @property
    def vocabulary(self) -> Vocabulary: ...

    def __len__(self) -> int: ...

    def terms(self, query: str) -> list[str]: ...

    def matched(self, terms: Sequence[str]) -> Matched: ...

    def holding_phrase(self, text: str, limit: int) -> list[int]: ...

    def holding_all(self, terms: Sequence[str], allowed: NDArray[np.bool_]) -> list[int]: ...


class RetiredIds(Protocol):
    """Ids of earlier generations: see `RetiredReader`."""

    def find(self, ids: Sequence[str]) -> dict[str, Retired]: ...

    def earlier_speakers(self, passage_id: str) -> list[EarlierSpeaker]: ...

    def close(self) -> None: ...
