"""Requests made of the OpenAPI description, right and wrong ones, to a running service: do its answers hold to it?

    python -m tests.fuzz_http [EXAMPLES] [SEED]

schemathesis makes them: for each operation the examples, each constraint at its border and just beyond, and EXAMPLES at
random (200), half of them to be refused. No answer may be a 5xx but 503; each must have a status, a media type and a
form that the description states; what is right must be answered, and what is wrong refused. tests/schemathesis.toml
says where a rule does not fit. A failure prints the request as a curl command, and the exit code is 1.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.conftest import COMMAND, SEEDS, serving

CONFIG = Path(__file__).with_name("schemathesis.toml")
SCHEMATHESIS = Path(sys.executable).with_name("schemathesis")


def fuzz(
    address: str, examples: int, seed: int, folder: Path, *, phases: str = "examples,coverage,fuzzing"
) -> subprocess.CompletedProcess[str]:
    """Runs schemathesis to its end, in a folder where it may keep what it remembers."""
    options = ["--phases", phases, "--mode", "all", "--continue-on-failure", "--no-color"]
    bounds = ["--max-examples", str(examples), "--seed", str(seed)]
    return subprocess.run(
        [SCHEMATHESIS, "--config-file", CONFIG, "run", f"{address}/openapi.json", *options, *bounds],
        cwd=folder,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )


def main() -> None:
    examples = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    with TemporaryDirectory() as name:
        folder = Path(name)
        index = folder / "index"
        subprocess.run([COMMAND, "index", SEEDS, "--out", index], check=True, capture_output=True)
        with serving(index, os.environ, folder / "log.txt") as (address, _):
            done = fuzz(address, examples, seed, folder)
    print(done.stdout, done.stderr)
    sys.exit(done.returncode)


if __name__ == "__main__":
    main()
