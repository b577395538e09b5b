"""How long answers took, by what was asked, as a table."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from tests.benchmarks.servers import milliseconds


def table(took_s: Mapping[str, Sequence[float]]) -> str:
    """p50, p95 and p99 in milliseconds for each kind, and for all."""
    rows = [f"{'':24} {'requests':>9} {'p50 ms':>8} {'p95 ms':>8} {'p99 ms':>8}"]
    everything = [one for mine in took_s.values() for one in mine]
    for name, mine in [*sorted(took_s.items()), ("all", everything)]:
        if mine:
            p50, p95, p99 = milliseconds(mine)
            rows.append(f"{name:24} {len(mine):9,} {p50:8.1f} {p95:8.1f} {p99:8.1f}")
    return "\n".join(rows)


def together(all_took_s: Sequence[Mapping[str, Sequence[float]]]) -> dict[str, list[float]]:
    """Those of several clients."""
    found: dict[str, list[float]] = defaultdict(list)
    for took_s in all_took_s:
        for name, mine in took_s.items():
            found[name] += mine
    return dict(found)
