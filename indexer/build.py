"""Files to a generation: read, understand, cut, embed what is new, write, publish."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from embeddings.base import Embedder, Fingerprint, PassageInput
from indexer.catalog import CatalogReader, CatalogWriter
from indexer.episodes import understand
from indexer.errors import ArchiveError, IndexBroken, IndexMismatch, IndexMissing, TranscriptError
from indexer.files import SourceFile, digest, find_files
from indexer.generations import (
    REPORT,
    Generation,
    Manifest,
    current_generation,
    new_folder,
    publish,
    writing,
)
from indexer.lexical import LexicalWriter
from indexer.metadata import apply, read_sidecar
from indexer.parsers import parse_transcript
from indexer.passages import Chunking, embedded_text, make_passages
from indexer.report import FailedFile, Report
from indexer.types import Episode
from indexer.vectors import VectorReader, VectorWriter

_BATCH = 512
_Item = TypeVar("_Item")


class Progress(Protocol):
    """Told how far a stage is."""

    def __call__(self, stage: str, done: int, total: int) -> None: ...


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run did. `generation` is the live one afterwards; `changed` is False when nothing was to do."""

    generation: Generation | None
    report: dict[str, Any]
    changed: bool


def read_episode(file: SourceFile, *, force: str | None = None) -> Episode:
    """One file as an episode.

    Args:
        force: the format to take it for, whatever it looks like.

    Raises:
        TranscriptError: it cannot be read as a transcript.
    """
    try:
        data = file.path.read_bytes()
    except OSError as error:
        raise TranscriptError(f"cannot be read ({error.strerror}).", remedy="Check its permissions.") from error
    format_name, transcript = parse_transcript(data, force=force)
    if file.sidecar:
        transcript = apply(read_sidecar(file.sidecar), transcript, first=False)
    return understand(transcript, source=file.source, format_name=format_name)


def build_index(
    paths: Sequence[Path],
    index: Path,
    *,
    model: Fingerprint,
    load_embedder: Callable[[], Embedder],
    chunking: Chunking,
    strict: bool,
    progress: Progress,
    force_format: str | None = None,
) -> Outcome:
    """Makes the index at `index` hold the transcripts below `paths`, and nothing else.

    Vectors of passages that are the same as before are taken from the live generation. When no file, setting
    or model changed, nothing is written and the model is not even loaded.

    Args:
        strict: with any file that fails, leave the index as it is.

    Raises:
        ArchiveError: there is nothing to index.
        IndexBusy: another indexer is at work there.
    """
    files, skipped = find_files(paths, leave_out=index)
    settings = {"chunking": asdict(chunking), "format": force_format, "indexer": _code_digest()}
    with writing(index):
        inputs = _inputs(files)
        live = _live_generation(index)
        if live and _is_current(live.manifest, inputs, settings, model):
            return Outcome(live, live.report(), changed=False)
        embedder = load_embedder()
        report = Report(skipped=skipped, window_tokens=model.max_tokens)
        with new_folder(index) as folder:
            _write_catalog(folder, files, force_format, chunking, embedder, report, progress)
            if strict and report.failed:
                return Outcome(live, report.to_json(), changed=False)
            if not report.passages:
                raise ArchiveError(_nothing_found(paths, report))
            _write_vectors(folder, embedder, _previous_vectors(live, model), report, progress)
            (folder / REPORT).write_text(json.dumps(report.to_json(), ensure_ascii=False, indent=1), encoding="utf-8")
            generation = publish(
                index,
                folder,
                model=model.to_json(),
                settings=settings,
                counts={
                    "episodes": report.episodes,
                    "passages": report.passages,
                    "sentences": report.sentences,
                },
                inputs=inputs,
            )
    return Outcome(generation, report.to_json(), changed=True)


def _is_current(manifest: Manifest, inputs: dict[str, str], settings: dict[str, Any], model: Fingerprint) -> bool:
    same_model = Fingerprint(**manifest.model) == model
    return same_model and manifest.inputs == inputs and manifest.settings == settings


def _inputs(files: Sequence[SourceFile]) -> dict[str, str]:
    found: dict[str, str] = {}
    for file in files:
        try:
            found[file.source] = digest(file.path)
        except OSError as error:
            found[file.source] = f"unreadable: {error.strerror}"
        if file.sidecar:
            found[f"{file.source} + {file.sidecar.name}"] = digest(file.sidecar)
    return found


def _live_generation(index: Path) -> Generation | None:
    """What is there to build upon; a missing, broken or outdated index is simply built anew."""
    try:
        return current_generation(index)
    except (IndexMissing, IndexBroken, IndexMismatch):
        return None


def _code_digest() -> str:
    """Changes with the indexer's own code, so that a better parser is a reason to read the files again."""
    total = hashlib.sha256()
    for path in sorted(Path(__file__).parent.rglob("*.py")):
        total.update(path.read_bytes())
    return total.hexdigest()[:16]


def _nothing_found(paths: Sequence[Path], report: Report) -> str:
    reasons = "".join(f"\n  {entry.source}: {entry.reason} {entry.remedy}" for entry in report.failed[:20])
    return f"{', '.join(map(str, paths))}: no file holds a transcript with words to index.{reasons}"


def _write_catalog(
    folder: Path,
    files: Sequence[SourceFile],
    force_format: str | None,
    chunking: Chunking,
    embedder: Embedder,
    report: Report,
    progress: Progress,
) -> None:
    window = embedder.fingerprint.max_tokens - embedder.passage_overhead
    catalog, lexical = CatalogWriter(folder), LexicalWriter(folder)
    for done, file in enumerate(files):
        progress("Reading transcripts", done, len(files))
        report.files += 1
        try:
            episode = read_episode(file, force=force_format)
        except TranscriptError as error:
            report.failed.append(FailedFile(file.source, error.line, error.reason, error.remedy))
            continue
        passages = make_passages(episode, chunking, embedder.count_tokens, window)
        catalog.add(episode, passages, [_vector_key(*embedded_text(passage)) for passage in passages])
        for passage in passages:
            lexical.add(passage.text)
        report.count(episode, passages)
    progress("Reading transcripts", len(files), len(files))
    catalog.close()
    lexical.close()


def _vector_key(text: str, spans: tuple[tuple[int, int], ...]) -> str:
    return hashlib.sha256(f"{text}\0{spans}".encode()).hexdigest()[:32]


class _PreviousVectors:
    """Vectors that the live generation holds, by key."""

    def __init__(self, generation: Generation | None) -> None:
        self._places: dict[str, tuple[int, int, int]] = {}
        if generation:
            catalog = CatalogReader(generation.folder)
            self._places = catalog.vectors_by_key()
            catalog.close()
            self._vectors = VectorReader(generation.folder)

    def __contains__(self, key: str) -> bool:
        return key in self._places

    def __getitem__(self, key: str) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        number, first, count = self._places[key]
        passage = self._vectors.passages(np.array([number], dtype=np.int64))[0]
        return passage, self._vectors.sentences[first : first + count].astype(np.float32)


def _previous_vectors(live: Generation | None, model: Fingerprint) -> _PreviousVectors:
    comparable = live is not None and Fingerprint(**live.manifest.model).comparable_with(model)
    return _PreviousVectors(live if comparable else None)


def _write_vectors(
    folder: Path, embedder: Embedder, previous: _PreviousVectors, report: Report, progress: Progress
) -> None:
    catalog = CatalogReader(folder)
    vectors = VectorWriter(folder, dimension=embedder.fingerprint.dimension, sentences=report.sentences)
    done = 0
    stored = catalog.all_passages()
    for batch in _batches(((s.vector_key, *embedded_text(s.passage)) for s in stored), _BATCH):
        progress("Embedding passages", done, report.passages)
        fresh = [(text, spans) for key, text, spans in batch if key not in previous]
        tokens = embedder.count_tokens([text for _, text, _ in batch])
        lengths = [count + embedder.passage_overhead for count in tokens]
        report.longest_passage_tokens = max(report.longest_passage_tokens, *lengths)
        report.truncated_tokens += sum(max(0, length - report.window_tokens) for length in lengths)
        made = iter(embedder.embed_passages([PassageInput(text, spans) for text, spans in fresh]))
        rows = []
        for key, _, _ in batch:
            if key in previous:
                rows.append(previous[key])
            else:
                result = next(made)
                rows.append((result.vector, result.spans))
        vectors.add(np.stack([row[0] for row in rows]), np.concatenate([row[1] for row in rows]))
        report.vectors_made += len(fresh)
        report.vectors_reused += len(batch) - len(fresh)
        done += len(batch)
    progress("Embedding passages", done, report.passages)
    vectors.close()
    catalog.close()


def _batches(items: Iterator[_Item], size: int) -> Iterator[list[_Item]]:
    while batch := list(islice(items, size)):
        yield batch
