"""What browsers are told to refuse, on every answer: pages, JSON, files, and what is wrong with a request.

No header lets another origin read an answer (CORS): a browser then keeps it from that origin's pages.
"""

from __future__ import annotations

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

# An answer that is no page loads nothing, runs nothing, and stands in nobody's frame. Pages state their own policy.
_ALWAYS = {
    "Content-Security-Policy": "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    # Where it is same-origin, a form of ours still says whose it is; nobody else learns what was asked.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}
_THE_SAME_FOR_ALL = "/static/"
# What only a key opens is kept by no browser and no proxy.
_KEPT_BY_NOBODY = {"Cache-Control": "no-store"}


class BrowserHeaders:
    """ASGI middleware that adds to an answer what it does not state itself."""

    def __init__(self, app: ASGIApp, *, keyed: bool) -> None:
        """
        Args:
            keyed: whether answers are for those who have a key.
        """
        self._app = app
        self._keyed = keyed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        is_kept = scope["path"].startswith(_THE_SAME_FOR_ALL) or not self._keyed
        added = _ALWAYS if is_kept else {**_ALWAYS, **_KEPT_BY_NOBODY}

        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in added.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, sent)
