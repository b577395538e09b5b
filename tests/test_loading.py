"""Short forms of `make soak`, `make reload` and `make load`: what they count, and that they find what they look for."""

from __future__ import annotations

import asyncio
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import pytest

from service.connections import MAX_CONNECTIONS
from tests.benchmarks.load import questions_of
from tests.conftest import SEEDS
from tests.loading.client import Client, WrongAnswerError
from tests.loading.memory import slope
from tests.loading.mix import KINDS, Asking, Holdings, holdings
from tests.overload import TIMES, beside_slow_clients, overload
from tests.reload import reload


@pytest.fixture(scope="module")
def held(server: str) -> Holdings:
    with closing(Client(server)) as client:
        return holdings(client, questions_of(SEEDS / "questions.jsonl"))


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_request_of_the_soak_is_answered_rightly(kind: str, server: str, held: Holdings) -> None:
    with closing(Asking(server, held, 7)) as asking:
        for _ in range(3):
            assert KINDS[kind][1](asking) > 0


@pytest.mark.parametrize("kind", ["GET /v1/search", "/v1/context", "/v1/passages/{id}", "/retrieval", "/v1/verify"])
def test_an_answer_that_is_wrong_is_found(kind: str, server: str, held: Holdings) -> None:
    """The same requests, where what the archive holds is not what they are told that it holds."""
    texts = {name: f" {text}" for name, text in held.transcripts.items()}
    passages = [{**passage, "text": f"{passage['text']} indeed"} for passage in held.passages]
    told = Holdings(held.questions, held.episodes, texts, passages)
    with closing(Asking(server, told, 7)) as asking, pytest.raises(WrongAnswerError):
        KINDS[kind][1](asking)


def test_requests_across_swaps_are_each_answered_from_one_generation(
    offline: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ONRECORD_CACHE", offline["ONRECORD_CACHE"])
    assert reload(600, 3, 4, tmp_path, offline) == []


def test_four_times_what_can_be_answered_is_answered_or_refused_with_a_time_to_come_again(server: str) -> None:
    place = urlsplit(server)
    found = asyncio.run(overload(str(place.hostname), int(place.port or 0), 2))
    assert found.wrong == []
    assert len(found.offered) >= int(TIMES * found.capacity)
    assert {reply.status for reply in found.offered} <= {200, 503}
    assert httpx2.get(f"{server}/v1/search", params={"query": "who pays?"}, trust_env=False).status_code == 200


@pytest.mark.parametrize("kind", ["silent", "bodies drop by drop"])
def test_slow_and_silent_clients_keep_nobody_out(kind: str, server: str) -> None:
    place = urlsplit(server)
    # More silent ones than two processes have places for.
    count = {"silent": 2 * MAX_CONNECTIONS + 200, "never read": 5}.get(kind, 50)
    found = asyncio.run(beside_slow_clients(str(place.hostname), int(place.port or 0), 1, {kind: count}))
    assert found.beside_slow
    assert found.wrong == []


def test_memory_that_grows_is_told_from_memory_that_varies() -> None:
    """Ten minutes, in which a generation is opened and closed each half minute."""
    even = [(second, 400.0 + (8 if second % 30 < 5 else 0)) for second in range(600)]
    assert not slope(even).grows
    growing = slope([(second, held + second * 300 / 3600) for second, held in even])
    assert growing.grows
    assert growing.mb_per_hour == pytest.approx(300, abs=20)
