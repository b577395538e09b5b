"""Indexing runs killed by `kill -9` at random moments while a reader asks, and at every moment that touches the disk.

    python -m tests.crash [KILLS] [SEED] [--real N] [--moments N]

An archive goes from state to state (an episode changed, added, removed). Each run is killed at a moment drawn over its
whole length, which is measured; some are killed again when they are run again. Then a run that is let be must
give what a clean build gives. All the while a reader opens the index and asks: no error, and every answer wholly of one
state.

The first part is `tests.faults`: dying, and being refused, at every moment that touches the disk, or at --moments of
them, drawn. The second uses a fake model, so that most of a run is spent writing. The third kills the command `onrecord
index` with the real model, while `onrecord serve` is asked over HTTP: --real runs, a tenth of KILLS by default.

Prints what was found, and exits with 1 on any error, mixed answer or difference.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from threading import Event, Thread
from typing import Any

import httpx2
import numpy as np

from embeddings.fake import FakeEmbedder
from indexer.generations import Generation, building_folders, current_generation, live_name
from indexer.vectors import NEAREST_FILE, PASSAGES_FILE, QUESTIONS_FILE, SENTENCES_FILE, VectorReader
from service.answers import answer
from service.archive import Archive, open_archive
from service.schemas import SearchQuery
from tests.changing_archive import COMMON_WORD, STATES, contents, read_whole, state_of, write_state
from tests.faults import FAIL, KILL, in_a_process, sweep
from tests.indexer.making import index

COMMAND = Path(sys.executable).with_name("onrecord")
ANSWERS = 40
MOMENTS = ("starting", "reading", "embedding", "publishing", "published", "finished")
_VECTORS = (NEAREST_FILE, PASSAGES_FILE, SENTENCES_FILE, QUESTIONS_FILE)
# The largest difference of one value of two vectors of the same text: a cosine of .999 and more.
_ALIKE = 0.01
_QUERIES = (f"what was {COMMON_WORD}", "chapter", "the plan for harbours", "locks")
_ADDRESS = re.compile(r" at (http://\S+)$")


@dataclass(slots=True)
class Tally:
    """What came of one part."""

    kills: Counter[str] = field(default_factory=Counter)
    queries: int = 0
    errors: list[str] = field(default_factory=list)
    unequal: list[str] = field(default_factory=list)

    @property
    def is_clean(self) -> bool:
        return not self.errors and not self.unequal and self.queries > 0


def kill_fake_runs(folder: Path, kills: int, seed: int) -> Tally:
    """Kills runs with a fake model, each a process forked from this one, which has no threads and must have none."""
    talks, out, stop = folder / "talks", folder / "index", folder / "stop"
    tally, clean, states = Tally(), [], []
    for state in range(STATES):
        write_state(talks, state, answers=ANSWERS)
        found = in_a_process(lambda: _built(talks, folder / "clean"))
        assert found.status == 0, found.said
        shutil.rmtree(folder / "clean")
        clean.append(found.found["contents"])
        states.append(frozenset(found.found["texts"]))
    write_state(talks, 0, answers=ANSWERS)
    in_a_process(lambda: _built(talks, out))
    lengths_s = [_measured(talks, out)]
    reader = _Forked(lambda: _read(out, states, stop))
    chance, state = random.Random(seed), 0
    while tally.kills.total() < kills:
        state = (state + chance.choice((1, 1, 1, 2))) % STATES
        write_state(talks, state, answers=ANSWERS)
        for _ in range(chance.choice((1, 1, 2, 3))):
            before = live_name(out)
            run = _Forked(lambda: _built(talks, out, look=False))
            time.sleep(chance.uniform(0, 1.1) * median(lengths_s[-5:]))
            run.kill()
            tally.kills[_fell(out, before) if run.was_killed else "finished"] += 1
        after = in_a_process(lambda: _built(talks, out))
        if after.status:
            tally.errors.append(after.said)
            continue
        lengths_s.append(after.found["took_s"])
        if after.found["contents"] != clean[state]:
            tally.unequal.append(f"state {state}: {_different(after.found['contents'], clean[state])}")
    stop.touch()
    asked, errors = reader.found()
    tally.queries, tally.errors = asked, tally.errors + errors
    return tally


def kill_real_runs(folder: Path, kills: int, seed: int) -> Tally:
    """Kills the command with the real model, while the service is asked over HTTP."""
    talks, out = folder / "talks", folder / "index"
    tally = Tally()
    clean: list[Generation] = []
    for state in range(STATES):
        write_state(talks, state, answers=ANSWERS)
        _index(talks, folder / f"clean-{state}")
        clean.append(current_generation(folder / f"clean-{state}"))
    states = [frozenset(read_whole(generation)) for generation in clean]
    write_state(talks, 0, answers=ANSWERS)
    _index(talks, out)
    write_state(talks, 1, answers=ANSWERS)
    length_s = _index(talks, out)
    chance, state = random.Random(seed), 1
    with _Asking(out, states, tally, folder / "serve.log"):
        while tally.kills.total() < kills:
            state = (state + 1) % STATES
            write_state(talks, state, answers=ANSWERS)
            before = live_name(out)
            with subprocess.Popen(_command(talks, out), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as run:
                time.sleep(chance.uniform(0, 1.1) * length_s)
                run.kill()
                tally.kills[_fell(out, before) if run.wait() < 0 else "finished"] += 1
            length_s = _index(talks, out)
            if difference := _differs(current_generation(out), clean[state]):
                tally.unequal.append(f"state {state}: {difference}")
    return tally


def _built(talks: Path, out: Path, *, look: bool = True) -> dict[str, Any]:
    started = time.monotonic()
    index(talks, out, FakeEmbedder())
    took_s = time.monotonic() - started
    generation = current_generation(out)
    seen = {"contents": contents(generation), "texts": read_whole(generation)} if look else {}
    return {"took_s": took_s, **seen}


def _measured(talks: Path, out: Path) -> float:
    """How long a run takes from one state to the next, in seconds, the median of three."""
    lengths_s = []
    for state in (1, 2, 3):
        write_state(talks, state, answers=ANSWERS)
        lengths_s.append(_Forked(lambda: _built(talks, out, look=False)).found()["took_s"])
    return float(median(lengths_s))


class _Forked:
    """Work in a process of its own."""

    def __init__(self, work: Callable[[], Any]) -> None:
        self._reading, writing = os.pipe()
        self._child = os.fork()
        self._status = 0
        if self._child == 0:
            os.close(self._reading)
            try:
                told = json.dumps(work())
            except BaseException:  # noqa: BLE001  told to the parent
                told = json.dumps({"failed": traceback.format_exc()})
            with os.fdopen(writing, "w") as pipe:
                pipe.write(told)
            os._exit(0)
        os.close(writing)

    @property
    def was_killed(self) -> bool:
        return self._status < 0

    def kill(self) -> None:
        """`kill -9`, unless it has ended."""
        os.kill(self._child, signal.SIGKILL)
        self._end()

    def found(self) -> Any:
        """What it found, when it has ended by itself."""
        with os.fdopen(os.dup(self._reading)) as pipe:
            told = pipe.read()
        self._end()
        found = json.loads(told)
        if isinstance(found, dict) and "failed" in found:
            raise RuntimeError(found["failed"])
        return found

    def _end(self) -> None:
        self._status = os.waitstatus_to_exitcode(os.waitpid(self._child, 0)[1])
        os.close(self._reading)


def _fell(out: Path, before: str) -> str:
    """How far a run was, by what it left."""
    if live_name(out) != before:
        return "published"
    begun = building_folders(out)
    if not begun:
        return "starting"
    names = {path.name for folder in begun for path in folder.iterdir()}
    return "publishing" if NEAREST_FILE in names else "embedding" if PASSAGES_FILE in names else "reading"


def _read(out: Path, states: Sequence[frozenset[str]], stop: Path) -> tuple[int, list[str]]:
    """Opens what is live, again and again, and asks it and the one opened before: how often, and what was wrong."""
    asked = 0
    wrong: list[str] = []
    embedder = FakeEmbedder()
    before: tuple[Archive, int] | None = None
    while not stop.exists() and len(wrong) < 10:
        try:
            archive = open_archive(out, embedder=embedder)
            texts = [stored.passage.text for stored in archive.catalog.all_passages()]
            state = state_of(texts, states, all_of_it=True)
            if state is None:
                wrong.append(f"{archive.generation.manifest.id} is of no state")
                continue
            for opened, of_state in filter(None, (before, (archive, state))):
                for query in _QUERIES:
                    asked += 1
                    found = answer([query], SearchQuery.model_validate({"query": query, "limit": 100}), opened)[
                        0
                    ].results
                    if not {hit.text for hit in found} <= states[of_state]:
                        wrong.append(f"{query!r}: an answer of two states")
            if before:
                before[0].close()
            before = archive, state
        except Exception:  # noqa: BLE001  whatever it is, it is what this looks for
            wrong.append(traceback.format_exc())
    return asked, wrong


class _Asking:
    """`onrecord serve`, asked without pause in a thread of this process until the block ends."""

    def __init__(self, out: Path, states: Sequence[frozenset[str]], tally: Tally, log: Path) -> None:
        self._out, self._states, self._tally, self._log = out, states, tally, log
        self._stop = Event()

    def __enter__(self) -> None:
        command: list[str | Path] = [COMMAND, "serve", "--index", self._out, "--port", "0", "--workers", "2"]
        self._server = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=self._log.open("w", encoding="utf-8"), encoding="utf-8"
        )
        assert self._server.stdout is not None
        found = _ADDRESS.search(self._server.stdout.readline().strip())
        assert found, self._log.read_text(encoding="utf-8")
        self._thread = Thread(target=self._ask, args=(found[1],))
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self._server.terminate()
        self._server.wait()
        if "Traceback" in self._log.read_text(encoding="utf-8"):
            self._tally.errors.append(self._log.read_text(encoding="utf-8"))

    def _ask(self, address: str) -> None:
        with httpx2.Client(base_url=address, trust_env=False, timeout=60) as client:
            while not self._stop.is_set():
                self._tally.queries += 1
                try:
                    response = client.get("/v1/search", params={"query": f"{COMMON_WORD} chapter", "limit": 100})
                    response.raise_for_status()
                except httpx2.HTTPError as error:
                    self._tally.errors.append(repr(error))
                    continue
                texts = [hit["text"] for hit in response.json()["results"]]
                if state_of(texts, self._states, all_of_it=False) is None:
                    self._tally.errors.append(f"an answer of two states, or of none: {texts}")


def _command(talks: Path, out: Path) -> list[str | Path]:
    return [COMMAND, "index", talks, "--out", out]


def _index(talks: Path, out: Path) -> float:
    """Runs the command to its end: how long that took, in seconds."""
    started = time.monotonic()
    subprocess.run(_command(talks, out), check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.monotonic() - started


def _differs(found: Generation, clean: Generation) -> list[str]:
    """Where two generations differ. Vectors of a real model depend a little on what they were made together with."""
    one, other = ({k: v for k, v in contents(g).items() if k not in _VECTORS} for g in (found, clean))
    different = _different(one, other)
    for name in ("passages", "sentences", "questions"):
        rows, right = (getattr(VectorReader(generation.folder), name) for generation in (found, clean))
        numbers = np.arange(len(right))
        if len(rows) != len(right) or np.abs(rows.vectors(numbers) - right.vectors(numbers)).max() > _ALIKE:
            different.append(name)
    return different


def _different(found: dict[str, Any], clean: dict[str, Any]) -> list[str]:
    return sorted(key for key in found.keys() | clean.keys() if found.get(key) != clean.get(key))


def print_tally(name: str, tally: Tally) -> None:
    where = ", ".join(f"{tally.kills[moment]} {moment}" for moment in MOMENTS if tally.kills[moment])
    print(
        f"{name}: {tally.kills.total()} kills ({where}); {tally.queries:,} queries, {len(tally.errors)} errors; "
        f"{len(tally.unequal)} unequal",
        flush=True,
    )
    for wrong in (*tally.errors[:5], *tally.unequal[:5]):
        print(f"  {wrong}")


def sweep_moments(folder: Path, mode: str, moments: int | None, seed: int) -> bool:
    """Every moment of a run: prints what came of it, and returns whether all was as it must be."""
    faults = list(sweep(folder, mode, moments, seed))
    wrong = [fault for fault in faults if fault.wrong]
    told = Counter("told" if fault.status == 1 else "killed" if fault.status < 0 else "survived" for fault in faults)
    live = Counter(fault.live for fault in faults)
    print(
        f"{'killed' if mode == KILL else 'refused'} at {len(faults)} moments that touch the disk: {_counted(told)}; "
        f"live afterwards: {_counted(live)}; {len(wrong)} wrong",
        flush=True,
    )
    for fault in wrong[:5]:
        print(f"  {fault}")
    return not wrong


def _counted(counts: Counter[str]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.items())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kills", type=int, nargs="?", default=200)
    parser.add_argument("seed", type=int, nargs="?", default=1)
    parser.add_argument("--real", type=int)
    parser.add_argument("--moments", type=int)
    arguments = parser.parse_args()
    real = arguments.kills // 10 if arguments.real is None else arguments.real
    with TemporaryDirectory() as name:
        folder = Path(name).resolve()
        fine = [sweep_moments(folder / mode, mode, arguments.moments, arguments.seed) for mode in (KILL, FAIL)]
        tally = kill_fake_runs(folder / "fake", arguments.kills - real, arguments.seed)
        print_tally("a fake model, read in process", tally)
        fine.append(tally.is_clean)
        if real:
            tally = kill_real_runs(folder / "real", real, arguments.seed)
            print_tally("the real command and model, read over HTTP", tally)
            fine.append(tally.is_clean)
    sys.exit(0 if all(fine) else 1)


if __name__ == "__main__":
    main()
