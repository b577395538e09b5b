"""How good the ranking is beside what plain tools do: `make bench-quality` prints the tables.

It needs the data folder, which is not part of the project. Indexes and vectors are kept under build/bench/, so that a
second run takes a minute.
"""

from __future__ import annotations

import json
import re
import statistics
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import mock

from embeddings.base import Embedder, Fingerprint, PassageInput, PassageVectors, Vectors
from embeddings.model_files import DEFAULT_MODEL, locate_model
from embeddings.runtimes import Runtime, open_embedder
from indexer.build import build_index
from indexer.generations import current_generation
from indexer.passages import Chunking
from indexer.progress import Progress
from indexer.vocabulary import Vocabulary
from service.archive import Archive, assemble
from service.evaluate import (
    COMPARED,
    Judged,
    Question,
    compare,
    is_answered_by,
    is_asked_of,
    judge,
    measure,
    measure_by_kind,
    read_questions,
)
from service.filters import Filters, resolve
from service.progress import progress_bars
from service.ranking import CANDIDATES, WEIGHTS, Mode
from service.search import Search, search, search_many
from tests.benchmarks.chunks import judge_chunks
from tests.benchmarks.labels import Labels, is_label_of, shares_words
from tests.benchmarks.meetings import judge_meetings, read_meetings, write_transcripts
from tests.benchmarks.plain import PLAIN, embed_cached, fused, judge_plain, judged, nearest, units_of

CACHE = Path("build/bench")
SAMPLES = Path("seeds")
NEEDED = ("practicalai", "seeds", "changelog/shipit", "qmsum/val.jsonl", "questions/dev.jsonl")
SPLITS = ("tune", "report")
TITLES: Mapping[str, str | None] = {"both splits": None, "split report": "report"}
KINDS = ("P", "F", "O", "Q")
HEADINGS = {
    "recall_at_1": "R@1",
    "recall_at_5": "R@5",
    "recall_at_10": "R@10",
    "mrr_at_10": "MRR@10",
    "recall_at_1000_tokens": "R@1000 tok",
}
OURS = "ours"

Rows = Mapping[str, Sequence[Judged]]


def main(arguments: Sequence[str]) -> int:
    """Prints the tables. Returns the exit code: 1 without the data."""
    data = Path(arguments[0] if arguments else "../shared/data")
    missing = [name for name in NEEDED if not (data / name).exists()]
    if missing:
        say(
            f"error: {data}: no {', '.join(missing)} there. Give the data folder: make bench-quality DATA=…", sys.stderr
        )
        return 1
    folder = locate_model(DEFAULT_MODEL)
    embedder = open_embedder(folder)
    questions = read_questions(data / "questions" / "dev.jsonl")
    with progress_bars() as progress:
        archive = archive_of([data / "practicalai", data / "seeds"], CACHE / "archive", embedder, progress)
        say(f"{archive.generation.manifest.counts} of {DEFAULT_MODEL}, {len(questions)} questions")
        rows = print_rankings(questions, archive, progress)
        print_gains(rows)
        print_misspelt(questions, archive)
        print_faults(questions, speakers_of(data / "questions" / "dev.jsonl"), data / "practicalai", archive)
        print_common_practice(questions, rows[OURS], archive, progress)
        print_meetings(data / "qmsum" / "val.jsonl", embedder, progress)
        large = [data / "practicalai", data / "seeds", data / "changelog" / "shipit", SAMPLES]
        archive = archive_of(large, CACHE / "large", embedder, progress)
    print_samples(read_questions(SAMPLES / "questions.jsonl"), archive)
    print_times(questions, archive, open_embedder(folder, Runtime.SENTENCE_TRANSFORMERS))
    return 0


def archive_of(paths: Sequence[Path], index: Path, embedder: Embedder, progress: Progress) -> Archive:
    """Transcripts indexed by our own indexer; what is there already is reused."""
    build_index(
        paths,
        index,
        model=embedder.fingerprint,
        load_embedder=lambda: embedder,
        chunking=Chunking(),
        strict=False,
        progress=progress,
    )
    return assemble(current_generation(index), embedder)


def print_rankings(questions: Sequence[Question], archive: Archive, progress: Progress) -> dict[str, list[Judged]]:
    """Plain rankings, ours, and ours with one signal less. Returns what was found."""
    units = units_of(archive)
    right = [right_passages(question, archive) for question in questions]
    vectors = archive.embedder.embed_queries([question.query for question in questions])
    mask = resolve(Filters(), archive).mask
    rows = dict(judge_plain(questions, vectors, [mask] * len(questions), right, units))
    bare = embed_cached("bare", units.texts, archive.embedder, CACHE, progress)
    rows["dense, passage without header"] = [
        judged(question, nearest(vector, mask, bare), answers, units)
        for question, vector, answers in zip(questions, vectors, right, strict=True)
    ]
    rows[OURS] = judge(questions, archive, Mode.HYBRID)
    for signal in (name for name, weight in WEIGHTS[Mode.HYBRID].items() if weight):
        name = "the host's turns told apart" if signal == "answer" else signal
        with mock.patch.dict(WEIGHTS, {Mode.HYBRID: {**WEIGHTS[Mode.HYBRID], signal: 0.0}}):
            rows[f"  without {name}"] = judge(questions, archive, Mode.HYBRID)
    for split in SPLITS:
        metrics = {name: shares(of_split(found, split)) for name, found in rows.items()}
        table(f"split {split}", HEADINGS.values(), metrics)
    for title, chosen in TITLES.items():
        kinds = {name: by_kind(of_split(found, chosen)) for name, found in rows.items()}
        table(f"R@10 by kind, {title}", KINDS, kinds)
    return rows


def print_misspelt(questions: Sequence[Question], archive: Archive) -> None:
    """One rare word of each question with two letters exchanged: the cost, and what the nearest word gives back."""
    changed = [replace(question, query=misspelt(question.query, archive)) for question in questions]
    rows = {"as asked": judge(questions, archive, Mode.HYBRID), "misspelt": judge(changed, archive, Mode.HYBRID)}
    with mock.patch.object(Vocabulary, "nearest", return_value=None):
        rows["misspelt, taken as it stands"] = judge(changed, archive, Mode.HYBRID)
    kinds = {name: by_kind(found) for name, found in rows.items()}
    table("R@10 by kind, with a misspelt word", KINDS, kinds)


def misspelt(query: str, archive: Archive) -> str:
    """The query, with two letters inside its rarest longer word exchanged."""
    words = [word for word in re.findall(r"[^\W\d_]{5,}", query) if word[2] != word[3]]
    if not words:
        return query
    word = min(words, key=lambda word: sum(map(archive.lexical.vocabulary.frequency, archive.lexical.terms(word))))
    return query.replace(word, f"{word[:2]}{word[3]}{word[2]}{word[4:]}", 1)


def print_gains(rows: Rows) -> None:
    """Ours less the best plain ranking, metric by metric, on the questions that nothing was fitted to."""
    reported = {name: of_split(rows[name], "report") for name in (*PLAIN, OURS)}
    lines = {}
    for name in COMPARED:
        best = max(PLAIN, key=lambda plain: getattr(measure(reported[plain]), name))
        found = compare(reported[OURS], reported[best])[name]
        interval = f"{found.low:+.3f} to {found.high:+.3f}"
        counts = f"{found.won} won, {found.lost} lost, {found.tied} tied"
        lines[HEADINGS[name]] = (best, f"{found.difference:+.3f}", interval, counts)
    table("ours less the best plain ranking, split report", ("best", "difference", "95 % interval", ""), lines)
    for title, chosen in TITLES.items():
        tables = {name: measure_by_kind(of_split(rows[name], chosen)) for name in (*PLAIN, OURS)}
        gains = {
            kind: tables[OURS][kind].recall_at_10 - max(tables[name][kind].recall_at_10 for name in PLAIN)
            for kind in KINDS
        }
        say(f"ours less the best plain ranking of each kind, R@10, {title}: {_joined(gains, '+.3f')}")


def print_faults(questions: Sequence[Question], speakers: Sequence[str], folder: Path, archive: Archive) -> None:
    """How often the first ten hold the same words twice, or words that the file gives to somebody else."""
    found = search_many([Search(question.query) for question in questions], archive)
    doubles = sum(shares_words(hits.hits) for hits in found)
    say(f"\nqueries with two hits in the first 10 that share more than half of their words: {doubles} of {len(found)}")
    filtered = [Search(q.query, filters=Filters(speaker=s)) for q, s in zip(questions, speakers, strict=True)]
    hits = [hit for hits in search_many(filtered, archive) for hit in hits.hits]
    labels: dict[str, Labels] = {}
    wrong = unplaced = 0
    for hit in hits:
        source = archive.catalog.episodes[hit.stored.episode].source
        labels[source] = labels.get(source) or Labels(folder / source)
        label = labels[source].said_by(hit.stored.passage.text)
        unplaced += label is None
        wrong += label is not None and not is_label_of(label, archive.catalog.voices[hit.stored.voice])
    say(f"under a speaker filter: {wrong} of {len(hits)} hits are another's by the file's labels, {unplaced} nobody's")


def print_common_practice(
    questions: Sequence[Question], ours: Sequence[Judged], archive: Archive, progress: Progress
) -> None:
    """Chunks cut across turns, which is what most pipelines do."""
    vectors = archive.embedder.embed_queries([question.query for question in questions])
    chunks = judge_chunks(questions, vectors, archive, CACHE, progress)
    rows = {"chunks of 250 tokens, RRF": chunks, OURS: ours}
    tokens = {
        name: [*(f"{measure(of_split(found, split)).recall_at_1000_tokens:.3f}" for split in SPLITS)]
        for name, found in rows.items()
    }
    table("R@1000 tok beside common practice", SPLITS, tokens)


def print_meetings(path: Path, embedder: Embedder, progress: Progress) -> None:
    """QMSum: questions about one long meeting, within it. The weights were fitted on other meetings of it."""
    meetings = read_meetings(path)
    write_transcripts(meetings, CACHE / "qmsum")
    rows = judge_meetings(meetings, archive_of([CACHE / "qmsum"], CACHE / "qmsum-index", embedder, progress))
    count = len(rows[OURS])
    table(
        f"{len(meetings)} validation meetings of QMSum, {count} questions",
        HEADINGS.values(),
        {n: shares(f) for n, f in rows.items()},
    )
    for name in COMPARED:
        best = max(PLAIN, key=lambda plain: getattr(measure(rows[plain]), name))
        found = compare(rows[OURS], rows[best])[name]
        say(f"ours less {best}, {HEADINGS[name]}: {found.difference:+.3f} ({found.low:+.3f} to {found.high:+.3f})")


def print_samples(questions: Sequence[Question], archive: Archive) -> None:
    """The questions of the sample interviews, which are a few among hundreds here."""
    vectors = archive.embedder.embed_queries([question.query for question in questions])
    right = [right_passages(question, archive) for question in questions]
    everything = [resolve(Filters(), archive).mask] * len(questions)
    rows = dict(judge_plain(questions, vectors, everything, right, units_of(archive)))
    rows[OURS] = judge(questions, archive, Mode.HYBRID)
    sources = len(archive.catalog.episodes)
    table(
        f"{len(questions)} questions on the samples, {sources} files",
        HEADINGS.values(),
        {name: shares(found) for name, found in rows.items()},
    )


def print_times(questions: Sequence[Question], archive: Archive, reference: Embedder) -> None:
    """What a search costs beside embedding its query, and what of that our ranking adds to a plain one.

    The plain one takes as many candidates from either side, joins them by rank fusion, and reads the first ten.
    """
    clocked = Clocked(archive.embedder)
    archive = replace(archive, embedder=clocked)
    archive.embedder.warm_up()
    reference.embed_queries(["warm up"])
    mask = resolve(Filters(), archive).mask
    vectors = archive.embedder.embed_queries([question.query for question in questions])
    embedding, rest, plain, beside = [], [], [], []
    for question, vector in zip(questions, vectors, strict=True):
        clocked.seconds = 0.0
        started = time.perf_counter()
        search(Search(question.query), archive)
        rest.append(time.perf_counter() - started - clocked.seconds)
        embedding.append(clocked.seconds)
        started = time.perf_counter()
        dense = archive.vectors.nearest(vector, CANDIDATES, mask).tolist()
        words = archive.lexical.matched(archive.lexical.terms(question.query)).best(CANDIDATES, mask).tolist()
        archive.catalog.passages(fused([dense, words])[:10])
        plain.append(time.perf_counter() - started)
        started = time.perf_counter()
        reference.embed_queries([question.query])
        beside.append(time.perf_counter() - started)
    ours, others, all_of_it, least = (statistics.median(s) * 1000 for s in (embedding, beside, rest, plain))
    added = all_of_it - least
    say(f"\n{archive.passages} passages, median times without embedding the query")
    say(f"a search {all_of_it:.1f} ms, a plain one {least:.1f} ms; our ranking adds {added:.1f} ms, that is")
    say(f"{added / ours:.2f} times embedding the query by our runtime ({ours:.1f} ms),")
    say(f"{added / others:.2f} times embedding it by sentence-transformers ({others:.1f} ms)")


class Clocked:
    """An `Embedder` that counts the seconds spent on queries."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self.seconds = 0.0

    @property
    def fingerprint(self) -> Fingerprint:
        return self._embedder.fingerprint

    @property
    def passage_overhead(self) -> int:
        return self._embedder.passage_overhead

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return self._embedder.count_tokens(texts)

    def warm_up(self) -> None:
        self._embedder.warm_up()

    def warm_up_passages(self) -> None:
        self._embedder.warm_up_passages()

    def embed_queries(self, queries: Sequence[str]) -> Vectors:
        started = time.perf_counter()
        try:
            return self._embedder.embed_queries(queries)
        finally:
            self.seconds += time.perf_counter() - started

    def embed_passages(self, passages: Sequence[PassageInput]) -> list[PassageVectors]:
        return self._embedder.embed_passages(passages)


def right_passages(question: Question, archive: Archive) -> set[int]:
    """The passages that hold an answer, as `service.evaluate` judges."""
    return {
        stored.number
        for row in archive.catalog.episodes
        if is_asked_of(question.episode, row.source)
        for stored in archive.catalog.passages_of(row.number)
        if is_answered_by(question, stored.passage.text)
    }


def speakers_of(path: Path) -> list[str]:
    """Who gives the answer to each question of a file."""
    return [json.loads(line)["speaker"] for line in path.read_text(encoding="utf-8").split("\n") if line.strip()]


def of_split(found: Sequence[Judged], split: str | None) -> list[Judged]:
    """Those of a split; None is all."""
    return [entry for entry in found if split is None or entry.question.split == split]


def shares(found: Sequence[Judged]) -> list[str]:
    metrics = measure(found)
    return [f"{getattr(metrics, name):.3f}" for name in HEADINGS]


def by_kind(found: Sequence[Judged]) -> list[str]:
    tables = measure_by_kind(found)
    return [f"{tables[kind].recall_at_10:.3f}" for kind in KINDS]


def table(title: str, headings: Iterable[str], rows: Mapping[str, Sequence[str]]) -> None:
    """Prints a table in plain text, under its title."""
    cells = [(title, *headings), *((name, *values) for name, values in rows.items())]
    widths = [max(len(row[column]) for row in cells) for column in range(len(cells[0]))]
    say("")
    for first, *others in cells:
        say(
            "  ".join([first.ljust(widths[0]), *(c.rjust(w) for c, w in zip(others, widths[1:], strict=True))]).rstrip()
        )


def say(line: str, stream: Any = None) -> None:
    print(line, file=stream or sys.stdout, flush=True)


def _joined(values: Mapping[str, float], form: str) -> str:
    return ", ".join(f"{name} {value:{form}}" for name, value in values.items())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
