"""Whose requests are answered: the service by a name of its own, asked by nobody else's page.

A page that somebody opens in a browser can send requests to their own machine, under a name that its owner lets point
there (DNS rebinding). So the name asked for must be one that no stranger can own, or the one that the service is known
by. And it can send them in a reader's name, with what the browser adds by itself; so a page must be the service's own.
"""

from __future__ import annotations

import ipaddress
from http import HTTPStatus
from urllib.parse import urlsplit

from starlette.requests import Request

_NOT_BY_THIS_NAME = "The service is not known by this name; start it with --public-url to have it known by one."
_NOT_FROM_THERE = "The pages of this origin may not ask here. Start the service with --public-url if they are its own."
# What a browser says of a request that its own service's page, or nobody's, made. Pages cannot set this header.
_OWN = ("same-origin", "none")


class Callers:
    """Tells whose requests are refused. Holds nothing between two requests."""

    def __init__(self, public_url: str | None) -> None:
        """
        Args:
            public_url: the address that others reach the service by, through a proxy or a tunnel.
        """
        self._public = urlsplit(public_url) if public_url else None

    def refusal(self, request: Request) -> tuple[HTTPStatus, str] | None:
        """Why a request is not answered, as a status and what to change; None where it is."""
        if not self._is_known_as(request.headers.getlist("host")):
            return HTTPStatus.MISDIRECTED_REQUEST, _NOT_BY_THIS_NAME
        if not self._is_let_in(request):
            return HTTPStatus.FORBIDDEN, _NOT_FROM_THERE
        return None

    def _is_known_as(self, hosts: list[str]) -> bool:
        """A bare address, or a name without a dot, is nobody's domain."""
        name = _name_in(f"//{hosts[0]}") if len(hosts) == 1 else None
        return name is not None and (
            _address(name) is not None
            or "." not in name
            or (self._public is not None and name == self._public.hostname)
        )

    def _is_let_in(self, request: Request) -> bool:
        site = request.headers.get("sec-fetch-site")
        origin = request.headers.get("origin")
        if site in _OWN:
            return True
        if origin is not None:
            return self._is_own(origin, request)
        return site is None or _is_followed_link(request)

    def _is_own(self, origin: str, request: Request) -> bool:
        own = {f"{request.url.scheme}://{request.headers['host']}"}
        if self._public is not None:
            own.add(f"{self._public.scheme}://{self._public.netloc}")
        return origin in own or is_loopback(_name_in(origin) or "")


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches an address, or a name.

    >>> is_loopback("127.8.0.1"), is_loopback("::1"), is_loopback("localhost"), is_loopback("0.0.0.0"), is_loopback("")
    (True, True, True, False, False)
    """
    address = _address(host)
    return host == "localhost" or (address is not None and address.is_loopback)


def _is_followed_link(request: Request) -> bool:
    """A link to here that somebody follows from another site opens a page; nothing else from there is answered."""
    return request.headers.get("sec-fetch-mode") == "navigate" and request.headers.get("sec-fetch-dest") == "document"


def _name_in(address: str) -> str | None:
    try:
        return urlsplit(address).hostname
    except ValueError:
        return None


def _address(name: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(name)
    except ValueError:
        return None
