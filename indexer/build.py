"""Files to a generation: gather the episodes, cut them, embed what is new, publish."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol, TypeVar

from embeddings.base import Embedder, Fingerprint
from indexer.archives import DEFAULT_LIMITS, Limits
from indexer.catalog import CATALOG_FILE, CatalogReader
from indexer.catalog_writer import CatalogWriter
from indexer.cut import cut_episodes
from indexer.embed import KeptVectors, Taken, VectorsByKey, embed_catalog
from indexer.errors import ArchiveError, IndexBroken, IndexMismatch, IndexMissing
from indexer.files import digest_of, digest_or_why, find_files, find_people_file
from indexer.gather import Fate, gather_episodes
from indexer.generations import (
    LET_GO_S,
    REPORT,
    Earlier,
    Generation,
    Manifest,
    clear_away,
    current_generation,
    earlier_generations,
    flush,
    named_generation,
    new_folder,
    publish,
    published_folders,
    remove,
    remove_when_let_go,
    writing,
)
from indexer.lexical import LexicalWriter
from indexer.origins import KeptEpisode
from indexer.passages import Chunking
from indexer.people import read_people
from indexer.progress import Progress
from indexer.report import Report
from indexer.retired import RETIRED_FILE
from indexer.retiring import retire
from indexer.unfinished import Made, find_unfinished, note_made
from indexer.vectors import Engine

_Value = TypeVar("_Value")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run did. `generation` is the live one here afterwards; `changed` is False when nothing was to do.

    `still_read`: after forgetting, earlier generations that hold what was forgotten until their readers let them go.
    `finished_elsewhere`: another machine that shared in the work has the generation; here all is as it was.
    """

    generation: Generation | None
    report: dict[str, Any]
    changed: bool
    still_read: tuple[str, ...] = ()
    finished_elsewhere: bool = False


class Shared(Protocol):
    """Work that other machines share in."""

    def embed(
        self, folder: Path, writer: str, embedder: Embedder, kept: Sequence[VectorsByKey], progress: Progress
    ) -> VectorsByKey | None:
        """All vectors of a folder's catalog, once they are made, or None where another machine does the rest."""
        ...


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
    limits: Limits = DEFAULT_LIMITS,
    forget: bool = False,
    shared: Shared | None = None,
) -> Outcome:
    """Makes the index at `index` hold the transcripts below `paths`, and nothing else.

    Vectors of passages that are the same as before are taken from the live generation, or from a run that was
    interrupted. When no file, setting or model changed, nothing is written and the model is not even loaded.

    Args:
        strict: with any file that fails, leave the index as it is.
        forget: keep no word that does not stand in the transcripts now, neither of retired passages nor in earlier
            generations.
        shared: embeds, with others.

    Raises:
        ArchiveError: there is nothing to index.
        IndexBusy: another indexer is at work there.
        IndexNotWritten: the disk is full, read-only or failing; what was live stays live.
    """
    files, skipped = find_files(paths, leave_out=index, limits=limits)
    people_file = find_people_file(paths)
    # First the digest: of a list that changes in between, the next run is to see that it did.
    inputs = {people_file.name: digest_or_why(people_file)} if people_file else {}
    stated = read_people(people_file) if people_file else {}
    writer = _code_digest()
    settings: dict[str, Any] = {
        "chunking": asdict(chunking),
        "limits": asdict(limits),
        "format": force_format,
        "indexer": writer,
    }
    with writing(index):
        checking = _begun(partial(_live_generation, index))
        made_from = {file.source: file.inputs() for file in files}
        for inputs_of in made_from.values():
            inputs |= inputs_of
        live, broken = checking.result()
        if live and _is_current(live.manifest, inputs, settings, model) and not (forget and _remembers(live)):
            clear_away(index, live)
            return Outcome(live, live.report(), changed=False, still_read=_forgotten(index, live) if forget else ())
        loading = _loaded_beside(load_embedder)
        report = Report(skipped=skipped, window_tokens=model.max_tokens)
        # Whatever these depend on is the same; then only files tell episodes apart.
        takes = live if live and live.manifest.settings == settings and _comparable(live, model) else None
        unfinished = find_unfinished(index, writer=writer, model=model)
        with new_folder(index) as folder:
            catalog = CatalogWriter(folder, takes.folder if takes else None)
            kept_episodes = _kept_episodes(takes)
            gathered = gather_episodes(
                files,
                {source: digest_of(inputs_of) for source, inputs_of in made_from.items()},
                kept_episodes,
                catalog,
                stated,
                report,
                progress,
                force_format=force_format,
                limits=limits,
            )
            embedder = loading.result()
            searched_before = sum(entry.cut is not None for entry in kept_episodes)
            lexical = LexicalWriter(
                folder,
                takes.folder if takes else None,
                whole=gathered.fates.count(Fate.TAKE) == searched_before,
            )
            blocks = cut_episodes(gathered, catalog, lexical, chunking, embedder, report, progress)
            with ThreadPoolExecutor(2, "beside") as beside:
                closing = beside.submit(lexical.close)
                catalog.close()
                flushing = beside.submit(flush, folder / CATALOG_FILE)
                if strict and report.failed:
                    return Outcome(live, report.to_json(), changed=False)
                if not report.passages:
                    raise ArchiveError(_nothing_found(paths, report))
                kept: list[VectorsByKey] = _kept_vectors(live, unfinished, model)
                if shared and not _embedded(shared, folder, writer, embedder, kept, progress):
                    return Outcome(live, report.to_json(), changed=False, finished_elsewhere=True)

                def note(passages: int, questions: int) -> None:
                    for begun in (flushing, closing):
                        begun.result()
                    note_made(folder, Made(writer, model, passages, questions))

                taken = Taken(takes.folder, blocks, Engine(**takes.manifest.engine)) if takes else None
                embed_catalog(folder, embedder, taken, kept, report, progress, note)
                note(report.passages, report.questions)
            earlier = earlier_generations(index, live, needed=CATALOG_FILE, beside=RETIRED_FILE)
            report.forgets = forget
            report.count_retired(retire(folder, earlier, blocks, report.passages, forget=forget))
            if lost := _lost(index, earlier):
                report.note_unread(lost)
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
                engine=report.engine,
                inputs={**inputs, **dict.fromkeys(gathered.changed, "changed while it was read")},
                in_place_of=broken,
            )
        still_read = _forgotten(index, generation) if forget else ()
    return Outcome(generation, report.to_json(), changed=True, still_read=still_read)


def _embedded(
    shared: Shared, folder: Path, writer: str, embedder: Embedder, kept: list[VectorsByKey], progress: Progress
) -> bool:
    """Whether this machine is the one to finish what several embed; then the vectors of all are kept too."""
    made = shared.embed(folder, writer, embedder, kept, progress)
    if made is None:
        for one in kept:
            one.close()
        return False
    kept.insert(0, made)
    return True


def _lost(index: Path, earlier: Sequence[Earlier]) -> str | None:
    """The generation that is to be followed and cannot be read, so that its ids are lost."""
    name = named_generation(index)
    return None if name in {one.id for one in earlier} else name


def _remembers(live: Generation) -> bool:
    """Whether there may be something to forget."""
    report = live.report()
    return (live.folder / RETIRED_FILE).exists() and not report["forgets"]


def _forgotten(index: Path, live: Generation) -> tuple[str, ...]:
    others = (folder for folder in published_folders(index) if folder != live.folder)
    return tuple(remove_when_let_go(others, wait_s=LET_GO_S))


def _loaded_beside(load_embedder: Callable[[], Embedder]) -> Future[Embedder]:
    """The model, which is loaded while the transcripts are read."""

    def load() -> Embedder:
        embedder = load_embedder()
        embedder.warm_up_passages()
        return embedder

    return _begun(load)


def _begun(work: Callable[[], _Value]) -> Future[_Value]:
    """Work that may be left alone when what it is for fails."""
    worker = ThreadPoolExecutor(1, "beside")
    begun = worker.submit(work)
    worker.shutdown(wait=False)
    return begun


def _is_current(manifest: Manifest, inputs: dict[str, str], settings: dict[str, Any], model: Fingerprint) -> bool:
    same_model = Fingerprint(**manifest.model) == model
    return same_model and manifest.inputs == inputs and manifest.settings == settings


def _comparable(live: Generation, model: Fingerprint) -> bool:
    return Fingerprint(**live.manifest.model).comparable_with(model)


def _kept_episodes(live: Generation | None) -> list[KeptEpisode]:
    if live is None:
        return []
    catalog = CatalogReader(live.folder)
    try:
        return catalog.kept_episodes()
    finally:
        catalog.close()


def _kept_vectors(
    live: Generation | None, unfinished: tuple[Path, Made] | None, model: Fingerprint
) -> list[VectorsByKey]:
    """What earlier runs embedded with this model: the live generation, and a run that was interrupted."""
    kept: list[VectorsByKey] = []
    if live and _comparable(live, model):
        kept.append(KeptVectors(live.folder))
    if unfinished:
        folder, made = unfinished
        try:
            kept.append(KeptVectors(folder, passages=made.passages, questions=made.questions))
        except IndexBroken:
            remove(folder)  # somebody has been at it; without it everything is simply embedded again
    return kept


def _live_generation(index: Path) -> tuple[Generation | None, str | None]:
    """What is there to build upon, or the id of what is broken; a missing or outdated index too is built anew."""
    try:
        return current_generation(index), None
    except (IndexMissing, IndexMismatch):
        return None, None
    except IndexBroken:
        return None, named_generation(index)


def _code_digest() -> str:
    """Changes with the indexer's own code, so that a better parser is a reason to read the files again."""
    total = hashlib.sha256()
    for path in sorted(Path(__file__).parent.rglob("*.py")):
        total.update(path.read_bytes())
    return total.hexdigest()[:16]


def _nothing_found(paths: Sequence[Path], report: Report) -> str:
    reasons = "".join(
        f"\n  {entry.source}: {f'line {entry.line}: ' if entry.line else ''}{entry.reason} {entry.remedy}"
        for entry in report.failed[:20]
    )
    return f"{', '.join(map(str, paths))}: no file holds a transcript with words to index.{reasons}"
