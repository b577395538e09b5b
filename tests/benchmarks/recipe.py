"""The shipped adapter made anew: `make adapter` trains it as it was trained, and says whether it is the same one.

It learns from the interviews in DATA/changelog and DATA/bitcoin by the questions that were written for passages of them
(written_questions.tsv), and from QMSum's training meetings by people's own questions. Indexes and the adapter are kept
under build/bench/.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

from embeddings.base import Embedder
from embeddings.model_files import (
    ADAPTER_WEIGHTS,
    DEFAULT_MODEL,
    PUBLISHED_MODEL,
    locate_model,
)
from embeddings.runtimes import open_embedder
from indexer.progress import Progress
from service.evaluate import Question
from service.progress import progress_bars
from tests.benchmarks.meetings import read_meetings, write_transcripts
from tests.benchmarks.quality import CACHE, archive_of, say
from tests.benchmarks.written import questions_of_meetings, written_questions
from training.adapt import adapt
from training.trainer import Recipe

LEARNT_FROM = ("changelog", "bitcoin")
RECIPE = Recipe(pairs=0, tokens=224, learning_rate=3e-4, in_one_go=True)
ADAPTER = CACHE / "adapter"


def main(arguments: Sequence[str]) -> int:
    """Trains it and prints what was measured. Returns the exit code: 1 without the data."""
    data = Path(arguments[0])
    missing = [name for name in (*LEARNT_FROM, "qmsum/train.jsonl") if not (data / name).exists()]
    if missing:
        say(f"error: {data}: no {', '.join(missing)} there. Give the data folder with DATA=…", sys.stderr)
        return 1
    base = locate_model(PUBLISHED_MODEL)
    plain = open_embedder(base)
    shutil.rmtree(ADAPTER, ignore_errors=True)
    with progress_bars() as progress:
        indexes, questions = zip(*_taught(data, plain, progress), strict=True)
        labelled = [question for some in questions for question in some]
        made = adapt(indexes, base, open_embedder, RECIPE, ADAPTER, [], progress, labelled)
    say(f"learnt from {dict(made.pairs)}; not from {dict(made.dropped)}")
    say((ADAPTER / "README.md").read_text(encoding="utf-8"))
    shipped = locate_model(DEFAULT_MODEL).adapters[-1]
    same = (ADAPTER / ADAPTER_WEIGHTS).read_bytes() == (shipped / ADAPTER_WEIGHTS).read_bytes()
    say(f"{ADAPTER}: {'the shipped adapter, byte for byte' if same else 'not the same bytes as the shipped adapter'}")
    return 0


def _taught(data: Path, plain: Embedder, progress: Progress) -> Iterator[tuple[Path, list[Question]]]:
    """Indexes and the questions that are answered there."""
    for name in LEARNT_FROM:
        with closing(archive_of([data / name], CACHE / name, plain, progress)) as archive:
            yield CACHE / name, written_questions(name, archive.catalog)
    meetings = read_meetings(data / "qmsum" / "train.jsonl")
    index = CACHE / "qmsum-train-index"
    archive_of([write_transcripts(meetings, CACHE / "qmsum-train")], index, plain, progress).close()
    yield index, questions_of_meetings(meetings)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
