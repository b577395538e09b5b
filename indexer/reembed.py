"""A generation's catalog with the vectors of another model, for a comparison: it is never published."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

from embeddings.base import Embedder
from indexer.catalog import CatalogReader
from indexer.embed import embed_catalog
from indexer.generations import Generation
from indexer.progress import Progress
from indexer.report import Report
from indexer.vectors import CODES_FILE, NEAREST_FILE, PASSAGES_FILE, QUESTIONS_FILE, SENTENCES_FILE


def reembedded(generation: Generation, folder: Path, embedder: Embedder, progress: Progress) -> Generation:
    """The same passages under another model's vectors, in a folder that is there and empty."""
    written_anew = shutil.ignore_patterns(PASSAGES_FILE, SENTENCES_FILE, QUESTIONS_FILE, NEAREST_FILE, CODES_FILE)
    shutil.copytree(generation.folder, folder, ignore=written_anew, dirs_exist_ok=True)
    counts = generation.manifest.counts
    catalog = CatalogReader(folder)
    report = Report(
        window_tokens=embedder.fingerprint.max_tokens,
        passages=counts["passages"],
        sentences=counts["sentences"],
        questions=catalog.question_count(),
    )
    catalog.close()
    embed_catalog(folder, embedder, None, [], report, progress, lambda *_: None)
    model = embedder.fingerprint.to_json()
    return replace(generation, folder=folder, manifest=replace(generation.manifest, model=model))
