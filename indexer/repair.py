"""A generation whose derived files are spoiled, made anew out of its catalog: the transcripts are not needed."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from embeddings.base import Embedder, Fingerprint
from indexer.catalog import CATALOG_FILE, CatalogReader
from indexer.columns import ColumnsWriter
from indexer.embed import KeptVectors, embed_catalog
from indexer.errors import IndexBroken, IndexMismatch
from indexer.generations import (
    GENERATIONS,
    LET_GO_S,
    REPORT,
    Generation,
    Manifest,
    earlier_generations,
    flush,
    live_name,
    named_generation,
    new_folder,
    publish,
    published_folders,
    remove_when_let_go,
    writing,
)
from indexer.lexical import LexicalWriter, Worded
from indexer.progress import Progress
from indexer.report import Report
from indexer.retired import RETIRED_FILE
from indexer.retiring import retire
from indexer.soundness import Examined, examine_generation
from indexer.unfinished import Made, note_made
from indexer.vectors import PASSAGES_FILE, QUESTIONS_FILE, SENTENCES_FILE

_VECTORS = {PASSAGES_FILE, SENTENCES_FILE, QUESTIONS_FILE}
_NEW_IN_REPORT = ("vectors_reused", "vectors_made", "engine", "ids_retired", "ids_forgotten")
_REPORT_LOST = "it was lost and is made anew out of the catalog; files that were refused or left out are not in it"


def repair_index(index: Path, load_embedder: Callable[[str], Embedder], progress: Progress) -> Generation | None:
    """Makes a new generation in the place of the live one, with all that is spoiled made anew out of the catalog.

    Vectors are kept where all their files are sound. Nothing of the spoiled generation is written to; it is removed
    once the new one is live.

    Args:
        load_embedder: of a model by its name; called only where something is to be done.

    Returns:
        The new generation; None where nothing is wrong.

    Raises:
        IndexBroken: its catalog or its manifest is spoiled, so that it cannot be made anew.
        IndexMissing, IndexBusy, IndexNotWritten: as `build_index`.
    """
    name = live_name(index)
    with writing(index):
        folder = index / GENERATIONS / name
        examined = examine_generation(folder, is_live=True)
        if examined is None:
            raise IndexBroken(f"{folder}: missing. {beyond_repair(index)}")
        if not examined.faults:
            return None
        if not examined.is_repairable:
            fault = next(f for f in examined.faults if examined.manifest is None or f.name == CATALOG_FILE)
            raise IndexBroken(
                f"{fault.path}: {fault.problem}; nothing else holds what stood there. {beyond_repair(index)}"
            )
        assert examined.manifest is not None
        embedder = load_embedder(str(examined.manifest.model["name"]))
        _refuse_other_model(examined.manifest, embedder.fingerprint)
        with new_folder(index) as new:
            return _rebuilt(index, examined, new, embedder, progress)


def _refuse_other_model(manifest: Manifest, found: Fingerprint) -> None:
    stated = Fingerprint(**manifest.model)
    if not stated.comparable_with(found):
        raise IndexMismatch(
            f"{manifest.id}: its vectors were made by {stated.name} (weights {stated.weights[:12]}), and what has that "
            f"name here has other weights ({found.weights[:12]}). Bring the model back, or run `onrecord index` again."
        )


def remove_unsound(index: Path, *, wait_s: float = LET_GO_S) -> tuple[list[str], list[str]]:
    """Removes the generations that are not live and not whole, and are no other version's: nobody can go back to them.

    Args:
        wait_s: how long to wait for those who read them.

    Returns:
        The names of those that are gone, and of those that are still read.
    """
    with writing(index):
        live = named_generation(index)
        others = [folder for folder in published_folders(index) if folder.name != live]
        examined = [examine_generation(folder, is_live=False) for folder in others]
        unsound = [one.folder for one in examined if one and one.faults and not one.is_of_another_format]
        left = remove_when_let_go(unsound, wait_s=wait_s)
    return [folder.name for folder in unsound if folder.name not in left], left


def beyond_repair(index: Path) -> str:
    """What is left to do about a generation that cannot be repaired."""
    return (
        f"Go back to the generation before it with `onrecord rollback --index {index}`, bring back a backup with "
        "`onrecord restore`, or run `onrecord index` again."
    )


def _rebuilt(index: Path, spoiled: Examined, new: Path, embedder: Embedder, progress: Progress) -> Generation:
    manifest, old = spoiled.manifest, spoiled.folder
    assert manifest is not None
    names = {fault.name for fault in spoiled.faults}
    shutil.copyfile(old / CATALOG_FILE, new / CATALOG_FILE)
    flush(new / CATALOG_FILE)
    catalog = CatalogReader(new)
    report = _counted(catalog, int(manifest.model["max_tokens"]))
    _write_words(catalog, new, progress)
    kept = [] if names & _VECTORS or "." in names else [KeptVectors(old)]
    writer = str(manifest.settings["indexer"])

    def note(passages: int, questions: int) -> None:
        note_made(new, Made(writer, embedder.fingerprint, passages, questions))

    embed_catalog(new, embedder, None, kept, report, progress, note)
    note(report.passages, report.questions)
    before = json.loads((old / REPORT).read_text(encoding="utf-8")) if REPORT not in names else None
    report.forgets = bool(before and before["forgets"])
    earlier = earlier_generations(index, None, needed=CATALOG_FILE, beside=RETIRED_FILE)
    report.count_retired(retire(new, earlier, [], report.passages, forget=report.forgets))
    catalog.close()
    stated = _report(before, report)
    (new / REPORT).write_text(json.dumps(stated, ensure_ascii=False, indent=1), encoding="utf-8")
    return publish(
        index,
        new,
        model=manifest.model,
        settings=manifest.settings,
        counts=manifest.counts,
        engine=report.engine,
        inputs=manifest.inputs,
        in_place_of=old.name,
    )


def _counted(catalog: CatalogReader, window_tokens: int) -> Report:
    """What a report counts of the episodes of a catalog."""
    report = Report(window_tokens=window_tokens)
    for episode in catalog.kept_episodes():
        report.add(episode.origin.counts)
        report.count_speakers(episode.speakers)
        if episode.cut is not None:
            report.add(episode.cut)
    report.files = len(catalog.episodes)
    report.questions = catalog.question_count()
    sources = {row.id: row.source for row in catalog.episodes}
    report.duplicates = {row.source: sources[row.duplicate_of] for row in catalog.episodes if row.duplicate_of}
    return report


def _report(before: dict[str, Any] | None, report: Report) -> dict[str, Any]:
    if before is not None:
        made = report.to_json()
        return {**before, **{name: made[name] for name in _NEW_IN_REPORT}}
    report.notes[REPORT] = _REPORT_LOST
    return report.to_json()


def _write_words(catalog: CatalogReader, folder: Path, progress: Progress) -> None:
    """The columns and the lexical index of a catalog."""
    columns, lexical = ColumnsWriter(folder), LexicalWriter(folder)
    total = len(catalog.episodes)
    for done, row in enumerate(catalog.episodes):
        progress("Reading passages", done, total)
        passages = catalog.worded(row.number)
        for passage in passages:
            columns.add(
                voice=passage.voice,
                section=passage.section,
                kind=passage.kind,
                episode=row.number,
                question=passage.question,
                sentences=passage.sentences,
            )
        lexical.add_episode([Worded(passage.text, passage.header, passage.asked) for passage in passages])
    progress("Reading passages", total, total)
    columns.close()
    lexical.close()
