"""Known weaknesses of the pinned packages: constraints.txt as pip-audit finds it in the advisories of PyPI.

    python -m tests.audit [FILE]

Exits with 1 where one is known. What could not be looked up is told as not checked, never as clean: without a network,
or behind an index that has no advisories, that is everything, and the exit code is 0.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.conftest import ROOT

_SERVICE = "PyPI's advisories (pypi.org/pypi/…/json)"


def audited(pins: Path) -> tuple[list[dict[str, Any]], str]:
    """Each package as pip-audit tells of it, and what it said besides. None of them where nobody answered."""
    command = [sys.executable, "-m", "pip_audit", "--requirement", str(pins), "--no-deps", "--disable-pip"]
    done = subprocess.run(
        [*command, "--progress-spinner", "off", "--format", "json"], capture_output=True, text=True, check=False
    )
    return (json.loads(done.stdout)["dependencies"] if done.stdout.strip() else []), done.stderr


def verdict(packages: list[dict[str, Any]], said: str) -> tuple[int, str]:
    """The exit code, and what to print."""
    weak = [
        f"{package['name']} {package['version']}: {one['id']}, mended in {', '.join(one['fix_versions']) or 'none'}"
        for package in packages
        for one in package.get("vulns", ())
    ]
    skipped = [package["name"] for package in packages if "skip_reason" in package]
    checked = len(packages) - len(skipped)
    lines = [*weak, f"{checked} pinned packages checked, {len(weak)} known weaknesses."] if checked else []
    if not checked:
        lines = [f"Not checked: no answer from {_SERVICE}.", *([] if packages else said.strip().splitlines()[-1:])]
    elif skipped:
        lines.append(f"Not checked, for {_SERVICE} do not know them: {', '.join(skipped)}.")
    return (1 if weak else 0), "\n".join(lines)


def main() -> None:
    code, text = verdict(*audited(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "constraints.txt"))
    print(text)
    sys.exit(code)


if __name__ == "__main__":
    main()
