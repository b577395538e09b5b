"""Whether a model trained on other interviews finds more: `make bench-adapter` trains one and prints the tables.

It learns from the interviews in DATA/changelog and DATA/bitcoin and from QMSum's training meetings, as `onrecord adapt`
learns, and is asked the labelled questions over DATA/practicalai and those of QMSum's validation meetings, beside the
model that it is made of, under the same ranking. What was made is kept under build/bench/.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from embeddings.base import Embedder
from embeddings.model_files import DEFAULT_MODEL, locate_model
from embeddings.runtimes import open_embedder
from indexer.progress import Progress
from indexer.reembed import reembedded
from service.archive import Archive, assemble
from service.evaluate import Judged, Question, compare, judge, read_questions
from service.progress import progress_bars
from service.ranking import Mode
from tests.benchmarks.meetings import Meeting, judge_meetings, read_meetings, write_transcripts
from tests.benchmarks.quality import (
    CACHE,
    HEADINGS,
    KINDS,
    OURS,
    SPLITS,
    archive_of,
    by_kind,
    of_split,
    say,
    shares,
    table,
)
from training.adapt import adapt
from training.trainer import Recipe

LEARNT_FROM = ("changelog", "bitcoin")
ADAPTER = CACHE / "adapter"

Found = Mapping[str, Sequence[Judged]]


def main(arguments: Sequence[str]) -> int:
    """Prints the tables. Returns the exit code: 1 without the data."""
    data, pairs = Path(arguments[0]), int(arguments[1])
    needed = (*LEARNT_FROM, "qmsum/train.jsonl", "qmsum/val.jsonl", "practicalai", "seeds", "questions/dev.jsonl")
    missing = [name for name in needed if not (data / name).exists()]
    if missing:
        say(f"error: {data}: no {', '.join(missing)} there. Give the data folder with DATA=…", sys.stderr)
        return 1
    base = locate_model(DEFAULT_MODEL)
    plain = open_embedder(base)
    with progress_bars() as progress:
        indexes = [_indexed([data / name], name, plain, progress) for name in LEARNT_FROM]
        indexes.append(_indexed([_transcripts(data, "train")], "qmsum-train-index", plain, progress))
        shutil.rmtree(ADAPTER, ignore_errors=True)
        made = adapt(indexes, base, open_embedder, Recipe(pairs=pairs, learning_rate=2e-4), ADAPTER, [], progress)
        say(f"learnt from {sum(made.pairs.values())} pairs, {dict(made.pairs)}; not from {dict(made.dropped)}")
        questions = read_questions(data / "questions" / "dev.jsonl")
        meetings = read_meetings(data / "qmsum" / "val.jsonl")
        with (
            closing(archive_of([data / "practicalai", data / "seeds"], CACHE / "archive", plain, progress)) as archive,
            closing(archive_of([_transcripts(data, "val")], CACHE / "qmsum-index", plain, progress)) as talks,
        ):
            before = _judged(questions, meetings, archive, talks)
            adapted = open_embedder(locate_model(str(ADAPTER)))
            with (
                _of_other_vectors(archive, adapted, progress) as other,
                _of_other_vectors(talks, adapted, progress) as other_talks,
            ):
                after = _judged(questions, meetings, other, other_talks)
    _print(before, after)
    return 0


def _indexed(paths: Sequence[Path], name: str, embedder: Embedder, progress: Progress) -> Path:
    archive_of(paths, CACHE / name, embedder, progress).close()
    return CACHE / name


def _transcripts(data: Path, part: str) -> Path:
    folder = CACHE / f"qmsum-{part}"
    write_transcripts(read_meetings(data / "qmsum" / f"{part}.jsonl"), folder)
    return folder


@contextmanager
def _of_other_vectors(archive: Archive, embedder: Embedder, progress: Progress) -> Iterator[Archive]:
    """The same passages under another model's vectors."""
    with tempfile.TemporaryDirectory(dir=CACHE) as folder:
        generation = reembedded(archive.generation, Path(folder), embedder, progress)
        with closing(assemble(generation, embedder)) as other:
            yield other


def _judged(
    questions: Sequence[Question], meetings: Sequence[Meeting], archive: Archive, talks: Archive
) -> dict[str, list[Judged]]:
    """What is found, by what it is asked of and how it is ranked."""
    found = {}
    for mode, name in ((Mode.HYBRID, "full ranking"), (Mode.DENSE, "by meaning alone")):
        judged = judge(questions, archive, mode)
        found.update({f"split {split}, {name}": of_split(judged, split) for split in SPLITS})
    return {**found, "validation meetings of QMSum, full ranking": judge_meetings(meetings, talks)[OURS]}


def _print(before: Found, after: Found) -> None:
    for title in before:
        rows = {"as published": before[title], "trained": after[title]}
        table(f"{title}, {len(before[title])} questions", HEADINGS.values(), {n: shares(f) for n, f in rows.items()})
        if title.startswith("split"):
            table("R@10 by kind", KINDS, {name: by_kind(found) for name, found in rows.items()})
        for name, one in compare(after[title], before[title]).items():
            say(f"{name}: {one.difference:+.3f} ({one.low:+.3f} to {one.high:+.3f})")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
