"""The JSON that goes in and out, version 1."""

from __future__ import annotations

import re
from datetime import date
from enum import StrEnum
from typing import Annotated, Any, Literal

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

from indexer.drafts import DraftFormat
from indexer.types import Kind, Role, TimeSource
from service.citations import Style
from service.facets import Facet
from service.passage_citations import CitationStatus
from service.ranking import Mode
from service.search import MAX_LIMIT, MAX_OFFSET, GroupBy
from service.verify import Verdict
from service.whereabouts import Status

MAX_QUERY_LENGTH = 10_000
MAX_QUERIES = 32
MAX_DRAFT_LENGTH = 200_000
MAX_QUOTES = 500
MAX_CONTEXT_TOKENS = 100_000
MAX_OFFSET_IN_TEXT = 2**31 - 1

_DAY = re.compile(r"\d{4}-\d\d-\d\d\Z", re.ASCII)
_Words = Annotated[str, StringConstraints(min_length=1, max_length=MAX_QUERY_LENGTH, pattern=r"\S")]
Query = Annotated[
    _Words, Field(description="The question, in plain language.", examples=["why did the pager never stop?"])
]


def _refuse_boolean(value: object) -> object:
    """JSON's true is not 1."""
    if isinstance(value, bool):
        raise PydanticCustomError("number_type", "Input should be a number, not true or false")
    return value


def _refuse_number(value: object) -> object:
    """Nor is 1 JSON's true."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        raise PydanticCustomError("bool_type", "Input should be true or false, not a number")
    return value


Whole = Annotated[int, BeforeValidator(_refuse_boolean)]
Number = Annotated[float, BeforeValidator(_refuse_boolean)]


def _refuse_time(value: object) -> object:
    """A bare number would be taken for seconds since 1970: 20240131 for a day in 1970."""
    if not isinstance(value, date) and not (isinstance(value, str) and _DAY.match(value)):
        raise PydanticCustomError("date_parsing", "Input should be a valid date, as 2024-01-31")
    return value


Flag = Annotated[bool, BeforeValidator(_refuse_number)]
Day = Annotated[date, BeforeValidator(_refuse_time)]
# The limits stand before the check: behind it, pydantic describes them wrongly where a value may be null.
UpToLimit = Annotated[int, Field(ge=1, le=MAX_LIMIT), BeforeValidator(_refuse_boolean)]
Share = Annotated[float, Field(ge=0, le=1), BeforeValidator(_refuse_boolean)]


class FilterParameters(BaseModel):
    """What is searched, and how. Every filter is applied before the search, exactly."""

    model_config = ConfigDict(extra="forbid")

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
    date_from: Day | None = Field(None, description="Only episodes of this day or later; undated ones are left out.")
    date_to: Day | None = Field(None, description="Only episodes of this day or earlier; undated ones are left out.")
    kind: list[Kind] = Field([Kind.CONTENT], min_length=1, description="Segment kinds to search.")
    mode: Mode = Field(Mode.HYBRID, description="Meaning and words, meaning alone, or words alone.")
    min_score: Number = Field(0.0, ge=0, le=1, description="Leave out hits that score lower.")
    rerank: Flag = Field(True, description="Let the service's reranker, if it has one, read the first passages.")


class SearchParameters(FilterParameters):
    """How to search, apart from the query."""

    limit: Whole = Field(10, ge=1, le=MAX_LIMIT, description="Hits to return.")
    offset: Whole = Field(0, ge=0, le=MAX_OFFSET, description="Hits to skip.")
    group_by: GroupBy | None = Field(None, description="The best hit of each episode or speaker only.")
    per_episode: UpToLimit | None = Field(None, description="At most this many hits of one episode.")
    context: Whole = Field(0, ge=0, le=5, description="Neighbouring passages to add on each side.")
    facets: Flag = Field(False, description="Count the ranked passages by speaker, role, show, episode and year.")


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


class EarlierSpeaker(SpeakerRef):
    """Whom the same words were given to, up to a generation of the index, made at `as_of`."""

    generation: str
    as_of: str


class CurrentPassage(Passage):
    """A passage whose id is live."""

    status: Literal[Status.CURRENT] = Status.CURRENT
    earlier_speakers: list[EarlierSpeaker] = Field(
        description="Other people to whom earlier generations gave these words, the last one first; mostly empty."
    )


class PassageThen(BaseModel):
    """A passage as it stood in the last generation that held it. Offsets count in the canonical text of that time."""

    text: str
    speaker: SpeakerRef
    episode: EpisodeRef | None = Field(description="As it was described then; null where that was forgotten.")
    section: str | None
    turn: int
    char_start: int
    char_end: int
    start_s: float | None
    time: TimeSource


class Stretch(BaseModel):
    """Words within one turn: `char_start` and `char_end` count in the canonical text of today."""

    text: str
    turn: int
    char_start: int
    char_end: int
    start_s: float | None
    time: TimeSource
    link: str
    deep_link: str | None


class PassageNow(BaseModel):
    """Where the words stand now: one person's, in one episode."""

    episode: EpisodeRef
    speaker: SpeakerRef
    stretches: list[Stretch] = Field(description="One, or more where other words came to stand between them.")
    passages: list[Passage] = Field(description="Those that hold them; none where they are too few, or in a double.")


class WordChange(BaseModel):
    """Words as they stood, and those that stand in their place; the same where nothing was changed."""

    was: str
    now: str


class RetiredPassage(BaseModel):
    """What became of a passage that is no longer in the archive under its id.

    `moved`: the same words, by the same person, stand elsewhere, or in other passages. `edited`: they stand at their
    place with words changed, under another name, or interrupted. `gone`: neither. `generation` is the last one that
    held the passage, made at `as_of`.
    """

    id: str
    status: Literal[Status.MOVED, Status.EDITED, Status.GONE]
    generation: str
    as_of: str
    was: PassageThen | None = Field(description="Null where the words were forgotten: `onrecord index --forget`.")
    now: PassageNow | None = Field(description="Null for what is gone.")
    diff: list[WordChange] = Field(description="Of what was edited: all its words, in order.")
    earlier_speakers: list[EarlierSpeaker]


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


class FacetCount(BaseModel):
    value: str = Field(description="What to filter by: an episode's id, a year, else the name.")
    label: str = Field(description="What to call it: an episode's title, else the value.")
    count: int


class SearchResponse(BaseModel):
    query: str
    took_ms: float
    total: int = Field(description="Hits that were ranked, of which `offset` and `limit` show a page.")
    as_of: str
    index: IndexInfo
    experts_total: int | None = Field(description="With `group_by=speaker`: how many people speak of it.")
    hidden: dict[str, int] = Field(description="Better matches of segment kinds that were not searched.")
    facets: dict[Facet, list[FacetCount]] | None = Field(
        description="When `facets` asks for them: how many of the passages that `total` counts are of each speaker, "
        "role, show, episode and year, most first; those that state none are not counted. A facet's own filter does "
        "not narrow its list: the values that it leaves out are counted in what would be ranked without it."
    )
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
    """A question with its whole answer. `question` is null where nobody asks.

    `status` is the asked id's; `passage` is the one that holds the words now, null where none does.
    """

    status: Status
    passage: str | None
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


class QuotesQuery(FilterParameters):
    """`GET` and `POST /v1/quotes`."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"query": "who pays when the machine is wrong?", "style": "apa", "diverse": "speaker"}]
        },
    )

    query: Query
    limit: Whole = Field(10, ge=1, le=MAX_LIMIT, description="Quotes to return.")
    style: Style = Field(Style.MARKDOWN, description="How `citation` is written.")
    diverse: GroupBy | None = Field(None, description="One quote of each speaker or episode only.")


class Sentence(BaseModel):
    """A sentence beside a quote, in the same turn."""

    text: str
    char_start: int
    char_end: int


class Match(BaseModel):
    """Where the words stand in the transcript."""

    text: str
    speaker: SpeakerRef
    episode: EpisodeRef
    turn: int
    char_start: int
    char_end: int
    start_s: float | None = Field(description="Seconds from the start of the recording.")
    time: TimeSource = Field(description="Whether `start_s` was read, interpolated, or is not known.")
    link: str = Field(description="The turn in the reader.")
    deep_link: str | None = Field(description="The recording at `start_s`, where it can be opened there.")


class FoundQuote(Match):
    """One to three whole sentences of one turn: `text` is `[char_start:char_end]` of the canonical text, exactly."""

    rank: int
    score: float = Field(ge=0, le=1, description="Of the passage that it stands in.")
    question: Question | None
    section: str | None
    kind: Kind
    flags: list[str] = Field(
        description="Doubts about the turn; `part of a sentence` where a very long one had to be divided."
    )
    before: Sentence | None
    after: Sentence | None
    passage: str = Field(description="The id of the passage that it stands in.")
    citation: str | dict[str, Any] = Field(description="In the style asked for; an object for `csl-json`.")


class QuotesResponse(BaseModel):
    query: str
    took_ms: float
    style: Style
    index: IndexInfo
    notes: list[str]
    results: list[FoundQuote]


class CitationQuery(BaseModel):
    """`GET /v1/episodes/{id}/citation`: which words, by their offsets in the canonical text."""

    model_config = ConfigDict(extra="forbid")

    char_start: int = Field(ge=0, le=MAX_OFFSET_IN_TEXT, description="Where the words begin.")
    char_end: int = Field(ge=0, le=MAX_OFFSET_IN_TEXT, description="Where they end; not included.")
    style: Style = Field(Style.MARKDOWN, description="How `citation` is written.")


class CitedPart(BaseModel):
    """One person's words in a stretch: `text` is `[char_start:char_end]` of the canonical text, exactly."""

    text: str
    speaker: SpeakerRef
    kind: Kind
    turn: int
    char_start: int
    char_end: int
    start_s: float | None = Field(description="Seconds from the start of the recording.")
    time: TimeSource = Field(description="Whether `start_s` was read, interpolated, or is not known.")
    link: str = Field(description="The turn in the reader.")
    deep_link: str | None = Field(description="The recording at `start_s`, where it can be opened there.")
    citation: str | dict[str, Any] = Field(description="In the style asked for; an object for `csl-json`.")


class Paste(BaseModel):
    """Words and citation for a clipboard: as plain text, and as HTML in the styles that have italics."""

    text: str
    html: str | None


class CitedStretch(BaseModel):
    """A stretch of a transcript. Where several people speak in it, each part is one person's and has a citation."""

    episode: EpisodeRef
    char_start: int
    char_end: int
    style: Style
    link: str = Field(description="The stretch, marked in the reader.")
    parts: list[CitedPart]
    paste: Paste


class ExportFormat(StrEnum):
    MARKDOWN = "markdown"
    BIBTEX = "bibtex"
    CSL_JSON = "csl-json"
    DOCX = "docx"


class ExportQuote(BaseModel):
    """A stretch of an episode, by its offsets in the canonical text."""

    model_config = ConfigDict(extra="forbid")

    episode: str = Field(description="The episode's id.")
    char_start: Whole = Field(ge=0, le=MAX_OFFSET_IN_TEXT)
    char_end: Whole = Field(ge=0, le=MAX_OFFSET_IN_TEXT)
    text: str | None = Field(
        None, description="The words that should stand there; where others do, nothing is exported."
    )


class ExportBody(BaseModel):
    """`POST /v1/export`: quotes as a file. The words are read from the transcripts."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "format": "markdown",
                    "quotes": [
                        {"episode": "ilse-brandvold-let-it-sign-d548ed", "char_start": 11599, "char_end": 11791}
                    ],
                }
            ]
        },
    )

    format: ExportFormat = ExportFormat.MARKDOWN
    style: Style | None = Field(None, description="Of the references in `docx`: `chicago` (the default), `apa`, `mla`.")
    quotes: list[ExportQuote] = Field(min_length=1, max_length=MAX_QUOTES)

    @model_validator(mode="after")
    def _style_of_word(self) -> ExportBody:
        if self.style is None:
            return self
        if self.format is not ExportFormat.DOCX:
            raise ValueError("style is for the format docx alone; the other formats have their own")
        if self.style not in (Style.CHICAGO, Style.APA, Style.MLA):
            raise ValueError("style is one of chicago, apa and mla")
        return self


class ContextFormat(StrEnum):
    """What a context is written for. `text`: a prompt. The others give `blocks`: `json` ours, `anthropic` a list of
    search_result blocks with a sentence in each text block, `openai` a page of vector store search results, `dify` the
    records of an external knowledge base.
    """

    TEXT = "text"
    JSON = "json"
    ANTHROPIC = "anthropic"
    OPENAI = "openai"
    DIFY = "dify"


class ContextOrder(StrEnum):
    RELEVANCE = "relevance"
    TIME = "time"


class ContextQuery(FilterParameters):
    """`GET` and `POST /v1/context`."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"query": "who pays when the machine is wrong?", "max_tokens": 1500, "format": "text"}]
        },
    )

    query: Query
    max_tokens: Whole = Field(2000, ge=1, le=MAX_CONTEXT_TOKENS, description="The budget; it is never exceeded.")
    format: ContextFormat = Field(ContextFormat.TEXT, description="What the context is written for.")
    order: ContextOrder = Field(
        ContextOrder.RELEVANCE, description="The best first; or by date, then by place in the episode."
    )


class Source(BaseModel):
    """Where a block comes from. `number` is its own in the context, `id` the passage that was found in it first."""

    number: int
    id: str
    passages: list[str] = Field(description="The ids of all passages that were found in it.")
    score: float
    speaker: SpeakerRef
    episode: EpisodeRef
    section: str | None
    turn: int
    start_s: float | None
    time: TimeSource
    link: str
    deep_link: str | None
    trimmed: bool = Field(description="Whether a part of the answer is left out.")


class ContextTurn(BaseModel):
    """Whole sentences of a turn: `text` is `[char_start:char_end]` of the canonical text, exactly."""

    speaker: str | None
    role: Role
    turn: int
    text: str
    char_start: int
    char_end: int


class ContextBlock(Source):
    """A block of the format `json`. `text`: the exchange as a prompt shows it, `[…]` where words are left out."""

    question: list[ContextTurn]
    answer: list[ContextTurn]
    text: str


class ContextResponse(BaseModel):
    """`text` for the format `text`, `blocks` for the others. `tokens` are those of all that a model reads of them."""

    query: str
    took_ms: float
    format: ContextFormat
    index: IndexInfo
    tokens: int
    max_tokens: int
    tokenizer: str = Field(description="What counted: `o200k_base`, or the embedding model's name.")
    notes: list[str]
    text: str | None = None
    blocks: list[dict[str, Any]] | dict[str, Any] | None = Field(
        None,
        description="A list; for `openai` the page with it as `data`, for `dify` an object with it as `records`.",
    )
    sources: list[Source]


class Health(BaseModel):
    status: str


class Readiness(Health):
    index: IndexInfo | None
    notes: list[str] = Field(description="Why a newer generation of the index is not served.")


class Problem(BaseModel):
    """RFC 9457 problem details; `errors` says what to change, one entry per parameter."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    errors: list[dict[str, Any]] = []
    request_id: str | None = None


class StatedQuote(BaseModel):
    """A quotation, and whom it is given to; null where nobody is named."""

    model_config = ConfigDict(extra="forbid")

    text: _Words
    speaker: str | None = None


class VerifyBody(BaseModel):
    """A draft in Markdown, plain text or HTML, or a list of quotations."""

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
    def _one_of_both_and_not_too_much(self) -> VerifyBody:
        if (self.text is None) == (self.quotes is None):
            raise ValueError("give either text or quotes")
        if sum(len(quote.text) for quote in self.quotes or ()) > MAX_DRAFT_LENGTH:
            raise ValueError(f"quotes have more than {MAX_DRAFT_LENGTH} characters together; send them in parts")
        return self


class VerifyRequest(VerifyBody):
    """`POST /v1/verify`: a draft in Markdown, plain text or HTML, or a list of quotations."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"text": 'Ilse Brandvold told us: "It\'s always in the end the nurse."'},
                {"quotes": [{"text": "It's the nurse.", "speaker": "Ilse Brandvold"}]},
                {"text": 'She says: "It\'s always in the end the nurse." [1]', "sources": ["00112233445566ff"]},
            ]
        },
    )

    sources: list[Annotated[str, StringConstraints(min_length=1, max_length=100)]] | None = Field(
        None,
        max_length=MAX_QUOTES,
        description="The ids of the passages that [1], [2] … in the text mean, as `/v1/context` gives them.",
    )

    @model_validator(mode="after")
    def _sources_of_a_text(self) -> VerifyRequest:
        if self.text is None and self.sources is not None:
            raise ValueError("sources belong to a text; leave them out with quotes")
        return self


class Change(BaseModel):
    """Words as they are quoted, and as they were said; the same where nothing was changed."""

    quoted: str
    said: str


class VerifiedQuote(BaseModel):
    """`start` and `end`: where the quotation stands in the draft, its marks included; null without a draft.

    `line`: of the draft, null in a Word document. `paragraph`: counted from 1, those without words left out.
    """

    quote: str
    attributed_to: str | None
    start: int | None
    end: int | None
    line: int | None = None
    paragraph: int | None = None
    verdict: Verdict
    match: Match | None
    diff: list[Change]
    nearest: Passage | None = Field(description="What comes nearest to a quotation that was not found.")


class CitedPassage(BaseModel):
    """A citation of a passage in a draft, `[start:end]` of its text. `cited`: the id, number or address that it gives.

    `holds`: the quotation beside it stands in that passage, or in the exchange that the passage is of. `known`: the
    passage is there; no quotation stands beside the citation, or another that is cited with it holds it. `elsewhere`:
    the quotation does not stand there. `gone`: the index had such a passage, and its words are no longer there.
    `unknown`: it never had one.
    """

    cited: str
    start: int
    end: int
    line: int | None
    paragraph: int
    status: CitationStatus
    quotation: int | None = Field(description="The number, from 0, of the quotation beside it in `results`.")
    passage: Passage | None


class ReadDraft(BaseModel):
    """How a draft was read. `text`: what `start` and `end` count in; null where that is the text that was sent."""

    format: DraftFormat
    text: str | None


class VerifyResponse(BaseModel):
    """`summary`: how many quotations of each verdict; `cited`: how many citations of each status."""

    index: IndexInfo
    draft: ReadDraft | None = Field(None, description="Null for a list of quotations.")
    results: list[VerifiedQuote]
    summary: dict[Verdict, int]
    citations: list[CitedPassage] = []
    cited: dict[CitationStatus, int] = {}
    notes: list[str] = Field([], description="What was not checked, and why.")


class AskBody(FilterParameters):
    """`POST /v1/ask`."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"query": "who pays when the machine is wrong?"}]}
    )

    query: Query
    max_tokens: Whole = Field(4000, ge=1, le=MAX_CONTEXT_TOKENS, description="Of the excerpts that a model is given.")
    limit: Whole = Field(5, ge=1, le=20, description="People to quote, where no model is configured.")
    stream: Flag | None = Field(
        None,
        description="Send the answer as server-sent events. By default where a language model is configured.",
    )


class AnswerMode(StrEnum):
    """`extractive`: quotes of several people. `generated`: written by a language model."""

    EXTRACTIVE = "extractive"
    GENERATED = "generated"


class SpanKind(StrEnum):
    QUOTATION = "quotation"
    CITATION = "citation"


class SpanStatus(StrEnum):
    VERIFIED = "verified"
    UNVERIFIED = "unverified"


class AnswerSpan(BaseModel):
    """A quotation or a citation in an answer, `answer[start:end]`, and whether it holds.

    A quotation is verified when its words were said, with fair trims at most, by whom the answer says. A citation is
    when it names an excerpt that was given, and the quotation beside it stands there.
    """

    kind: SpanKind
    start: int
    end: int
    text: str
    status: SpanStatus
    reason: str | None = Field(default=None, description="Why it is not verified.")
    verdict: Verdict | None = Field(default=None, description="Of a quotation.")
    attributed_to: str | None = None
    match: Match | None = Field(
        default=None, description="Where the words of a quotation stand, or what is most like them."
    )
    diff: list[Change] = []
    source: int | None = Field(default=None, description="Of a citation: the number of the source.")


class AskResponse(BaseModel):
    """`answer` quotes the `sources`, by their numbers in square brackets."""

    query: str
    took_ms: float
    mode: AnswerMode
    model: str | None = Field(description="The language model that wrote it.")
    index: IndexInfo
    notes: list[str]
    answer: str
    spans: list[AnswerSpan]
    summary: dict[SpanStatus, int]
    sources: list[Source]
