"""Workers that index one archive together into one store: what they do in a second, one, two and four of them.

    python -m tests.benchmarks.shared TRANSCRIPTS [--episodes N]

Every worker is a process of `onrecord index --shared`, held to one core: two workers have twice what one has, and on
two cores four have no more than two. The `milvus-lite server` that they write to runs beside them on all cores.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from indexer.generations import current_generation
from service.places import StoredIndex
from tests.benchmarks.speed import COMMAND, row, say
from tests.store.server import Server

_WORKERS = (1, 2, 4)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("transcripts", type=Path)
    parser.add_argument("--episodes", type=int, default=40)
    arguments = parser.parse_args()
    with TemporaryDirectory() as folder:
        talks = Path(folder) / "talks"
        talks.mkdir()
        for file in sorted(arguments.transcripts.glob("*.md"))[: arguments.episodes]:
            shutil.copy(file, talks)
        cores = sorted(os.sched_getaffinity(0))
        alone = _seconds(talks, Path(folder) / "alone", cores[:1], None)
        passages = current_generation(Path(folder) / "alone").manifest.counts["passages"]
        say(f"{arguments.episodes} episodes, {passages} passages, {len(cores)} cores")
        row("on disk, one process on one core", f"{passages / alone:.0f} passages/s")
        first = 0.0
        for workers in _WORKERS:
            seconds = _shared(talks, Path(folder) / f"shared-{workers}", workers, cores)
            first = first or seconds
            row(
                f"shared by {workers}",
                f"{passages / seconds:.0f} passages/s",
                f"{first / seconds:.2f} times one worker",
            )


def _shared(talks: Path, folder: Path, workers: int, cores: Sequence[int]) -> float:
    folder.mkdir()
    server = Server(folder)
    server.start()
    try:
        started = time.perf_counter()
        running = [
            _started(talks, folder / str(worker), [cores[worker % len(cores)]], server.address("shared"))
            for worker in range(workers)
        ]
        assert [process.wait() for process in running] == [0] * workers
        seconds = time.perf_counter() - started
        StoredIndex(server.connected("shared")).live()
    finally:
        server.kill()
    return seconds


def _seconds(talks: Path, out: Path, cores: Sequence[int], store: str | None) -> float:
    started = time.perf_counter()
    assert _started(talks, out, cores, store).wait() == 0
    return time.perf_counter() - started


def _started(talks: Path, out: Path, cores: Sequence[int], store: str | None) -> subprocess.Popen[bytes]:
    command: list[str | Path] = ["taskset", "-c", ",".join(map(str, cores)), COMMAND, "index", talks, "--out", out]
    if store:
        command += ["--store", store, "--shared"]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


if __name__ == "__main__":
    main()
