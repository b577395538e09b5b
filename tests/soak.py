"""A service under a mixed load for a long time, while new generations are published: errors, times, memory.

    python -m tests.soak [--minutes M] [--index DIR] [--clients N] [--seed S]

`onrecord serve` with two processes is asked by 32 clients, without pause, requests of every kind (tests/loading/mix.py
says which, and what each answer must be). It serves the sample interviews; `onrecord index` adds an episode to them,
changes it and takes it away, again and again. With --index that index is served, and nothing is published.

Prints the times by endpoint and the memory's slope, and exits with 1 where one answer was wrong, a generation was not
taken up, an answer named a generation that never was, or the memory grew (tests/loading/memory.py says what that is).
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from shutil import copytree
from tempfile import TemporaryDirectory
from threading import Event

from indexer.generations import live_name
from tests.benchmarks.load import questions_of
from tests.conftest import COMMAND, SEEDS, serving
from tests.indexer.making import interview, write
from tests.loading.client import Client
from tests.loading.memory import Weighing, slope
from tests.loading.mix import KINDS, Asking, holdings
from tests.loading.times import table, together

_PUBLISHED_IN_A_RUN = 30
_LEAST_BETWEEN_S = 10.0


def published(talks: Path, index: Path, stop: Event, every_s: float) -> list[str]:
    """Publishes generations until it is stopped; returns their names, that of the first one included."""
    names = [live_name(index)]
    talk = talks / "comes-and-goes.md"
    while not stop.wait(every_s):
        number = len(names)
        if number % 3:
            write(talk, interview("harbours", answers=number % 3 + 1))
        else:
            talk.unlink()
        subprocess.run([COMMAND, "index", talks, "--out", index], check=True, capture_output=True)
        names.append(live_name(index))
    return names


def _ask_until(asking: Asking, end: float) -> Asking:
    while time.monotonic() < end:
        asking.ask()
    asking.close()
    return asking


def soak(minutes: float, index: Path | None, clients: int, seed: int, folder: Path) -> list[str]:
    """Runs it, prints what was found, and returns what was wrong."""
    talks, served = folder / "talks", index or folder / "index"
    if index is None:
        copytree(SEEDS, talks)
        subprocess.run([COMMAND, "index", talks, "--out", served], check=True, capture_output=True)
    stop = Event()
    with serving(served, os.environ, folder / "log.txt") as (address, process):
        first = Client(address)
        held = holdings(first, questions_of(SEEDS / "questions.jsonl"))
        asking = [Asking(address, held, seed * 1000 + number) for number in range(clients)]
        with ThreadPoolExecutor(clients + 1) as pool, Weighing(process.pid) as weighing:
            every_s = max(_LEAST_BETWEEN_S, minutes * 60 / _PUBLISHED_IN_A_RUN)
            publishing = pool.submit(published, talks, served, stop, every_s) if index is None else None
            started = time.monotonic()
            done = [pool.submit(_ask_until, one, started + minutes * 60) for one in asking]
            for one in done:
                one.result()
            lasted_s = time.monotonic() - started
            stop.set()
            names = publishing.result() if publishing else [live_name(served)]
        last = first.get("/readyz").json()["notes"]
    first.close()
    return _found(asking, names, lasted_s, weighing, last)


def _found(asking: list[Asking], names: list[str], lasted_s: float, weighing: Weighing, notes: list[str]) -> list[str]:
    took_s = together([one.took_s for one in asking])
    wrong = [entry for one in asking for entry in one.wrong]
    generations = set().union(*(one.generations for one in asking))
    answers = sum(map(len, took_s.values()))
    memory = slope(weighing.samples)
    print(table(took_s))
    print(
        f"{answers:,} right answers to {len(asking)} clients in {lasted_s:.0f} s, {answers / lasted_s:.0f} a second, "
        f"{len(wrong)} errors; {len(names) - 1} generations published, {len(generations)} of {len(names)} answered from"
    )
    print(f"memory: {memory}")
    wrong += [f"{name} was answered from and never published" for name in generations - set(names)]
    wrong += [f"{kind}: never answered" for kind in KINDS if kind not in took_s]
    # The last one may have come when nobody asked any more.
    wrong += [f"{name}: never answered from" for name in names[:-1] if name not in generations]
    wrong += notes
    wrong += [f"the memory grows: {memory}"] if memory.grows else []
    return wrong


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--index", type=Path)
    parser.add_argument("--clients", type=int, default=32)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    with TemporaryDirectory() as name:
        wrong = soak(arguments.minutes, arguments.index, arguments.clients, arguments.seed, Path(name))
    for entry, times in Counter(wrong).most_common(20):
        print(f"WRONG, {times} times: {entry[:600]}", file=sys.stderr)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
