"""Whether the shipped adapter finds more than the model that it belongs to: `make bench-adapter` prints the tables.

Both are asked the labelled questions over DATA/practicalai and those of QMSum's validation meetings, under the same
ranking. The adapter learnt from neither; `make adapter` makes it.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from embeddings.base import Embedder
from embeddings.model_files import DEFAULT_MODEL, PUBLISHED_MODEL, locate_model
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

NEEDED = ("qmsum/val.jsonl", "practicalai", "seeds", "questions/dev.jsonl")

Found = Mapping[str, Sequence[Judged]]


def main(arguments: Sequence[str]) -> int:
    """Prints the tables. Returns the exit code: 1 without the data."""
    data = Path(arguments[0])
    missing = [name for name in NEEDED if not (data / name).exists()]
    if missing:
        say(f"error: {data}: no {', '.join(missing)} there. Give the data folder with DATA=…", sys.stderr)
        return 1
    plain = open_embedder(locate_model(PUBLISHED_MODEL))
    adapted = open_embedder(locate_model(DEFAULT_MODEL))
    questions = read_questions(data / "questions" / "dev.jsonl")
    meetings = read_meetings(data / "qmsum" / "val.jsonl")
    talked = write_transcripts(meetings, CACHE / "qmsum-val")
    with (
        progress_bars() as progress,
        closing(archive_of([data / "practicalai", data / "seeds"], CACHE / "plain", plain, progress)) as archive,
        closing(archive_of([talked], CACHE / "qmsum-plain", plain, progress)) as talks,
        _of_other_vectors(archive, adapted, progress) as other,
        _of_other_vectors(talks, adapted, progress) as other_talks,
    ):
        before = _judged(questions, meetings, archive, talks)
        after = _judged(questions, meetings, other, other_talks)
    _print(before, after)
    return 0


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
        rows = {"as published": before[title], "with the adapter": after[title]}
        table(f"{title}, {len(before[title])} questions", HEADINGS.values(), {n: shares(f) for n, f in rows.items()})
        if title.startswith("split"):
            table("R@10 by kind", KINDS, {name: by_kind(found) for name, found in rows.items()})
        for name, one in compare(after[title], before[title]).items():
            say(f"{name}: {one.difference:+.3f} ({one.low:+.3f} to {one.high:+.3f})")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
