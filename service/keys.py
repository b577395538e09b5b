"""The file of API keys: who may ask, in which scope and how often.

It holds no key, only its SHA-256. A key is 256 random bits: nobody guesses one, or goes through them all, so that a
fast hash keeps it as well as a slow one would. Slow hashes are for what people choose, and would cost each request a
core for a tenth of a second.
"""

from __future__ import annotations

import fcntl
import hashlib
import hmac
import logging
import os
import secrets
import stat
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from indexer.errors import KeyFileError
from service.rates import Rates

PREFIX = "onrecord_"
NAME = r"^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$"
MOST_A_MINUTE = 1_000_000
LOOK_EVERY_S = 0.5
_RANDOM_BYTES = 32
_MOST_BYTES = 1_048_576

log = logging.getLogger("onrecord.service")


class Scope(StrEnum):
    """What a key is for: `read` is all that answers from the archive, `admin` also what tells of the service."""

    READ = "read"
    ADMIN = "admin"


class Key(BaseModel):
    """What is kept of a key. `per_minute`: how many requests a minute it may send."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=NAME)
    scope: Scope
    per_minute: int = Field(ge=1, le=MOST_A_MINUTE)
    created: str
    sha256: str = Field(pattern="^[0-9a-f]{64}$")

    @property
    def place(self) -> int:
        """Its place among the rates: no two keys of a file have the same."""
        return int(self.sha256[:4], 16)


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")

    keys: tuple[Key, ...]


def read_keys(path: Path) -> tuple[Key, ...]:
    """The keys of a file, in the order in which they were added.

    Raises:
        KeyFileError: it is missing or malformed, or others than its owner may write to it.
    """
    try:
        with path.open("rb") as file:
            mode, content = os.fstat(file.fileno()).st_mode, file.read(_MOST_BYTES)
    except OSError as error:
        raise KeyFileError(
            f"{_shown(path)}: cannot be read ({error.strerror}). Make it with `onrecord key add NAME --keys FILE`."
        ) from error
    if mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise KeyFileError(f"{path}: others may write to it, and so let themselves in. Run: chmod 600 {path}")
    return _parsed(path, content)


def add_key(path: Path, name: str, scope: Scope, per_minute: int) -> str:
    """Makes a key and adds it to a file, which is made where there is none. The key is not kept: it is told this once.

    Raises:
        KeyFileError: a key of this name is there, the name is none, or the file cannot be read or written.
    """
    with _changing(path) as (file, keys):
        if any(key.name == name for key in keys):
            raise KeyFileError(f"{path}: there is a key called {name!r}. Take another name, or remove that one first.")
        places = {key.place for key in keys}
        while True:
            secret = PREFIX + secrets.token_urlsafe(_RANDOM_BYTES)
            key = _made(name, scope, per_minute, secret)
            if key.place not in places:
                break
        _write(file, (*keys, key))
    return secret


def remove_key(path: Path, name: str) -> None:
    """Removes a key from a file. A service that reads the file refuses the key from then on.

    Raises:
        KeyFileError: there is no such key, or the file cannot be read or written.
    """
    with _changing(path) as (file, keys):
        rest = [key for key in keys if key.name != name]
        if len(rest) == len(keys):
            raise KeyFileError(f"{path}: there is no key called {name!r}. `onrecord key list` shows those there are.")
        _write(file, rest)


class Keyring:
    """The keys that a service knows now. A change of their file is seen within half a second.

    It is made before the processes of the service are forked, so that they count the requests of a key together.
    """

    def __init__(self, path: Path) -> None:
        """
        Raises:
            KeyFileError: as `read_keys`; or there is no key in the file, so that nobody could ask.
        """
        self._path = path
        self._version = _version(path)
        self._keys = _known(read_keys(path))
        if not self._keys:
            raise KeyFileError(f"{path}: it holds no key. Make one with `onrecord key add NAME --keys {path}`.")
        self._rates = Rates()
        self._looked_at = time.monotonic()

    def find(self, secret: str) -> Key | None:
        """The key, if it is known. As long for a key that is wrong at its first sign as for one at its last."""
        self._follow()
        given = hashlib.sha256(secret.encode("utf-8", "surrogateescape")).digest()
        found = None
        for digest, key in self._keys:
            if hmac.compare_digest(digest, given):
                found = key
        return found

    def wait_s(self, key: Key) -> float:
        """Counts a request of a key. Zero where it may be answered, else in how many seconds the next may."""
        return self._rates.wait_s(key.place, key.per_minute)

    def _follow(self) -> None:
        """A file that cannot be read leaves the keys as they are: a slip in it locks nobody out."""
        now = time.monotonic()
        if now - self._looked_at < LOOK_EVERY_S:
            return
        self._looked_at = now
        version = _version(self._path)
        if version == self._version:
            return
        self._version = version
        try:
            self._keys = _known(read_keys(self._path))
        except KeyFileError as error:
            log.error("The keys stay as they were: %s", error)  # noqa: TRY400  the message says all
            return
        log.info("%s: %d keys are known now.", self._path, len(self._keys))


def _known(keys: Sequence[Key]) -> list[tuple[bytes, Key]]:
    return [(bytes.fromhex(key.sha256), key) for key in keys]


def _version(path: Path) -> tuple[int, int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def _parsed(path: Path, content: bytes) -> tuple[Key, ...]:
    try:
        keys = _File.model_validate_json(content).keys
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise KeyFileError(f"{path}: {where}: {first['msg']}. Put it right, or make the keys anew.") from error
    for part in ("name", "place"):
        if len({getattr(key, part) for key in keys}) < len(keys):
            raise KeyFileError(f"{path}: two keys of one {part}. Remove one with `onrecord key remove`, or by hand.")
    return keys


def _made(name: str, scope: Scope, per_minute: int, secret: str) -> Key:
    created = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    digest = hashlib.sha256(secret.encode()).hexdigest()
    try:
        return Key(name=name, scope=scope, per_minute=per_minute, created=created, sha256=digest)
    except ValidationError as error:
        raise KeyFileError(
            f"{name!r}: no name of a key. Take up to 64 letters, digits and . _ @ -, a letter or a digit first."
        ) from error


@contextmanager
def _changing(path: Path) -> Iterator[tuple[Path, tuple[Key, ...]]]:
    """The file, where links to it lead, and its keys, while no other process changes it."""
    try:
        file = path.resolve()
        folder = os.open(file.parent, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise KeyFileError(f"{_shown(path)}: its folder cannot be opened ({error.strerror}). Make it first.") from error
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield file, read_keys(file) if file.exists() else ()
    finally:
        os.close(folder)


def _write(path: Path, keys: Sequence[Key]) -> None:
    """Readers see the old file or the new one. It stays its owner's, also where root changes it."""
    beside = path.with_name(f".{path.name}.new")
    content = _File(keys=tuple(keys)).model_dump_json(indent=1)
    try:
        beside.unlink(missing_ok=True)
        with open(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:  # noqa: PTH123
            if path.exists() and (owner := path.stat()).st_uid != os.geteuid():
                os.fchown(file.fileno(), owner.st_uid, owner.st_gid)
            file.write(f"{content}\n")
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError as error:
        raise KeyFileError(f"{path}: cannot be written ({error.strerror}). Check the folder's permissions.") from error


def _shown(path: Path) -> str:
    """A key in the place of the file of keys is a slip that must not end in a log."""
    return "(a key, where the name of a file is expected)" if path.name.startswith(PREFIX) else str(path)
