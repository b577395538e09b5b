"""One agent over standard input and output. Only the protocol is written there; all else goes to standard error."""

from __future__ import annotations

import asyncio
import logging
import signal

from service.live import LiveArchive
from service.mcp_server import over_stdio
from service.tracebacks import log_to_standard_error


def run(live: LiveArchive) -> None:
    """Answers until standard input is closed.

    Raises:
        OnRecordError, EmbeddingError: the index cannot be opened.
    """
    log_to_standard_error(logging.WARNING)
    # Python's own way would wait for the next line of standard input; nothing here needs to be tidied up.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    asyncio.run(over_stdio(live))
