"""Mutated transcripts through every parser: an episode or one of our own errors, whatever comes in.

    python -m tests.fuzz [INPUTS] [SEED]

Each input is one of the files under tests/data/, damaged: bytes flipped, pieces cut out, repeated, moved or taken from
another file. A quarter is forced into a format that is not its own. A failure prints the seed and writes the input to
build/fuzz/.
"""

from __future__ import annotations

import random
import sys
import time
from collections import Counter
from pathlib import Path

from indexer.episodes import understand
from indexer.errors import TranscriptError
from indexer.parsers import FORMATS, parse_transcript
from indexer.segments import find_segments

DATA = Path(__file__).parent / "data"
CRASHES = Path("build/fuzz")


def samples() -> list[bytes]:
    """Every transcript that the golden tests use."""
    return [path.read_bytes() for path in sorted(DATA.rglob("*")) if path.is_file() and ".expected." not in path.name]


def fuzz(inputs: int, seed: int, files: list[bytes]) -> Counter[str]:
    """Runs mutated inputs; returns how many became episodes and how many were refused. Anything else raises."""
    outcomes: Counter[str] = Counter()
    for number in range(inputs):
        chance = random.Random(f"{seed}-{number}")
        data = mutated(files, chance)
        force = chance.choice(FORMATS).name if chance.random() < 0.25 else None
        try:
            outcomes[_outcome(data, force)] += 1
        except BaseException:
            CRASHES.mkdir(parents=True, exist_ok=True)
            crash = CRASHES / f"{seed}-{number}"
            crash.write_bytes(data)
            print(f"input {number} of seed {seed}, forced into {force}: see {crash}", file=sys.stderr)
            raise
    return outcomes


def mutated(files: list[bytes], chance: random.Random) -> bytes:
    """One of the files, damaged one to six times."""
    data = bytearray(chance.choice(files)[: chance.choice((400, 2000, 20_000))])
    for _ in range(chance.randint(1, 6)):
        if not data:
            return bytes(data)
        start = chance.randrange(len(data))
        end = min(len(data), start + chance.randint(1, 60))
        match chance.randrange(6):
            case 0:
                data[start] = chance.randrange(256)
            case 1:
                del data[start:end]
            case 2:
                data[start:start] = data[start:end] * chance.randint(1, 20)
            case 3:
                other = chance.choice(files)
                place = chance.randrange(len(other))
                data[start:end] = other[place : place + 200]
            case 4:
                data[start:end] = chance.choice((b"\n", b"\n\n", b":", b"**", b"<", b">", b"-->", b"{", b"]", b"\0"))
            case _:
                data[start:start] = chance.choice(("é", "\u2028", "\ufeff", "🎙", "\x1b[0m", "&#0;")).encode()
    return bytes(data)


def _outcome(data: bytes, force: str | None) -> str:
    try:
        name, transcript = parse_transcript(data, force=force)
        episode = understand(transcript, source="fuzzed.txt", format_name=name)
    except TranscriptError as error:
        assert error.reason
        assert error.remedy
        return "refused"
    episode.text.encode()
    for segment in find_segments(episode):
        assert 0 <= segment.start < segment.end <= len(episode.text)
    return "episode"


def main() -> None:
    inputs = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    started = time.monotonic()
    outcomes = fuzz(inputs, seed, samples())
    counts = ", ".join(f"{count:,} {name}" for name, count in sorted(outcomes.items()))
    print(f"{inputs:,} inputs of seed {seed} in {time.monotonic() - started:.0f} s: {counts}; nothing else.")


if __name__ == "__main__":
    main()
