"""A server on the loopback that speaks OpenAI's chat completions, for tests: it answers what it is told to."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Written = Callable[[Mapping[str, Any]], str]


@dataclass(slots=True)
class Script:
    """What the server does. `answer` makes the text out of the request; `breaks_off` ends the stream in the middle."""

    answer: Written = lambda request: ""
    status: int = 200
    breaks_off: bool = False
    requests: list[dict[str, Any]] = field(default_factory=list)
    keys: list[str | None] = field(default_factory=list)


@contextmanager
def language_model_server(script: Script) -> Iterator[str]:
    """The address of its API."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            script.requests.append(request)
            script.keys.append(self.headers["Authorization"])
            if self.path != "/v1/chat/completions" or script.status != 200:
                self._refuse()
                return
            assert request["stream"] is True
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.end_headers()
            text = script.answer(request)
            pieces = [text[i : i + 7] for i in range(0, len(text), 7)]
            for piece in pieces[: len(pieces) // 2] if script.breaks_off else pieces:
                self._send({"content": piece}, None)
            if not script.breaks_off:
                self._send({}, "stop")
                self.wfile.write(b"data: [DONE]\n\n")

        def _refuse(self) -> None:
            body = json.dumps(
                {"error": {"message": "no such key", "type": "auth", "param": None, "code": None}}
            ).encode()
            self.send_response(script.status if script.status != 200 else 404)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def _send(self, delta: dict[str, str], finish_reason: str | None) -> None:
            chunk = {
                "id": "chatcmpl-1",
                "object": "chat.completion.chunk",
                "created": 1,
                "model": "parrot",
                "choices": [{"index": 0, "delta": delta, "finish_reason": finish_reason}],
            }
            self.wfile.write(f"data: {json.dumps(chunk)}\n\n".encode())
            self.wfile.flush()

        def log_message(self, *args: Any) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/v1"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
