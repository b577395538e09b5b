"""Whether a vulnerability is known in one of the pinned versions: `make audit`, through pip-audit.

    python -m tests.audit CONSTRAINTS

Exit code 1 where one is. Versions that the vulnerability service does not know are counted, so that a service which is
not reached is never taken for a clean bill.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

_SHOWN = 10
_SHOWN_OF_ERROR = 300


def main(constraints: Path) -> int:
    command = [sys.executable, "-m", "pip_audit", "--disable-pip", "--no-deps", "--progress-spinner=off"]
    done = subprocess.run(
        [*command, "--format=json", "--requirement", constraints], check=False, capture_output=True, text=True
    )
    if not done.stdout:
        print(f"pip-audit: NOT CHECKED, no service answers:\n{done.stderr[-_SHOWN_OF_ERROR:]}", file=sys.stderr)
        return 0 if "requests.exceptions." in done.stderr else 1
    return report(json.loads(done.stdout)["dependencies"])


def report(versions: list[dict[str, Any]]) -> int:
    """Prints what is known of some versions, and returns the exit code.

    Args:
        versions: as pip-audit has them: `name`, and `version` with `vulns`, or `skip_reason`.
    """
    unknown = [entry["name"] for entry in versions if "skip_reason" in entry]
    found = [(entry, one) for entry in versions for one in entry.get("vulns", ())]
    for entry, one in found:
        better = ", ".join(one["fix_versions"]) or "no version yet"
        print(f"{entry['name']} {entry['version']}: {one['id']}, mended in {better}")
    known = len(versions) - len(unknown)
    print(f"pip-audit: {known} of {len(versions)} versions checked, {len(found)} vulnerabilities known")
    if unknown:
        rest = f" and {len(unknown) - _SHOWN} more" if len(unknown) > _SHOWN else ""
        print(f"pip-audit: NOT CHECKED, the service here does not know them: {', '.join(unknown[:_SHOWN])}{rest}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
