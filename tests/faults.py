"""A double of the file layer: every moment at which an indexing run touches the disk, to die or be refused at.

    python -m tests.faults kill|fail [MOMENTS] [SEED]

For each moment, or MOMENTS of them drawn by SEED: a run over an index that is there already ends at that moment,
killed as by `kill -9`, or because that one operation is refused: what writes finds the disk full, what reads finds it
failing. Then the live generation must be whole, the old one or the new one; nothing but a clear error may have been
said; and the next run must give what a clean build gives. Prints what was found as JSON, one line a moment; exits with
1 on any fault.

Python tells of opening, making, renaming, removing and mapping files before it does so (audit events, PEP 578). Of
writing and flushing it does not: those are wrapped, as are the calls into sqlite, tantivy and faiss, which write
without Python. Each run is a process forked from this one, which has imported everything, and never does anything
itself.
"""

from __future__ import annotations

import errno
import json
import os
import random
import shutil
import signal
import sqlite3
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import faiss
import numpy as np
import tantivy

import indexer.catalog_writer
import indexer.database
import indexer.lexical
import indexer.retiring
from embeddings.fake import FakeEmbedder
from indexer.errors import OnRecordError
from indexer.generations import current_generation
from tests.changing_archive import contents, read_whole, write_state
from tests.indexer.making import index

KILL, FAIL = "kill", "fail"
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT
_CHANGING = ("os.mkdir", "os.rename")
_TOLD = ("open", "os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.scandir", "os.listdir", "mmap.__new__")


class FileLayer:
    """The file layer of this process from now on. Moments below a folder are counted, and one of them goes wrong.

    Args:
        mode: what happens then: `kill`, `fail`, or None.
        at: the number of the moment.
    """

    def __init__(self, folder: Path, mode: str | None = None, at: int = -1) -> None:
        self.moments: list[str] = []
        self._below = f"{folder}{os.sep}"
        self._mode, self._at = mode, at
        self._lock = threading.Lock()
        self._is_inside = threading.local()
        sys.addaudithook(self._told)
        self._wrap_writing()

    def _told(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event not in _TOLD or getattr(self._is_inside, "yes", False):
            return
        self._is_inside.yes = True
        try:
            path = _path(event, arguments)
            if path is None or not path.startswith(self._below):
                return
        finally:
            self._is_inside.yes = False
        writes = event in _CHANGING or (event == "open" and bool(arguments[2] & _WRITING))
        name = path.removeprefix(self._below)
        self._moment(f"{event} {name}{' to write' if event == 'open' and writes else ''}", _os_error(writes, path))

    def _moment(self, what: str, refusal: Callable[[], Exception]) -> None:
        with self._lock:
            number = len(self.moments)
            self.moments.append(what)
        if number == self._at:
            Path(f"{self._below[:-1]}.moment").write_bytes(what.encode())
            if self._mode == KILL:
                os.kill(os.getpid(), signal.SIGKILL)
            elif self._mode == FAIL:
                raise refusal()

    def _wrap_writing(self) -> None:
        full, failing = _os_error(writes=True, path="file"), _os_error(writes=False, path="file")
        os.fsync = self._before("fsync", os.fsync, failing)
        os.posix_fallocate = self._before("posix_fallocate", os.posix_fallocate, full)
        np.memmap.flush = self._before("flush a mapping", np.memmap.flush, failing)  # type: ignore[method-assign]
        np.save = self._before("numpy.save", np.save, lambda: OSError("96 requested and 12 written"))
        faiss.write_index = self._before(
            "faiss.write_index", faiss.write_index, lambda: RuntimeError("write error (No space left on device)")
        )
        Path.write_text = self._half_written(Path.write_text)  # type: ignore[method-assign]
        layer = self

        class Sqlite(sqlite3.Connection):
            def execute(self, *arguments: Any) -> sqlite3.Cursor:
                layer._moment(f"sqlite {arguments[0].split(maxsplit=1)[0]}", _sqlite_full)
                return super().execute(*arguments)

            def executescript(self, script: str, /) -> sqlite3.Cursor:
                layer._moment("sqlite script", _sqlite_full)
                return super().executescript(script)

        unfinished = indexer.database._Unfinished
        indexer.database._Unfinished = type("_Unfinished", (unfinished, Sqlite), {})  # type: ignore[assignment, misc]
        vars(indexer.lexical)["tantivy"] = _Tantivy(self)

    def _before(self, what: str, call: Callable[..., Any], refusal: Callable[[], Exception]) -> Callable[..., Any]:
        def called(*arguments: Any, **named: Any) -> Any:
            self._moment(what, refusal)
            return call(*arguments, **named)

        return called

    def _half_written(self, write_text: Callable[..., int]) -> Callable[..., int]:
        def called(path: Path, text: str, **named: Any) -> int:
            if str(path).startswith(self._below):
                write_text(path, text[: len(text) // 2], **named)
                self._moment(f"half written {path.name}", _os_error(writes=True, path=str(path)))
            return write_text(path, text, **named)

        return called


class _Tantivy:
    """The module, as far as it writes."""

    def __init__(self, layer: FileLayer) -> None:
        self._layer = layer

    def __getattr__(self, name: str) -> Any:
        return getattr(tantivy, name)

    @property
    def Index(self) -> Any:  # noqa: N802
        layer = self._layer

        class Index:
            def __init__(self, *arguments: Any, **named: Any) -> None:
                layer._moment("tantivy index", _tantivy_refused)
                self._index = tantivy.Index(*arguments, **named)

            @staticmethod
            def open(path: str) -> Index:
                opened = Index.__new__(Index)
                opened._index = tantivy.Index.open(path)
                return opened

            def writer(self, **named: Any) -> Any:
                # Of several threads, which writes what is chance, and with it how many files there are.
                return _Writer(layer, self._index.writer(**{**named, "num_threads": 1}))

            def __getattr__(self, name: str) -> Any:
                return getattr(self._index, name)

        return Index


class _Writer:
    def __init__(self, layer: FileLayer, writer: Any) -> None:
        self._layer, self._writer = layer, writer

    def add_document(self, document: Any) -> None:
        self._layer._moment("tantivy document", _tantivy_refused)
        self._writer.add_document(document)

    def commit(self) -> None:
        self._layer._moment("tantivy commit", _tantivy_refused)
        self._writer.commit()

    def wait_merging_threads(self) -> None:
        self._layer._moment("tantivy merging", _tantivy_refused)
        self._writer.wait_merging_threads()


def _path(event: str, arguments: tuple[Any, ...]) -> str | None:
    """What an event is about: its path, or that of its descriptor."""
    place = arguments[0]
    if isinstance(place, int):
        return _of_descriptor(place)
    if not isinstance(place, (str, os.PathLike)):
        return None
    path = os.fspath(place)
    folder = arguments[-1] if event in ("os.mkdir", "os.remove", "os.rmdir") else -1
    return path if folder == -1 else f"{_of_descriptor(folder)}{os.sep}{path}"


def _of_descriptor(descriptor: int) -> str | None:
    try:
        return str(Path(f"/proc/self/fd/{descriptor}").readlink())
    except OSError:
        return None


def _os_error(writes: bool, path: str) -> Callable[[], Exception]:
    code = errno.ENOSPC if writes else errno.EIO
    return lambda: OSError(code, os.strerror(code), path)


def _sqlite_full() -> Exception:
    error = sqlite3.OperationalError("database or disk is full")
    error.sqlite_errorcode = sqlite3.SQLITE_FULL
    return error


def _tantivy_refused() -> Exception:
    return ValueError("An error occurred in a thread: 'An index writer was killed..'")


@dataclass(frozen=True, slots=True)
class Ended:
    """How a forked process ended: its exit status, negative for a signal, what it said, and what it found."""

    status: int
    said: str
    found: Any


def in_a_process(work: Callable[[], Any]) -> Ended:
    """Does some work in a process of its own, as the command would: errors of the user's are told, others traced."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        status, found = 0, None
        said = ""
        try:
            found = work()
        except OnRecordError as error:
            status, said = 1, f"error: {error}"
        except BaseException:  # noqa: BLE001  told to the parent
            status, said = 70, traceback.format_exc()
        with os.fdopen(writing, "w") as pipe:
            json.dump([said, found], pipe)
        os._exit(status)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        told = pipe.read()
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    said, found = json.loads(told) if told else ("", None)
    return Ended(status, said, found)


@dataclass(frozen=True, slots=True)
class Fault:
    """A moment that went wrong, and what came of it. `wrong` is None where everything is as it must be."""

    number: int
    moment: str
    status: int
    said: str
    live: str
    wrong: str | None


class Sweep:
    """An index of one state, the transcripts of the next one, and what must come of a run that does not get through."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._talks, self._base, self._out = folder / "talks", folder / "base", folder / "index"
        self._clean: list[Any] = []
        self._states = []
        for state in (0, 1, 2):
            write_state(self._talks, state)
            found = _ran(in_a_process(self._clean_build))
            self._clean.append(found["contents"])
            self._states.append(frozenset(found["texts"]))
            if state < 2:
                _ran(in_a_process(lambda: self._index(self._base)))
        self._old = _ran(in_a_process(lambda: current_generation(self._base).manifest.id))

    def moments(self) -> int:
        """How often a run that gets through touches the disk."""
        self._restore()
        return int(_ran(in_a_process(lambda: len(self._run_watched(None, -1)))))

    def fault(self, mode: str, number: int) -> Fault:
        """A run that ends at a moment, a look at what is live, and the run after it."""
        self._restore()
        ended = in_a_process(lambda: self._run_watched(mode, number))
        # Threads take turns as they like: what it was, only the run itself knows.
        told = Path(f"{self._out}.moment")
        moment = told.read_text(encoding="utf-8") if told.exists() else "not reached"
        told.unlink(missing_ok=True)
        looked = in_a_process(self._look)
        after = in_a_process(self._run_again)
        wrong = self._wrong(mode, moment, ended, looked, after)
        live = "old" if looked.found and looked.found["id"] == self._old else "new"
        return Fault(number, moment, ended.status, ended.said, live, wrong)

    def _wrong(self, mode: str, moment: str, ended: Ended, looked: Ended, after: Ended) -> str | None:
        if moment == "not reached":
            return f"the run got through: {ended.status} {ended.said}"
        if mode == KILL and ended.status != -signal.SIGKILL:
            return f"it was not killed: {ended.status} {ended.said}"
        if mode == FAIL and ended.status not in (0, 1):
            return f"no clear error: {ended.said}"
        if ended.status == 1 and not (str(self._out) in ended.said and self._remedy(ended.said)):
            return f"no folder or no remedy: {ended.said}"
        if looked.status:
            return f"the live generation is not whole: {looked.said}"
        state = 1 if looked.found["id"] == self._old else 2
        if frozenset(looked.found["texts"]) != self._states[state]:
            return "the live generation is of neither state"
        if after.status:
            return f"the next run does not complete: {after.said}"
        if after.found["contents"] != self._clean[2]:
            keys = [key for key, value in after.found["contents"].items() if self._clean[2].get(key) != value]
            return f"the next run differs from a clean build: {keys}"
        if after.found["left"]:
            return f"the next run leaves {after.found['left']}"
        return None

    @staticmethod
    def _remedy(said: str) -> bool:
        return "run this again" in said or "Run `onrecord index` again" in said or "--out" in said

    def _restore(self) -> None:
        shutil.rmtree(self._out, ignore_errors=True)
        shutil.copytree(self._base, self._out)

    def _index(self, out: Path) -> None:
        index(self._talks, out, FakeEmbedder())

    def _clean_build(self) -> dict[str, Any]:
        with TemporaryDirectory(dir=self._folder) as folder:
            self._index(Path(folder) / "clean")
            generation = current_generation(Path(folder) / "clean")
            return {"contents": contents(generation), "texts": read_whole(generation)}

    def _run_watched(self, mode: str | None, at: int) -> list[str]:
        layer = FileLayer(self._out, mode, at)
        self._index(self._out)
        return layer.moments

    def _look(self) -> dict[str, Any]:
        generation = current_generation(self._out)
        return {"id": generation.manifest.id, "texts": read_whole(generation)}

    def _run_again(self) -> dict[str, Any]:
        self._index(self._out)
        generation = current_generation(self._out)
        folders = [path.name for path in (self._out / "generations").iterdir()]
        left = [name for name in folders if name.startswith(".")]
        # Whoever is kept beside it was live: it is what this index held before.
        left += [name for name in folders if name not in (self._old, generation.manifest.id, *left)]
        return {"contents": contents(generation), "left": left}


def _ran(ended: Ended) -> Any:
    assert ended.status == 0, ended.said
    return ended.found


def sweep(folder: Path, mode: str, moments: int | None, seed: int) -> Iterator[Fault]:
    """The faults of all moments, or of some of them, in order."""
    swept = Sweep(folder)
    count = swept.moments()
    for number in range(count) if moments is None else drawn(count, moments, seed):
        yield swept.fault(mode, number)


def drawn(count: int, wanted: int, seed: int) -> list[int]:
    """So many of the numbers below `count`, by chance, one out of each of so many parts of the same length.

    >>> drawn(10, 10, 1)
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]
    """
    chance = random.Random(seed)
    return [chance.randrange(count * part // wanted, count * (part + 1) // wanted) for part in range(wanted)]


def main() -> None:
    mode, *rest = sys.argv[1:]
    moments = int(rest[0]) if rest else None
    seed = int(rest[1]) if len(rest) > 1 else 1
    wrong = 0
    with TemporaryDirectory() as folder:
        for fault in sweep(Path(folder).resolve(), mode, moments, seed):
            print(json.dumps(asdict(fault)), flush=True)
            wrong += fault.wrong is not None
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
