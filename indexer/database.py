"""A SQLite file: written by one thread to its end, then read from any, each by a connection of its own."""

from __future__ import annotations

import errno
import sqlite3
import threading
from pathlib import Path
from typing import Any

from indexer.disk import as_os_error
from indexer.errors import IndexBroken

_OF_THE_DISK = {
    sqlite3.SQLITE_FULL: errno.ENOSPC,
    sqlite3.SQLITE_READONLY: errno.EROFS,
    sqlite3.SQLITE_IOERR: None,
    sqlite3.SQLITE_CANTOPEN: None,
}
_PRIMARY = 0xFF


def read_only(path: Path) -> str:
    """The address of a finished file, for sqlite."""
    return f"{path.resolve().as_uri()}?mode=ro&immutable=1"


class _Unfinished(sqlite3.Connection):
    """A connection that says what the disk refuses as the operating system does."""

    path: Path

    def execute(self, statement: str, parameters: Any = (), /) -> sqlite3.Cursor:
        try:
            return super().execute(statement, parameters)
        except sqlite3.OperationalError as error:
            raise self._disk_error(error) from error

    def executescript(self, script: str, /) -> sqlite3.Cursor:
        try:
            return super().executescript(script)
        except sqlite3.OperationalError as error:
            raise self._disk_error(error) from error

    def _disk_error(self, error: sqlite3.OperationalError) -> sqlite3.OperationalError | OSError:
        code = error.sqlite_errorcode & _PRIMARY
        return as_os_error(self.path, error, _OF_THE_DISK[code]) if code in _OF_THE_DISK else error


def unfinished(path: Path) -> sqlite3.Connection:
    """A connection to write a file that nobody reads before it is finished; so it needs no journal.

    Raises:
        OSError: from here on, whatever the disk refuses.
    """
    try:
        connection = sqlite3.connect(path, isolation_level=None, uri=True, factory=_Unfinished)
    except sqlite3.OperationalError as error:
        raise as_os_error(path, error) from error
    connection.path = path
    connection.execute("PRAGMA journal_mode = OFF")
    connection.execute("PRAGMA synchronous = OFF")
    return connection


class Database:
    """Reads a file that nobody writes to any more. Opened when it is first asked."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._local = threading.local()
        self._connections: list[sqlite3.Connection] = []

    def rows(self, statement: str, *parameters: Any) -> list[Any]:
        """What a statement selects.

        Raises:
            IndexBroken: the file is missing or cannot be read.
        """
        try:
            return self._connection().execute(statement, parameters).fetchall()
        except sqlite3.DatabaseError as error:
            raise IndexBroken(f"{self._path}: {error}. Run `onrecord index` again.") from error

    def close(self) -> None:
        for connection in self._connections:
            connection.close()
        self._connections.clear()

    def _connection(self) -> sqlite3.Connection:
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            # Closed by `close`, which may run on another thread; used on this one alone.
            connection = sqlite3.connect(read_only(self._path), uri=True, check_same_thread=False)
            self._local.connection = connection
            self._connections.append(connection)
        return connection
