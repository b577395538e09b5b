"""How fast transcripts are read, and that memory does not grow with the archive.

    python -m tests.benchmarks.parsing FOLDER…

Reading is everything from the file to the episode: format, turns, speakers. Its reference, in the same run, is
splitting the same files into words. Memory is the peak of a process that gathers a quarter of the files, half of them,
and all; the largest file, whose episode takes most, is in each.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from indexer.catalog_writer import CatalogWriter
from indexer.errors import TranscriptError
from indexer.files import SourceFile, find_files
from indexer.gather import gather_episodes, read_episode
from indexer.report import Report

_PARTS = (4, 2, 1)  # every fourth file, every second, all


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
    for step in _PARTS:
        print(f"memory     {_peak_megabytes(paths, step):6.1f} MB at its peak for {len(files[::step]):5,} files")


def _reads(file: SourceFile) -> bool:
    try:
        read_episode(file)
    except TranscriptError:
        return False
    return True


def _peak_megabytes(paths: list[Path], step: int) -> float:
    command = [sys.executable, "-m", "tests.benchmarks.parsing", "--gather", str(step), *map(str, paths)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def _gather(paths: list[Path], step: int) -> None:
    files, _ = find_files(paths, leave_out=Path("index"))
    part = sorted(files, key=lambda file: len(file.read()), reverse=True)[::step]
    with tempfile.TemporaryDirectory() as folder:
        catalog = CatalogWriter(Path(folder))
        digests = {file.source: "" for file in part}
        gather_episodes(part, digests, [], catalog, {}, Report(), lambda *_: None, force_format=None)
        catalog.close()
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000)


if __name__ == "__main__":
    main()
