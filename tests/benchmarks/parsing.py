"""How fast transcripts are read, and that memory does not grow with the archive.

    python -m tests.benchmarks.parsing FOLDER…

Reading is everything from the file to the episode: format, turns, speakers. Its reference, in the same run, is
splitting the same files into words. Memory is the peak of a process that gathers the files once, and of one that
gathers them four times over under other names.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from indexer.catalog import CatalogWriter
from indexer.errors import TranscriptError
from indexer.files import SourceFile, find_files
from indexer.gather import gather_episodes, read_episode
from indexer.report import Report

_COPIES = 4


def main() -> None:
    if sys.argv[1] == "--gather":
        _gather([Path(path) for path in sys.argv[3:]], int(sys.argv[2]))
        return
    paths = [Path(path) for path in sys.argv[1:]]
    files, _ = find_files(paths, leave_out=Path("index"))
    texts = [file.read().decode(errors="replace") for file in files]
    megabytes = sum(len(text.encode()) for text in texts) / 1e6
    started = time.process_time()
    words = sum(len(text.split()) for text in texts)
    splitting = time.process_time() - started
    started = time.process_time()
    refused = sum(not _reads(file) for file in files)
    reading = time.process_time() - started
    print(f"{len(files)} files, {megabytes:.1f} MB, {words:,} words, {refused} refused")
    print(f"reading    {megabytes / reading:6.2f} MB/s of one core; 100 MB take {100 * reading / megabytes:.0f} s")
    print(f"splitting  {megabytes / splitting:6.2f} MB/s (reference); reading takes {reading / splitting:.0f} x that")
    once, more = (_peak_megabytes(paths, copies) for copies in (1, _COPIES))
    print(f"memory     {once:.0f} MB at its peak; {more:.0f} MB for {_COPIES} times the archive")


def _reads(file: SourceFile) -> bool:
    try:
        read_episode(file)
    except TranscriptError:
        return False
    return True


def _peak_megabytes(paths: list[Path], copies: int) -> float:
    command = [sys.executable, "-m", "tests.benchmarks.parsing", "--gather", str(copies), *map(str, paths)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def _gather(paths: list[Path], copies: int) -> None:
    files, _ = find_files(paths, leave_out=Path("index"))
    many = [replace(file, source=f"{copy}/{file.source}") for copy in range(copies) for file in files]
    with tempfile.TemporaryDirectory() as folder:
        catalog = CatalogWriter(Path(folder))
        gather_episodes(many, catalog, {}, Report(), lambda *_: None, force_format=None)
        catalog.close()
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000)


if __name__ == "__main__":
    main()
