"""The JSON that goes in and out, version 1."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    StringConstraints,
    Tag,
    model_validator,
)
from pydantic_core import PydanticCustomError

from indexer.types import Kind, Role, TimeSource
from service.ranking import Mode
from service.search import MAX_LIMIT, MAX_OFFSET, GroupBy
from service.verify import Verdict

MAX_QUERY_LENGTH = 10_000
MAX_QUERIES = 32
MAX_DRAFT_LENGTH = 200_000
MAX_QUOTES = 500

_Words = Annotated[str, StringConstraints(min_length=1, max_length=MAX_QUERY_LENGTH, pattern=r"\S")]
Query = Annotated[
    _Words, Field(description="The question, in plain language.", examples=["why did the pager never stop?"])
]


def _refuse_boolean(value: object) -> object:
    """JSON's true is not 1."""
    if isinstance(value, bool):
        raise PydanticCustomError("number_type", "Input should be a number, not true or false")
    return value


_Whole = Annotated[int, BeforeValidator(_refuse_boolean)]
_Number = Annotated[float, BeforeValidator(_refuse_boolean)]


class SearchParameters(BaseModel):
    """How to search, apart from the query. Every filter is applied before the search, exactly."""

    model_config = ConfigDict(extra="forbid")

    limit: _Whole = Field(10, ge=1, le=MAX_LIMIT, description="Hits to return.")
    offset: _Whole = Field(0, ge=0, le=MAX_OFFSET, description="Hits to skip.")
    speaker: str | None = Field(None, description="Only this person's words: the full name, or an alias of one person.")
    role: Role | None = Field(None, description="Only the words of people in this role.")
    episode: str | None = Field(None, description="Only this episode: its id, source or title.")
    show: str | None = Field(None, description="Only this show.")
    section: str | None = Field(None, description="Only sections with this heading.")
    language: str | None = Field(
        None,
        pattern=r"\S",
        description="Only episodes in this language, as `en`, which is `en-US` too; `und`: those that state none.",
    )
    date_from: date | None = Field(None, description="Only episodes of this day or later; undated ones are left out.")
    date_to: date | None = Field(None, description="Only episodes of this day or earlier; undated ones are left out.")
    kind: list[Kind] = Field([Kind.CONTENT], min_length=1, description="Segment kinds to search.")
    mode: Mode = Field(Mode.HYBRID, description="Meaning and words, meaning alone, or words alone.")
    group_by: GroupBy | None = Field(None, description="The best hit of each episode or speaker only.")
    per_episode: _Whole | None = Field(None, ge=1, le=MAX_LIMIT, description="At most this many hits of one episode.")
    context: _Whole = Field(0, ge=0, le=5, description="Neighbouring passages to add on each side.")
    min_score: _Number = Field(0.0, ge=0, le=1, description="Leave out hits that score lower.")
    rerank: bool = Field(True, description="Let the service's reranker, if it has one, read the first passages.")


class SearchQuery(SearchParameters):
    """`GET /v1/search`."""

    query: Query


class SearchBody(SearchParameters):
    """`POST /v1/search`: one query, or a list of them."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"query": "who pays when the machine is wrong?", "limit": 3},
                {"query": ["why storage?", "why wires?"], "role": "guest", "group_by": "speaker"},
            ]
        },
    )

    query: Annotated[
        Annotated[Query, Tag("one")] | Annotated[list[Query], Field(min_length=1, max_length=MAX_QUERIES), Tag("many")],
        Discriminator(lambda value: "many" if isinstance(value, list) else "one"),
    ]


class PageParameters(BaseModel):
    """Which part of a list."""

    model_config = ConfigDict(extra="forbid")

    limit: int = Field(100, ge=1, le=1000, description="Entries to return.")
    offset: int = Field(0, ge=0, description="Entries to skip.")


class IndexInfo(BaseModel):
    generation: str
    model: str
    episodes: int
    passages: int


class Quote(BaseModel):
    """The passage's best sentence."""

    text: str
    char_start: int
    char_end: int


class SpeakerRef(BaseModel):
    """`name` is null where the transcript names nobody."""

    name: str | None
    role: Role


class Question(BaseModel):
    """The interviewer's turn that the passage replies to."""

    speaker: str | None
    text: str
    turn: int


class EpisodeRef(BaseModel):
    id: str
    title: str
    show: str | None
    date: str | None
    language: str | None = Field(description="As the file or its metadata states it; null where neither does.")
    url: str | None
    source: str = Field(description="The file's path below the folder that was indexed.")


class Passage(BaseModel):
    """`char_start` and `char_end` count code points of the episode's canonical text, as served by its transcript."""

    id: str
    text: str
    speaker: SpeakerRef
    question: Question | None
    episode: EpisodeRef
    section: str | None
    kind: Kind
    turn: int
    char_start: int
    char_end: int
    start_s: float | None = Field(description="Seconds from the start of the recording.")
    end_s: float | None
    time: TimeSource = Field(description="Whether `start_s` was read, interpolated, or is not known.")
    flags: list[str]
    link: str = Field(description="The turn in the reader.")
    deep_link: str | None = Field(
        description="The recording at `start_s`; null without a time, without a stated address, or where the stated "
        "duration contradicts the transcript."
    )


class Place(BaseModel):
    """Where the same words are said too."""

    passage: str
    episode: str
    kind: Kind
    turn: int
    char_start: int
    char_end: int
    link: str


class Hit(Passage):
    rank: int
    score: float = Field(ge=0, le=1)
    signals: dict[str, float]
    quote: Quote
    also_at: list[Place] = Field(description="Other places where the same words are said.")
    before: list[Passage] = Field(description="Neighbouring passages, when `context` asks for them.")
    after: list[Passage]


class SearchResponse(BaseModel):
    query: str
    took_ms: float
    total: int = Field(description="Hits that were ranked, of which `offset` and `limit` show a page.")
    as_of: str
    index: IndexInfo
    experts_total: int | None = Field(description="With `group_by=speaker`: how many people speak of it.")
    hidden: dict[str, int] = Field(description="Better matches of segment kinds that were not searched.")
    notes: list[str]
    results: list[Hit]


class SearchResponses(BaseModel):
    """Answers to a list of queries, in its order."""

    searches: list[SearchResponse]


class EpisodeSummary(EpisodeRef):
    speakers: list[SpeakerRef]
    turns: int
    words: int


class EpisodeList(BaseModel):
    episodes: list[EpisodeSummary]
    total: int


class EpisodeSpeaker(SpeakerRef):
    confidence: float = Field(description="How sure the role is, 0 to 1; 1 is stated.")
    aliases: list[str]
    description: str | None


class EpisodeDetail(EpisodeRef):
    format: str
    speakers: list[EpisodeSpeaker]
    sections: list[str]
    turns: int
    words: int
    passages: int


class TranscriptTurn(BaseModel):
    speaker: str | None
    text: str
    start_s: float | None
    end_s: float | None
    section: str | None
    kind: Kind
    flags: list[str]
    char_start: int
    char_end: int


class ExchangeTurn(TranscriptTurn):
    """A turn with its number in the episode."""

    turn: int


class Exchange(BaseModel):
    """A question with its whole answer. `question` is null where nobody asks."""

    passage: str
    episode: EpisodeRef
    question: ExchangeTurn | None
    answer: list[ExchangeTurn]


class Transcript(BaseModel):
    """`text[char_start:char_end]` is the turn's or passage's text, exactly."""

    id: str
    text: str
    turns: list[TranscriptTurn]


class SpeakerSummary(BaseModel):
    name: str
    roles: dict[Role, int] = Field(description="Episodes in each role.")
    episodes: int
    passages: int
    aliases: list[str]


class SpeakerList(BaseModel):
    speakers: list[SpeakerSummary]
    total: int


class Health(BaseModel):
    status: str


class Readiness(Health):
    index: IndexInfo
    notes: list[str] = Field(description="Why a newer generation of the index is not served.")


class Problem(BaseModel):
    """RFC 9457 problem details; `errors` says what to change, one entry per parameter."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    errors: list[dict[str, Any]] = []


class StatedQuote(BaseModel):
    """A quotation, and whom it is given to; null where nobody is named."""

    model_config = ConfigDict(extra="forbid")

    text: _Words
    speaker: str | None = None


class VerifyBody(BaseModel):
    """`POST /v1/verify`: a draft in Markdown or plain text, or a list of quotations."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"text": 'Ilse Brandvold told us: "It\'s always in the end the nurse."'},
                {"quotes": [{"text": "It's the nurse.", "speaker": "Ilse Brandvold"}]},
            ]
        },
    )

    text: str | None = Field(None, max_length=MAX_DRAFT_LENGTH)
    quotes: list[StatedQuote] | None = Field(None, max_length=MAX_QUOTES)

    @model_validator(mode="after")
    def _one_of_both(self) -> VerifyBody:
        if (self.text is None) == (self.quotes is None):
            raise ValueError("give either text or quotes")
        return self


class Match(BaseModel):
    """Where the words stand in the transcript."""

    text: str
    speaker: SpeakerRef
    episode: EpisodeRef
    turn: int
    char_start: int
    char_end: int
    start_s: float | None
    time: TimeSource
    link: str
    deep_link: str | None


class Change(BaseModel):
    """Words as they are quoted, and as they were said; the same where nothing was changed."""

    quoted: str
    said: str


class VerifiedQuote(BaseModel):
    """`start` and `end`: where the quotation stands in the draft, its marks included; null without a draft."""

    quote: str
    attributed_to: str | None
    start: int | None
    end: int | None
    verdict: Verdict
    match: Match | None
    diff: list[Change]
    nearest: Passage | None = Field(description="What comes nearest to a quotation that was not found.")


class VerifyResponse(BaseModel):
    """`summary`: how many quotations of each verdict."""

    index: IndexInfo
    results: list[VerifiedQuote]
    summary: dict[Verdict, int]
