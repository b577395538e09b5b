"""The hit's `deep_link`: the recording at the passage's time, and null wherever that cannot be trusted."""

from __future__ import annotations

from pathlib import Path

import pytest

from embeddings.fake import FakeEmbedder
from service import schemas
from service.answers import answer
from service.archive import assemble
from tests.indexer.making import index, write

WORDS = "We measured the tide every week, and it was never what the plan of the harbour said it would be."
TEMPLATE = "https://example.org/talk?t={s}"


def links(folder: Path, sidecar: str, *, stamp: str) -> list[tuple[float | None, str | None]]:
    """The start and deep link of every hit in an archive of one transcript with stamps before its answers."""
    turns = [f"**Lena Ortiz:** {stamp.format(minute)} {WORDS} Year {minute}.\n" for minute in (1, 2, 3)]
    write(folder / "in" / "talk.md", "\n**Omar Haddad:** Go on, please, and tell us more.\n\n".join(turns))
    write(folder / "in" / "talk.meta.yaml", sidecar)
    embedder = FakeEmbedder()
    outcome = index(folder / "in", folder / "index", embedder)
    assert outcome.generation is not None
    archive = assemble(outcome.generation, embedder)
    [response] = answer(["the tide"], schemas.SearchParameters.model_validate({"limit": 100}), archive)
    archive.catalog.close()
    return sorted({(hit.start_s, hit.deep_link) for hit in response.results if hit.speaker.name == "Lena Ortiz"})


def test_a_hit_opens_the_recording_at_its_time(tmp_path: Path) -> None:
    found = links(tmp_path, f"link_template: {TEMPLATE}\nduration: '4:00'\n", stamp="[0{}:05]")
    assert (65.0, "https://example.org/talk?t=65") in found
    assert all(link == f"https://example.org/talk?t={int(start_s or 0)}" for start_s, link in found)


@pytest.mark.parametrize(
    ("sidecar", "stamp"),
    [
        ("title: No template", "[0{}:05]"),
        (f"link_template: {TEMPLATE}", ""),
        (f"link_template: {TEMPLATE}\nduration: '2:00'\n", "[0{}:05]"),
        ("link_template: '#t={s}'", "[0{}:05]"),
    ],
    ids=["no template", "no time", "the duration contradicts", "no url"],
)
def test_there_is_no_link_where_it_could_not_be_trusted(tmp_path: Path, sidecar: str, stamp: str) -> None:
    found = links(tmp_path, sidecar, stamp=stamp)
    assert found
    assert {link for _, link in found} == {None}
