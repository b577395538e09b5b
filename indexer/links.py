"""Links that open a recording at a time: `https://example.org/ep1?t={s}`, or `#t={m}m{ss}s` behind an episode's url.

A template holds `{s}`, the whole seconds from the start; or `{m}` and `{ss}`, minutes and seconds past them; or `{h}`,
`{mm}` and `{ss}`. A template that begins with `#`, `?`, `&` or `{url}` is put behind the episode's url.

>>> deep_link("https://example.org/ep1?t={s}", None, 75.9)
'https://example.org/ep1?t=75'
>>> deep_link("#t={m}m{ss}s", "https://example.org/ep1#top", 3675)
'https://example.org/ep1#t=61m15s'
"""

from __future__ import annotations

import re

_PLACE = re.compile(r"\{([a-z]*)\}")
_TIMES = frozenset({"s", "m", "mm", "h", "ss"})
_URL = "{url}"
_BEHIND = ("#", "?", "&")
_WEB = ("http://", "https://")


def template_error(template: str) -> str | None:
    """Why a template makes no links; None for one that does."""
    rest = template.removeprefix(_URL)
    places = _PLACE.findall(rest)
    unknown = next((place for place in places if place not in _TIMES), None)
    if unknown is not None:
        return f"`link_template` holds {{{unknown}}}, which is no part of a time"
    if not {"s", "m", "mm"} & set(places):
        return "`link_template` holds no time"
    if not template.startswith((*_WEB, *_BEHIND, _URL)):
        return "`link_template` is no web address"
    return None


def deep_link(template: str, url: str | None, start_s: float) -> str | None:
    """The link to a time; None where the template needs a url that is not known, or that is no web address."""
    rest = template.removeprefix(_URL)
    link = _PLACE.sub(lambda match: _shown(match[1], int(start_s), "{h}" in rest), rest)
    if template.startswith((*_BEHIND, _URL)):
        page = (url or "").partition("#")[0]
        link = f"{page}&{link[1:]}" if link.startswith("?") and "?" in page else f"{page}{link}"
    return link if link.startswith(_WEB) else None


def _shown(place: str, seconds: int, has_hours: bool) -> str:
    minutes = seconds // 60 % 60 if has_hours else seconds // 60
    values = {"s": f"{seconds}", "m": f"{minutes}", "mm": f"{minutes:02}", "h": f"{seconds // 3600}"}
    return values.get(place, f"{seconds % 60:02}")
