"""Counting tokens as a language model does: the home of tiktoken.

tiktoken fetches the table of an encoding from the network when it first needs it. A service must not wait for that, nor
call anybody: without a table that is on this machine already, the embedding model's own tokenizer counts.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from embeddings.base import Embedder

ENCODING = "o200k_base"
_TABLE = "https://openaipublic.blob.core.windows.net/encodings/o200k_base.tiktoken"
_TABLE_SHA256 = "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d"


@dataclass(frozen=True, slots=True)
class TokenCounter:
    """`name`: whose tokens are counted."""

    name: str
    count: Callable[[str], int]


def token_counter(embedder: Embedder) -> TokenCounter:
    """tiktoken's `o200k_base` where its table is on this machine, else the embedding model's tokenizer."""
    table = _table_path()
    if _is_whole(table, table.stat().st_mtime_ns if table.is_file() else 0):
        return TokenCounter(ENCODING, _count_o200k)
    return TokenCounter(embedder.fingerprint.name, lambda text: embedder.count_tokens([text])[0])


def _count_o200k(text: str) -> int:
    import tiktoken  # noqa: PLC0415  a quarter of a second, and only who asks for a context needs it

    return len(tiktoken.get_encoding(ENCODING).encode_ordinary(text))


def _table_path() -> Path:
    """Where tiktoken keeps the table, by its own rule."""
    stated = os.environ.get("TIKTOKEN_CACHE_DIR", os.environ.get("DATA_GYM_CACHE_DIR"))
    folder = Path(tempfile.gettempdir()) / "data-gym-cache" if stated is None else Path(stated)
    return folder / hashlib.sha1(_TABLE.encode(), usedforsecurity=False).hexdigest()


@lru_cache(8)
def _is_whole(table: Path, changed_ns: int) -> bool:
    """Whether the table is all there: tiktoken would remove another one, and fetch it."""
    return changed_ns > 0 and hashlib.sha256(table.read_bytes()).hexdigest() == _TABLE_SHA256
