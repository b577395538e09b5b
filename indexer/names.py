"""When two spellings are one name."""

from __future__ import annotations

import re
import unicodedata

_TITLES = re.compile(r"^(?:dr|prof|professor|mr|mrs|ms|sir|dame|rev|hon)\.? (?=\S)", re.IGNORECASE)


def name_key(name: str) -> str:
    """What is the same for all spellings of one name: case, accents and titles left out.

    >>> name_key("Dr. Noémie Tavares-Holm") == name_key("NOEMIE TAVARES-HOLM")
    True
    """
    bare = _TITLES.sub("", name.strip())
    plain = unicodedata.normalize("NFKD", bare)
    return " ".join("".join(c for c in plain if not unicodedata.combining(c)).casefold().split())
