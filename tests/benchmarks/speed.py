"""How fast and how large the service is, each figure beside its reference, all of one run.

    python -m tests.benchmarks.speed TRANSCRIPTS… [--index DIR] [--no-txtai] [--sizes N…]

TRANSCRIPTS are indexed into build/bench/archive, from nothing; `--index` measures an index that is finished. The
references are one `SentenceTransformer.encode` of the same query or passages (float32, as it comes), txtai over the
same passages, in a virtual environment of its own under build/bench, and the machine's roofs. The service is then
measured again over larger archives, grown from the real one.

Other work on the machine makes every absolute figure worse, from second to second: what is compared takes turns, of
seconds each, several times.
"""

from __future__ import annotations

import argparse
import compileall
import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from functools import reduce
from operator import add
from pathlib import Path

import numpy as np

from embeddings.model_files import DEFAULT_MODEL, locate_model
from indexer.catalog import CatalogReader
from indexer.generations import Generation, current_generation
from indexer.vectors import VectorReader
from tests.benchmarks.grown import grown_index
from tests.benchmarks.servers import PORT, Load, Running, milliseconds, running

CACHE = Path("build/bench")
QUESTIONS = Path("seeds/questions.jsonl")
COMMAND = Path(sys.executable).with_name("onrecord")
TXTAI = ("txtai[api]==9.14.0", "torch==2.13.0")
CLIENTS = (1, 8, 32)
ROUNDS = 4
SECONDS = 2.0
SIZES = (40_000, 200_000, 1_000_000)
# Workers that are not waited for have come up by then.
_SETTLED_S = 3.0
_TURN_S = 30.0
_SAMPLED = 10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("transcripts", type=Path, nargs="+")
    parser.add_argument("--index", type=Path)
    parser.add_argument("--no-txtai", action="store_true")
    parser.add_argument("--sizes", type=int, nargs="*", default=SIZES, help="passages of the grown archives")
    arguments = parser.parse_args()
    index = arguments.index or CACHE / "archive"
    for package in ("embeddings", "indexer", "service"):
        compileall.compile_dir(package, quiet=1)  # as pip does when it installs them; an editable install is not
    print_roofs()
    if arguments.index is None:
        print_indexing(arguments.transcripts, index)
    generation = current_generation(index)
    say(f"\n{generation.manifest.counts['episodes']} episodes, {generation.manifest.counts['passages']} passages")
    _print_disk(generation)
    print_service(index, {} if arguments.no_txtai else _txtai_indexes(generation))
    for passages in arguments.sizes:
        print_grown(generation, passages)


def row(name: str, value: str, reference: str = "") -> None:
    say(f"{name:<46}{value:>26}   {reference}")


def print_roofs() -> None:
    one = np.ones((1024, 1024), dtype=np.float32)
    seconds = min(_timed(lambda: one @ one) for _ in range(10))
    row("roof: float32 matrices (numpy)", f"{2 * 1024**3 / seconds / 1e9:.0f} GFLOP/s")
    source = np.ones(64_000_000, dtype=np.float32)
    target = np.empty_like(source)
    seconds = min(_timed(lambda: np.copyto(target, source)) for _ in range(5))
    row("roof: copying (numpy)", f"{2 * source.nbytes / seconds / 1e9:.1f} GB/s")


def print_indexing(transcripts: Sequence[Path], index: Path) -> None:
    """All files from nothing to an index; it is stopped now and then, for the model alone to encode some passages."""
    sample = CACHE / "sample"
    files = [path for folder in transcripts for path in sorted(folder.rglob("*.md"))]
    _index(files[::_SAMPLED], sample)
    shutil.rmtree(index, ignore_errors=True)
    with _asked(_alone("encode", sample)) as encode:
        encode()  # it is loaded, and idle from here
        seconds, alone = _index_in_turns(transcripts, index, encode)
    made = current_generation(index).manifest.counts["passages"] / seconds
    encoded = 1 / float(np.mean(alone))
    row(
        "indexing, everything included",
        f"{made:.0f} passages/s",
        f"SentenceTransformer.encode alone {encoded:.0f}/s, {made / encoded:.2f} times",
    )


def print_service(index: Path, txtai: Mapping[str, Path]) -> None:
    """The service, and in turns with it one encoding of the same queries, and txtai, in process and as a server.

    Args:
        txtai: indexes of the same passages by what they are.
    """
    command: list[str | Path] = [COMMAND, "serve", "--index", index, "--port", str(PORT)]
    with ExitStack() as until_the_end:
        alone = {
            "SentenceTransformer.encode of a query": _alone("encode-queries"),
            "a search in process": _alone("ask", index),
            **{f"{kind}: a search in process": _txtai("ask", built, QUESTIONS) for kind, built in txtai.items()},
        }
        asking = {name: until_the_end.enter_context(_asked(command)) for name, command in alone.items()}
        took: dict[str, list[float]] = {name: [] for name in asking}
        for ask in asking.values():
            ask()  # it is loaded, and idle from here
        ours = until_the_end.enter_context(running(command, "/v1/search?limit=10&query="))
        time.sleep(_SETTLED_S)
        small = ours.megabytes("RssAnon")
        theirs = {
            kind: until_the_end.enter_context(_txtai_server(built, PORT + 1 + place))
            for place, (kind, built) in enumerate(txtai.items())
        }
        loads: dict[tuple[str, int], list[Load]] = {}
        for _ in range(ROUNDS):
            for clients in CLIENTS:
                for name, server in {"ours": ours, **theirs}.items():
                    loads.setdefault((name, clients), []).append(server.load(clients, SECONDS, QUESTIONS))
                for name, ask in asking.items():
                    took[name] += ask()
        borne = {which: reduce(add, parts) for which, parts in loads.items()}
        for name, seconds in took.items():
            row(f"{name}: p50 / p95 / p99", times(seconds))
        for name in ("ours", *theirs):
            for clients in CLIENTS:
                _print_load(name, borne[name, clients], borne["ours", clients])
            server = theirs.get(name, ours)
            row(f"{name}: cold start to the first answer", f"{server.cold_s:.2f} s")
            row(f"{name}: RssAnon, after the load", f"{server.megabytes('RssAnon'):.0f} MB")
        row("ours: RssAnon, at first", f"{small:.0f} MB")
        row("ours: RSS, mapped index files included", f"{ours.megabytes('VmRSS'):.0f} MB")


def print_grown(generation: Generation, passages: int) -> None:
    """The service over an archive of that many passages, grown from the real one."""
    grown = grown_index(generation, passages, CACHE / f"grown-{passages}-{generation.manifest.id}")
    say(f"\n{grown.manifest.counts['episodes']} episodes, {grown.manifest.counts['passages']} passages, grown")
    engine = grown.manifest.engine
    row("engine and its recall of the 100 nearest", f"{engine['name']} {engine['recall_at_100']:.3f}")
    _print_disk(grown)
    print_service(grown.folder.parent.parent, {})


def _print_disk(generation: Generation) -> None:
    size = sum(path.stat().st_size for path in generation.folder.rglob("*") if path.is_file())
    row("index on disk", f"{size / generation.manifest.counts['passages']:.0f} bytes/passage")


def _txtai_indexes(generation: Generation) -> dict[str, Path]:
    """txtai's over the same passages, made once: hybrid as it comes, and dense."""
    built = CACHE / f"txtai-{generation.manifest.id}"
    if not (built / "dense").exists():
        shutil.rmtree(built, ignore_errors=True)
        built.mkdir(parents=True)
        texts = list(_texts(generation))
        (built / "passages.json").write_text(json.dumps(texts), encoding="utf-8")
        np.save(built / "vectors.npy", VectorReader(generation.folder).passages.vectors(np.arange(len(texts))))
        model = locate_model(DEFAULT_MODEL).path
        subprocess.run(_txtai("build", model, built / "passages.json", built), check=True)
    return {f"txtai {kind}": built / kind for kind in ("dense", "hybrid")}


@contextmanager
def _txtai_server(index: Path, port: int) -> Iterator[Running]:
    settings = index.with_suffix(".yml")
    model = locate_model(DEFAULT_MODEL).path
    settings.write_text(f"path: {index.resolve()}\nembeddings:\n  path: {model}\n", encoding="utf-8")
    command: list[str | Path] = [_txtai_python(), "-m", "uvicorn", "txtai.api:app", "--port", str(port)]
    with running(command, "/search?limit=10&query=", {"CONFIG": str(settings.resolve())}, port) as server:
        yield server


def _print_load(name: str, found: Load, ours: Load) -> None:
    failed = f", {found.failed} FAILED" if found.failed else ""
    ratio = "" if found is ours else f"ours {ours.per_second / found.per_second:.2f} times"
    row(f"{name}: over HTTP, {found.clients} clients, per second", f"{found.per_second:.0f}{failed}", ratio)
    row("  p50 / p95 / p99", times(found.seconds))


def times(seconds: Sequence[float]) -> str:
    p50, p95, p99 = milliseconds(seconds)
    return f"{p50:.1f} / {p95:.1f} / {p99:.1f} ms"


def _index(paths: Sequence[Path], out: Path) -> None:
    # Exit code 1 says that some file is no transcript; without an index, what comes next says so.
    subprocess.run([COMMAND, "index", *paths, "--out", out], capture_output=True, check=False)


def _index_in_turns(paths: Sequence[Path], out: Path, other: Callable[[], list[float]]) -> tuple[float, list[float]]:
    """The seconds that the index took while it was not stopped, and what the other one gave."""
    quiet = subprocess.DEVNULL
    seconds, given = 0.0, []
    with subprocess.Popen([COMMAND, "index", *paths, "--out", out], stdout=quiet, stderr=quiet) as process:
        while process.poll() is None:
            started = time.perf_counter()
            with suppress(subprocess.TimeoutExpired):
                process.wait(_TURN_S)
            process.send_signal(signal.SIGSTOP)
            seconds += time.perf_counter() - started
            given += other()
            process.send_signal(signal.SIGCONT)
    return seconds, given


def _alone(*arguments: str | Path) -> list[str | Path]:
    return [sys.executable, "-m", "tests.benchmarks.alone", *arguments]


def _txtai(*arguments: str | Path) -> list[str | Path]:
    return [_txtai_python(), Path(__file__).with_name("txtai_runs.py"), *arguments]


@contextmanager
def _asked(command: Sequence[str | Path]) -> Iterator[Callable[[], list[float]]]:
    """A process that does its work whenever it is told to: the seconds of each piece. No library is shared with it."""
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        told, answers = process.stdin, process.stdout

        def ask() -> list[float]:
            print(file=told, flush=True)
            found: list[float] = json.loads(answers.readline())
            return found

        yield ask
        told.close()


def _txtai_python() -> Path:
    folder = CACHE / "txtai-venv"
    python = folder / "bin" / "python"
    if not (folder / "made").exists():
        say("txtai is installed into a virtual environment of its own, once …")
        subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", "--quiet", *TXTAI], check=True)
        (folder / "made").touch()
    return python


def _texts(generation: Generation) -> Iterator[str]:
    catalog = CatalogReader(generation.folder)
    yield from (stored.passage.text for stored in catalog.all_passages())
    catalog.close()


def _timed(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    main()
