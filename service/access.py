"""Who may ask what: the one place where a request is let in or refused, before anything of it is read.

Names and origins are checked always (`callers`), keys where the service was started with a file of them (`keys`).
"""

from __future__ import annotations

import base64
import binascii
import math
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from service import problems
from service.callers import Callers
from service.keys import Key, Keyring
from service.keys import Scope as KeyScope

# Says nothing but that the process runs, to whoever probes it under whatever name.
LIVENESS = "/livez"
# Answered without a key: whether the service is ready, and what the pages are made of, which everybody may read anyway.
OPEN = ("/readyz", "/static/", "/favicon.ico")
# Of the service, not of the archive: for keys of the scope `admin`.
ADMIN = ("/metrics",)
_NO_KEY = "A key is needed: send it as `Authorization: Bearer KEY`, or in a browser as the password, with any name."
_WRONG_KEY = "This key is not known here, or no longer. Whoever runs the service makes one with `onrecord key add`."


class Access:
    """Middleware that lets requests in, or refuses them in the shape of the contract that they are of."""

    def __init__(self, app: ASGIApp, callers: Callers, keyring: Keyring | None) -> None:
        """
        Args:
            keyring: the keys; None lets everybody in who is no stranger's page.
        """
        self._app = app
        self._callers = callers
        self._keyring = keyring

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        refusal = None
        if scope["type"] == "http" and scope["path"] != LIVENESS:
            refusal = self._refusal(Request(scope))
        await (refusal or self._app)(scope, receive, send)

    def _refusal(self, request: Request) -> Response | None:
        found = self._callers.refusal(request)
        if found:
            return problems.answered(request, *found)
        if self._keyring is None:
            return None
        secret = _secret(request.headers.get("authorization", ""))
        key = self._keyring.find(secret) if secret else None
        request.state.is_known = key is not None
        if request.scope["path"].startswith(OPEN):
            return None
        if key is None:
            return _unauthorised(request, wrong=secret is not None)
        return _over_limit(request, key, self._keyring) or _out_of_scope(request, key)


def is_known(request: Request) -> bool:
    """Whether details may be told: to whoever has a key, and to everybody where there are no keys."""
    return bool(getattr(request.state, "is_known", True))


def _secret(authorization: str) -> str | None:
    """The key that a request bears; as the password, where a browser sends it."""
    scheme, _, rest = authorization.partition(" ")
    if scheme.casefold() == "bearer":
        return rest.strip() or None
    if scheme.casefold() != "basic":
        return None
    try:
        return base64.b64decode(rest.strip(), validate=True).decode().partition(":")[2] or None
    except (binascii.Error, ValueError):
        return None


def _unauthorised(request: Request, *, wrong: bool) -> Response:
    """Only for an address that is opened in a browser is it asked to ask its reader; a script's request is not."""
    response = problems.answered(request, HTTPStatus.UNAUTHORIZED, _WRONG_KEY if wrong else _NO_KEY)
    challenge = 'Bearer realm="On Record"' + (', error="invalid_token"' if wrong else "")
    if "text/html" in request.headers.get("accept", ""):
        challenge = 'Basic realm="On Record", charset="UTF-8"'
    response.headers["WWW-Authenticate"] = challenge
    return response


def _over_limit(request: Request, key: Key, keyring: Keyring) -> Response | None:
    wait = keyring.wait_s(key)
    if not wait:
        return None
    seconds = math.ceil(wait)
    detail = f"The key {key.name!r} may send {key.per_minute} requests a minute. Ask again in {seconds} s."
    response = problems.answered(request, HTTPStatus.TOO_MANY_REQUESTS, detail)
    response.headers["Retry-After"] = str(seconds)
    return response


def _out_of_scope(request: Request, key: Key) -> Response | None:
    path = request.scope["path"]
    if path not in ADMIN or key.scope is KeyScope.ADMIN:
        return None
    return problems.answered(
        request, HTTPStatus.FORBIDDEN, f"{path} is for keys of the scope admin; {key.name!r} has the scope {key.scope}."
    )
