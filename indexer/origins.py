"""What is known of an episode before anything is concluded from the whole archive: its file need not be read again."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from indexer.duplicates import Sketch
from indexer.types import Role, Speaker

Counts = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Origin:
    """An episode as it was read. `digest`: of the files it was read from; `counts`: for the report, see there."""

    source: str
    digest: str
    show: str
    speakers: tuple[Speaker, ...]
    sketch: Sketch
    counts: Counts


@dataclass(frozen=True, slots=True)
class KeptEpisode:
    """An episode of an earlier generation. `speakers`: under the names of the archive; `cut`: None for a double."""

    number: int
    origin: Origin
    speakers: tuple[Speaker, ...]
    cut: Counts | None


def origin_columns(origin: Origin) -> tuple[str, str, bytes, str, str]:
    """Digest, speakers, sketch, its quality and the counts, as they are stored."""
    return (
        origin.digest,
        json.dumps([asdict(speaker) for speaker in origin.speakers], ensure_ascii=False),
        np.array(origin.sketch.values, dtype=np.uint64).tobytes(),
        json.dumps(origin.sketch.quality),
        json.dumps(origin.counts, ensure_ascii=False),
    )


def stored_origin(
    source: str, show: str, digest: str, speakers: str, sketch: bytes, quality: str, counts: str
) -> Origin:
    """The reverse."""
    values = tuple(np.frombuffer(sketch, dtype=np.uint64).tolist())
    return Origin(
        source=source,
        digest=digest,
        show=show,
        speakers=tuple(_speakers(json.loads(speakers))),
        sketch=Sketch(source, values, tuple(json.loads(quality))),
        counts=json.loads(counts),
    )


def _speakers(stored: Sequence[dict[str, Any]]) -> Iterable[Speaker]:
    for entry in stored:
        yield Speaker(**{**entry, "role": Role(entry["role"]), "aliases": tuple(entry["aliases"])})


def same_voices(one: Iterable[Speaker], other: Iterable[Speaker]) -> bool:
    """Whether passages that were cut with the ones are cut alike with the others: by their names and roles."""
    return [(s.name, s.role) for s in one] == [(s.name, s.role) for s in other]
