"""What this machine's processor can do."""

from __future__ import annotations

from functools import cache
from pathlib import Path


@cache
def processor_flags() -> frozenset[str]:
    """The flags in /proc/cpuinfo; none where there is no such file."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return frozenset()
    return next((frozenset(line.split()) for line in lines if line.startswith("flags")), frozenset())


def has_matrix_units(flags: frozenset[str]) -> bool:
    """Whether it multiplies matrices of bfloat16 in hardware (AMX)."""
    return "amx_bf16" in flags


def multiplies_bfloat16(flags: frozenset[str]) -> bool:
    """Whether it multiplies bfloat16 in hardware at all."""
    return bool(flags & {"amx_bf16", "avx512_bf16"})
