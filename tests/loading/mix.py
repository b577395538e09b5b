"""Requests of every kind to one service, each with what its answer must be.

What is asked is drawn from what the archive holds: its episodes, passages and people, which are fetched first. Each
answer must have the status, the media type and the fields that it is to have, name a generation where it names one, and
show words that stand in the transcript at the offsets that it gives.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from tests.loading.client import Answer, Client, WrongAnswerError

_HTML = {"Accept": "text/html"}
_MCP = {"Accept": "application/json, text/event-stream"}
_ANY_KEY = {"Authorization": "Bearer any"}
_EXPORTS = {
    "markdown": "text/markdown",
    "bibtex": "application/x-bibtex",
    "csl-json": "application/vnd.citationstyles.csl+json",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
}


@dataclass(frozen=True, slots=True)
class Holdings:
    """What a service holds all the time that it is asked. Episodes that come and go are not among it.

    Args:
        transcripts: the canonical texts, by the episodes' ids.
        passages: of each question, what was found first.
    """

    questions: Sequence[str]
    episodes: Sequence[Mapping[str, Any]]
    transcripts: Mapping[str, str]
    passages: Sequence[Mapping[str, Any]]


def holdings(client: Client, questions: Sequence[str]) -> Holdings:
    """Asks a service what it holds: up to a hundred episodes, with the passages in them that answer some questions."""
    episodes = client.get("/v1/episodes").json()["episodes"]
    texts = {one["id"]: client.get(f"/v1/episodes/{one['id']}/transcript").json()["text"] for one in episodes}
    found = (client.get("/v1/search", query=query, limit=5).json()["results"] for query in questions[:30])
    passages = {hit["id"]: hit for hits in found for hit in hits if hit["episode"]["id"] in texts}
    return Holdings(questions, episodes, texts, list(passages.values()))


class Asking:
    """One client of the mix. Keeps what its answers took, the generations that they named, and what was wrong."""

    def __init__(self, address: str, held: Holdings, seed: int) -> None:
        self._client = Client(address)
        self._held = held
        self._chance = Random(seed)
        self.took_s: dict[str, list[float]] = defaultdict(list)
        self.generations: set[str] = set()
        self.wrong: list[str] = []

    def ask(self) -> None:
        """One request, of a kind that is drawn."""
        name = self._chance.choices(list(KINDS), [weight for weight, _ in KINDS.values()])[0]
        try:
            took_s = KINDS[name][1](self)
        except (WrongAnswerError, KeyError, TypeError, IndexError) as error:
            self.wrong.append(f"{name}: {error!r}")
        else:
            self.took_s[name].append(took_s)

    def close(self) -> None:
        self._client.close()

    # Each returns how long its answer took.

    def search(self) -> float:
        answer = self._client.get("/v1/search", query=self._query(), limit=self._chance.choice((3, 10, 30)))
        self._hits(answer, answer.json())
        return answer.took_s

    def search_json(self) -> float:
        body = {"query": self._query(), "mode": self._chance.choice(("hybrid", "dense", "lexical")), "context": 1}
        answer = self._client.post("/v1/search", body)
        self._hits(answer, answer.json())
        return answer.took_s

    def search_batch(self) -> float:
        queries = self._chance.choices(self._held.questions, k=5)
        answer = self._client.post("/v1/search", {"query": queries})
        searches = answer.json()["searches"]
        _hold([one["query"] for one in searches] == queries, answer)
        _hold(len({one["index"]["generation"] for one in searches}) == 1, answer)
        for one in searches:
            self._hits(answer, one)
        return answer.took_s

    def search_filtered(self) -> float:
        passage = self._passage()
        name = passage["speaker"]["name"]
        answer = self._client.get(
            "/v1/search", query=self._query(), speaker=name or "", role=passage["speaker"]["role"]
        )
        hits = self._hits(answer, answer.json())
        _hold(all(hit["speaker"]["name"] == name for hit in hits), answer)
        return answer.took_s

    def search_facets(self) -> float:
        answer = self._client.get("/v1/search", query=self._query(), facets="true", group_by="speaker")
        found = answer.json()
        self._hits(answer, found)
        _hold(set(found["facets"]) == {"speaker", "role", "show", "episode", "year"}, answer)
        return answer.took_s

    def quotes(self) -> float:
        style = self._chance.choice(("markdown", "chicago", "apa", "mla", "bibtex", "csl-json"))
        answer = self._client.post("/v1/quotes", {"query": self._query(), "style": style})
        self._hits(answer, answer.json())
        return answer.took_s

    def context(self) -> float:
        max_tokens = self._chance.choice((300, 1000, 4000))
        answer = self._client.post("/v1/context", {"query": self._query(), "max_tokens": max_tokens, "format": "json"})
        found = answer.json()
        self._named(found)
        _hold(found["tokens"] <= max_tokens, answer)
        self._words(answer, ({**turn, "episode": one["episode"]} for one in found["blocks"] for turn in one["answer"]))
        return answer.took_s

    def ask_quotes(self) -> float:
        answer = self._client.post("/v1/ask", {"query": self._query()})
        found = answer.json()
        self._named(found)
        _hold("unverified" not in found["summary"] or not found["summary"]["unverified"], answer)
        self._words(answer, (span["match"] for span in found["spans"] if span["match"]))
        return answer.took_s

    def verify(self) -> float:
        passage = self._passage()
        answer = self._client.post(
            "/v1/verify", {"quotes": [{"text": passage["text"]}, {"text": "Never said by anybody."}]}
        )
        found = answer.json()
        self._named(found)
        _hold([one["verdict"] for one in found["results"]] == ["verified", "not_found"], answer)
        return answer.took_s

    def passage(self) -> float:
        passage = self._passage()
        answer = self._client.get(f"/v1/passages/{passage['id']}")
        found = answer.json()
        _hold((found["status"], found["text"]) == ("current", passage["text"]), answer)
        return answer.took_s

    def exchange(self) -> float:
        passage = self._passage()
        answer = self._client.get(f"/v1/passages/{passage['id']}/exchange")
        found = answer.json()
        self._words(answer, ({**turn, "episode": found["episode"]} for turn in found["answer"]))
        return answer.took_s

    def episodes(self) -> float:
        answer = self._client.get("/v1/episodes")
        _hold(set(self._held.transcripts) <= {one["id"] for one in answer.json()["episodes"]}, answer)
        return answer.took_s

    def episode(self) -> float:
        episode = self._episode()
        answer = self._client.get(f"/v1/episodes/{episode['id']}")
        _hold(answer.json()["title"] == episode["title"], answer)
        return answer.took_s

    def transcript(self) -> float:
        episode = self._episode()
        answer = self._client.get(f"/v1/episodes/{episode['id']}/transcript")
        _hold(answer.json()["text"] == self._held.transcripts[episode["id"]], answer)
        return answer.took_s

    def citation(self) -> float:
        passage = self._passage()
        stretch = {name: passage[name] for name in ("char_start", "char_end")}
        answer = self._client.get(f"/v1/episodes/{passage['episode']['id']}/citation", style="apa", **stretch)
        [part] = answer.json()["parts"]
        _hold(part["text"] == passage["text"] and bool(part["citation"]), answer)
        return answer.took_s

    def speakers(self) -> float:
        answer = self._client.get("/v1/speakers")
        _hold(answer.json()["total"] > 0, answer)
        return answer.took_s

    def export(self) -> float:
        name = self._chance.choice(list(_EXPORTS))
        passages = self._chance.sample(self._held.passages, min(3, len(self._held.passages)))
        quotes = [
            {"episode": one["episode"]["id"], **{key: one[key] for key in ("char_start", "char_end", "text")}}
            for one in passages
        ]
        answer = self._client.post("/v1/export", {"format": name, "quotes": quotes})
        answer.must_be(200, _EXPORTS[name])
        _hold(len(answer.body) > 100, answer)
        return answer.took_s

    def page(self) -> float:
        episode, passage = self._episode(), self._passage()
        path, parameters = self._chance.choice(
            (
                ("/", {}),
                ("/", {"query": self._query()}),
                ("/archive", {}),
                ("/verify", {}),
                ("/speakers", {}),
                ("/docs", {}),
                (f"/episodes/{episode['id']}", {}),
                (f"/speakers/{passage['speaker']['name']}", {}),
            )
        )
        answer = self._client.get(path, _HTML, **parameters)
        answer.must_be(200, "text/html")
        _hold(answer.body.rstrip().endswith(b"</html>"), answer)
        return answer.took_s

    def openai_store(self) -> float:
        body = {"query": self._query(), "filters": {"type": "ne", "key": "role", "value": "unknown"}}
        answer = self._client.post("/v1/vector_stores/onrecord/search", body)
        for one in answer.json()["data"]:
            place = {key: one["attributes"][key] for key in ("char_start", "char_end")}
            self._words(answer, [{"text": one["content"][0]["text"], "episode": {"id": one["file_id"]}, **place}])
        return answer.took_s

    def dify(self) -> float:
        body = {"knowledge_id": "onrecord", "query": self._query(), "retrieval_setting": {"top_k": 5}}
        answer = self._client.post("/retrieval", body, _ANY_KEY)
        for one in answer.json()["records"]:
            self._words(
                answer, [{**one["metadata"], "text": one["content"], "episode": {"id": one["metadata"]["episode"]}}]
            )
        return answer.took_s

    def mcp(self) -> float:
        name, arguments = self._chance.choice(
            (
                ("search", {"query": self._query()}),
                ("search_passages", {"query": self._query(), "limit": 5}),
                ("find_quotes", {"query": self._query()}),
                ("list_speakers", {}),
                ("fetch", {"id": self._passage()["id"]}),
            )
        )
        call = {"name": name, "arguments": arguments}
        answer = self._client.post("/mcp", {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call}, _MCP)
        found = answer.json()
        _hold("error" not in found and not found["result"].get("isError"), answer)
        return answer.took_s

    def ready(self) -> float:
        answer = self._client.get("/readyz")
        self._named(answer.json())
        return answer.took_s

    def refused(self) -> float:
        answer = self._client.get("/v1/search", query=self._query(), limit=1000)
        _hold("limit" in answer.json(422, "application/problem+json")["detail"], answer)
        return answer.took_s

    def _query(self) -> str:
        return self._chance.choice(self._held.questions)

    def _episode(self) -> Mapping[str, Any]:
        return self._chance.choice(self._held.episodes)

    def _passage(self) -> Mapping[str, Any]:
        return self._chance.choice(self._held.passages)

    def _named(self, found: Mapping[str, Any]) -> None:
        self.generations.add(found["index"]["generation"])

    def _hits(self, answer: Answer, found: Mapping[str, Any]) -> list[Mapping[str, Any]]:
        self._named(found)
        hits: list[Mapping[str, Any]] = found["results"]
        _hold([hit["rank"] for hit in hits] == list(range(1, len(hits) + 1)), answer)
        self._words(answer, hits)
        return hits

    def _words(self, answer: Answer, stretches: Iterable[Mapping[str, Any]]) -> None:
        for one in stretches:
            text = self._held.transcripts.get(one["episode"]["id"])
            if text is not None:
                _hold(text[one["char_start"] : one["char_end"]] == one["text"], answer)


def _hold(right: bool, answer: Answer) -> None:
    if not right:
        raise WrongAnswerError(f"{answer.asked}: not what it must be: {answer.body[:300]!r}")


# How often each kind is drawn, and what asks it.
KINDS: Mapping[str, tuple[int, Callable[[Asking], float]]] = {
    "GET /v1/search": (10, Asking.search),
    "POST /v1/search": (5, Asking.search_json),
    "/v1/search, several": (2, Asking.search_batch),
    "/v1/search, filtered": (5, Asking.search_filtered),
    "/v1/search, facets": (3, Asking.search_facets),
    "/v1/quotes": (4, Asking.quotes),
    "/v1/context": (4, Asking.context),
    "/v1/ask": (2, Asking.ask_quotes),
    "/v1/verify": (2, Asking.verify),
    "/v1/passages/{id}": (4, Asking.passage),
    "/v1/passages/…/exchange": (3, Asking.exchange),
    "/v1/episodes": (2, Asking.episodes),
    "/v1/episodes/{id}": (2, Asking.episode),
    "/v1/episodes/…/transcript": (2, Asking.transcript),
    "/v1/episodes/…/citation": (3, Asking.citation),
    "/v1/speakers": (1, Asking.speakers),
    "/v1/export": (1, Asking.export),
    "pages": (5, Asking.page),
    "/v1/vector_stores": (3, Asking.openai_store),
    "/retrieval": (3, Asking.dify),
    "/mcp": (3, Asking.mcp),
    "/readyz": (1, Asking.ready),
    "refused, rightly": (1, Asking.refused),
}
