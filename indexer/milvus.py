"""Milvus, the distributed engine: the home of pymilvus. Collections, rows and searches, and what can go wrong there."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar
from urllib.parse import urlsplit

import grpc
import numpy as np
from numpy.typing import NDArray
from pymilvus import CollectionSchema, DataType, Function, FunctionType, MilvusClient, MilvusException

from indexer.errors import ArchiveError, NotNow

SCHEME = "milvus"
ENCRYPTED = "milvus+tls"
# Milvus gives no more at once.
MOST = 16_384
# Bytes of one text, at most.
LONGEST = 65_535
_PATIENCE_S = 5.0
_PORT = 19530
_AT_ONCE = 500
_K1, _B = 1.2, 0.75
# With fewer neighbours, or fewer of them looked at, the nearest passage of all was missed now and then: of 200 nearest
# to questions about something else among 20,000 interviews' passages, 512 found .967 and 4,096 .999.
_GRAPH = {"M": 32, "efConstruction": 200}
_LOOKED_AT = 4_096
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}")
_DENIED = ("authenticate", "unauthenticated", "permission", "auth check failure")
_LOOK_EVERY_S = 0.1
# Of what another worker is making in the same moment: it exists already, or not quite yet.
_BEING_MADE = ("exist", "no index", "not found")
_NOT_LOADED = ("not loaded", "'released'")
_Parameters = ParamSpec("_Parameters")
_Value = TypeVar("_Value")

# It tells every failure by itself, with a traceback, before whoever asked can say what it means.
logging.getLogger("pymilvus").setLevel(logging.CRITICAL)


@dataclass(frozen=True, slots=True)
class StoreAddress:
    """Where an index is in Milvus. `name`: of its collection; those that belong to it begin with it.

    `encrypted`: it is asked over TLS.
    """

    host: str
    port: int
    name: str
    encrypted: bool = False

    def __str__(self) -> str:
        return f"{ENCRYPTED if self.encrypted else SCHEME}://{self.host}:{self.port}/{self.name}"


def store_address(text: str) -> StoreAddress:
    """What `milvus://HOST:PORT/COLLECTION` says, or `milvus+tls://…`.

    Raises:
        ArchiveError: it is no such address.
    """
    try:
        parts = urlsplit(text)
        port = parts.port or _PORT
    except ValueError:
        parts, port = urlsplit(""), _PORT
    name = parts.path.removeprefix("/")
    if (
        parts.scheme not in (SCHEME, ENCRYPTED)
        or not parts.hostname
        or not _NAME.fullmatch(name)
        or parts.username
        or parts.query
    ):
        raise ArchiveError(
            f"{text}: give a store as milvus://HOST:PORT/COLLECTION, the collection's name of letters, digits and _. "
            "A password goes into ONRECORD_STORE_TOKEN."
        )
    return StoreAddress(parts.hostname, port, name, encrypted=parts.scheme == ENCRYPTED)


def _told(work: Callable[_Parameters, _Value]) -> Callable[_Parameters, _Value]:
    """What Milvus says is wrong, as an error of ours."""

    @wraps(work)
    def done(*args: _Parameters.args, **kwargs: _Parameters.kwargs) -> _Value:
        try:
            return work(*args, **kwargs)
        except (MilvusException, grpc.RpcError, grpc.FutureTimeoutError) as error:
            place = str(args[0])
            if _is_denied(error):
                raise ArchiveError(
                    f"{place}: Milvus lets nobody in with this token. Set ONRECORD_STORE_TOKEN."
                ) from error
            raise NotNow(f"{place}: Milvus does not answer ({_reason(error)}). Ask again in a moment.") from error

    return done


def _is_denied(error: BaseException) -> bool:
    """pymilvus says of whoever is not let in only that there is no connection; why is in what it says that of."""
    causes = [error]
    while (cause := causes[-1].__cause__) is not None and cause not in causes:
        causes.append(cause)
    return any(word in str(one).casefold() for one in causes for word in _DENIED)


def _loaded(
    ask: Callable[Concatenate[Milvus, str, _Parameters], _Value],
) -> Callable[Concatenate[Milvus, str, _Parameters], _Value]:
    """A question to a collection that is not in memory: of an engine that was started again, or that is being made."""

    @wraps(ask)
    def asked(self: Milvus, name: str, /, *args: _Parameters.args, **kwargs: _Parameters.kwargs) -> _Value:
        end = time.monotonic() + self.patience_s
        while True:
            try:
                return ask(self, name, *args, **kwargs)
            except MilvusException as error:
                is_not_loaded = any(word in str(error).casefold() for word in _NOT_LOADED)
                if not is_not_loaded or time.monotonic() > end:
                    raise
            try:
                self.load(name)
            except NotNow:
                time.sleep(_LOOK_EVERY_S)

    return asked


def _reason(error: Exception) -> str:
    return " ".join(str(getattr(error, "message", "") or error or type(error).__name__).split())[:200]


class Milvus:
    """A connection. Every method raises `NotNow` where Milvus does not answer, `ArchiveError` where it lets nobody in.

    Safe to use from several threads.
    """

    def __init__(
        self,
        address: StoreAddress,
        token: str | None = None,
        *,
        patience_s: float = _PATIENCE_S,
        trusted: Path | None = None,
    ) -> None:
        """
        Args:
            patience_s: how long an answer is waited for, and an engine that does not answer is asked again.
            trusted: the certificates (PEM) of who may vouch for an encrypted one; None for those known everywhere.
        """
        self._trusted = trusted
        self.patience_s = patience_s
        self.address = address
        self._token = token or ""
        self._connected: MilvusClient | None = None

    def __str__(self) -> str:
        return str(self.address)

    @property
    def _client(self) -> MilvusClient:
        if self._connected is None:
            address = self.address
            uri = f"{'https' if address.encrypted else 'http'}://{address.host}:{address.port}"
            trust = {"server_pem_path": str(self._trusted)} if address.encrypted and self._trusted else {}
            self._connected = MilvusClient(uri, token=self._token, timeout=self.patience_s, **trust)
        return self._connected

    @_told
    def collections(self) -> list[str]:
        """The names of all collections."""
        names: list[str] = self._client.list_collections(timeout=self.patience_s)
        return names

    @_told
    def alias(self, name: str) -> str | None:
        """The collection that another name leads to."""
        try:
            described = self._client.describe_alias(name, timeout=self.patience_s)
        except MilvusException as error:
            if "alias" in str(error).casefold():
                return None
            raise
        return str(described["collection_name"])

    @_told
    def name_alias(self, name: str, collection: str) -> None:
        """Has a name lead to a collection, in one step."""
        if self.alias(name) is None:
            self._client.create_alias(collection, name, timeout=self.patience_s)
        else:
            self._client.alter_alias(collection, name, timeout=self.patience_s)

    @_told
    def create(self, name: str, texts: Mapping[str, int], numbers: Sequence[str] = (), dimension: int = 0) -> None:
        """Has a collection whose rows have a `key`, some texts of at most so many bytes, and some numbers.

        What another worker has made of it, in the same moment or before it was killed, stays; what is missing is made.

        Args:
            dimension: with it rows have a `vector` too, and the words of `words` are searched with BM25.
        """
        schema = MilvusClient.create_schema(auto_id=False, enable_dynamic_field=False)
        schema.add_field("key", DataType.VARCHAR, is_primary=True, max_length=100)
        for field, size in texts.items():
            searched = {"enable_analyzer": True, "enable_match": True, "analyzer_params": {"tokenizer": "standard"}}
            schema.add_field(field, DataType.VARCHAR, max_length=size, **(searched if field == "words" else {}))
        for field in numbers:
            schema.add_field(field, DataType.INT64)
        # Every collection must have vectors.
        schema.add_field("vector", DataType.FLOAT_VECTOR, dim=dimension or 2)
        engine = {"index_type": "HNSW", "params": _GRAPH} if dimension else {"index_type": "FLAT"}
        indexes = {"vector": {"metric_type": "IP", **engine}}
        if dimension:
            schema.add_field("bm25", DataType.SPARSE_FLOAT_VECTOR)
            schema.add_function(
                Function("bm25", FunctionType.BM25, input_field_names=["words"], output_field_names=["bm25"])
            )
            indexes["bm25"] = {
                "index_type": "SPARSE_INVERTED_INDEX",
                "metric_type": "BM25",
                "params": {"bm25_k1": _K1, "bm25_b": _B},
            }
        end = time.monotonic() + self.patience_s
        while not self._is_made(name, schema, indexes, is_last_try=time.monotonic() > end):
            time.sleep(_LOOK_EVERY_S)

    def _is_made(
        self, name: str, schema: CollectionSchema, indexes: Mapping[str, Mapping[str, Any]], *, is_last_try: bool
    ) -> bool:
        """Makes what is missing of a collection. Tells whether it is whole: another worker may be at it too."""
        try:
            if name not in self._client.list_collections(timeout=self.patience_s):
                self._client.create_collection(name, schema=schema, consistency_level="Strong", timeout=self.patience_s)
            there = self._client.list_indexes(name, timeout=self.patience_s)
            for field in sorted(indexes.keys() - there):
                missing = MilvusClient.prepare_index_params(field, index_name=field, **indexes[field])
                self._client.create_index(name, missing, timeout=self.patience_s)
            self._client.load_collection(name, timeout=self.patience_s)
        except MilvusException as error:
            if is_last_try or not any(word in str(error).casefold() for word in _BEING_MADE):
                raise
            return False
        return True

    @_told
    def dimension(self, name: str) -> int:
        """How many values the vectors of a collection have."""
        described = self._client.describe_collection(name, timeout=self.patience_s)
        return next(int(field["params"]["dim"]) for field in described["fields"] if field["name"] == "vector")

    @_told
    def drop(self, name: str) -> None:
        self._client.drop_collection(name, timeout=self.patience_s)

    @_told
    def load(self, name: str) -> None:
        """Has a collection in memory."""
        self._client.load_collection(name, timeout=self.patience_s)

    @_told
    def put(self, name: str, rows: Sequence[Mapping[str, Any]]) -> None:
        """Rows by their keys: in place of those that are there."""
        for start in range(0, len(rows), _AT_ONCE):
            batch = [{"vector": [0.0, 0.0], **row} for row in rows[start : start + _AT_ONCE]]
            self._client.upsert(name, batch, timeout=self.patience_s)

    @_told
    def flush(self, name: str) -> None:
        """Has what was put kept, whatever happens."""
        self._client.flush(name, timeout=self.patience_s)

    @_told
    @_loaded
    def get(self, name: str, keys: Sequence[str], fields: Sequence[str]) -> dict[str, dict[str, Any]]:
        """Rows by key; those that are not there are left out."""
        found: dict[str, dict[str, Any]] = {}
        for start in range(0, len(keys), _AT_ONCE):
            batch = list(keys[start : start + _AT_ONCE])
            for row in self._client.get(name, batch, output_fields=["key", *fields], timeout=self.patience_s):
                found[row["key"]] = row
        return found

    @_told
    @_loaded
    def everywhere(self, name: str, expression: str, fields: Sequence[str]) -> list[dict[str, Any]]:
        """All rows for which an expression holds, however many."""
        pages = self._client.query_iterator(
            name, batch_size=_AT_ONCE, filter=expression, output_fields=["key", *fields], timeout=self.patience_s
        )
        rows: list[dict[str, Any]] = []
        while page := pages.next():
            rows += page
        pages.close()
        return rows

    @_told
    def delete(self, name: str, expression: str) -> None:
        self._client.delete(name, filter=expression, timeout=self.patience_s)

    @_told
    @_loaded
    def nearest(self, name: str, vector: NDArray[np.float32], limit: int, expression: str) -> list[str]:
        """The keys of the rows nearest to a unit vector, best first."""
        found = self._client.search(
            name,
            [vector.tolist()],
            anns_field="vector",
            limit=limit,
            filter=expression,
            output_fields=["key"],
            search_params={"params": {"ef": max(2 * limit, _LOOKED_AT)}},
            timeout=self.patience_s,
        )
        return [hit["key"] for hit in found[0]]

    @_told
    @_loaded
    def with_words(self, name: str, words: str, limit: int, expression: str) -> list[str]:
        """The keys of the rows that match some words best by BM25, best first."""
        found = self._client.search(
            name,
            [words],
            anns_field="bm25",
            limit=limit,
            filter=expression,
            output_fields=["key"],
            timeout=self.patience_s,
        )
        return [hit["key"] for hit in found[0]]


def quoted(text: str) -> str:
    """A text as a value of an expression."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def one_of(field: str, values: Sequence[str]) -> str:
    """The expression that a field has one of some values."""
    return f"{field} in [{', '.join(map(quoted, values))}]"
