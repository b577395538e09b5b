"""What the tools of the MCP server take, and what they answer. Hosts show both to a language model."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from indexer.types import Kind, Role, TimeSource
from service import schemas
from service.schemas import Query
from service.verify import Verdict

MAX_EPISODE_TURNS = 20

_Id = Annotated[str, StringConstraints(min_length=1, max_length=300, pattern=r"\S")]
_Place = Annotated[str, StringConstraints(min_length=1, max_length=40, pattern=r"\S")]
_Name = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"\S")]
NEXT_OFFSET = "More is left: call again with this offset."


class Arguments(BaseModel):
    model_config = ConfigDict(extra="forbid")


class SearchArguments(Arguments):
    query: Query


class FetchArguments(Arguments):
    id: _Id = Field(
        description="The id of a result of search: a passage. Or an episode's id, or the next_id of a long episode."
    )


class PassagesArguments(schemas.SearchQuery):
    limit: schemas.Whole = Field(8, ge=1, le=50, description="Passages to return.")


class QuotesArguments(schemas.QuotesQuery):
    limit: schemas.Whole = Field(8, ge=1, le=50, description="Quotes to return.")


class ContextArguments(schemas.FilterParameters):
    query: Query
    max_tokens: schemas.Whole = Field(3000, ge=200, le=6000, description="The budget; it is never exceeded.")
    order: schemas.ContextOrder = Field(
        schemas.ContextOrder.RELEVANCE, description="The best first; or by date, then by place in the episode."
    )


class VerifyArguments(schemas.VerifyBody):
    text: str | None = Field(
        None,
        max_length=schemas.MAX_DRAFT_LENGTH,
        description="A draft in Markdown or plain text; all its quotations are found and checked.",
    )
    quotes: list[schemas.StatedQuote] | None = Field(
        None, max_length=schemas.MAX_QUOTES, description="In place of text: the quotations themselves."
    )
    offset: schemas.Whole = Field(0, ge=0, description="Quotations to skip in the answer.")


class ExcerptArguments(Arguments):
    episode: _Name = Field(description="The episode: its id, source or title.")
    at: _Place | float = Field(
        description="Where: a time (12:31, 1:02:31, or in seconds 751), a turn (t25), or a character (c10293)."
    )
    before: schemas.Whole = Field(2, ge=0, le=MAX_EPISODE_TURNS, description="Turns to add before that one.")
    after: schemas.Whole = Field(2, ge=0, le=MAX_EPISODE_TURNS, description="Turns to add after that one.")


class _ListArguments(Arguments):
    limit: schemas.Whole = Field(50, ge=1, le=200, description="Entries to return.")
    offset: schemas.Whole = Field(0, ge=0, description="Entries to skip.")


class SpeakersArguments(_ListArguments):
    matching: _Name | None = Field(None, description="Only people whose name or alias has this in it.")


class EpisodesArguments(_ListArguments):
    matching: _Name | None = Field(
        None, description="Only episodes whose title, show, source, date or speakers have all of these words."
    )


class Found(BaseModel):
    id: str
    title: str
    url: str


class SearchResults(BaseModel):
    results: list[Found]


class Fetched(BaseModel):
    id: str
    title: str
    text: str = Field(description="What is said, word for word; each turn begins with its speaker's name and a colon.")
    url: str
    metadata: dict[str, str | int | float]


class Cited(BaseModel):
    """Where words stand, and who said them."""

    speaker: str | None = Field(None, description="Missing where the transcript names nobody.")
    role: Role
    episode: str = Field(description="The episode's id.")
    turn: int
    char_start: int = Field(description="In the episode's canonical text, in code points.")
    char_end: int
    time: str | None = Field(None, description="When it is heard, as 12:31; missing where that is not known.")
    url: str = Field(description="A link to the place.")
    cite: str = Field(description="Speaker, episode, show, date and time, ready to be cited.")


class BestQuote(BaseModel):
    text: str
    char_start: int
    char_end: int


class Asked(BaseModel):
    speaker: str | None = None
    text: str
    turn: int


class Beside(BaseModel):
    speaker: str | None = None
    text: str
    char_start: int
    char_end: int


class FoundPassage(Cited):
    id: str
    rank: int
    score: float
    text: str = Field(description="The passage, verbatim; of a very long one the sentences around its best one.")
    quote: BestQuote = Field(description="Its best sentence, verbatim.")
    question: Asked | None = Field(None, description="What the interviewer asked, verbatim: the end of the question.")
    section: str | None = None
    kind: Kind
    time_source: TimeSource = Field(description="Whether the time was read, interpolated, or is not known.")
    flags: list[str] = Field([], description="As `inaudible`: the transcript marks that words are missing.")
    also_at: list[str] = Field([], description="Where the same words are said too: episode and character.")
    before: list[Beside] = []
    after: list[Beside] = []


class FoundPassages(BaseModel):
    total: int = Field(description="Passages that were ranked.")
    experts_total: int | None = Field(None, description="With group_by=speaker: how many people speak of it.")
    hidden: dict[str, int] = Field({}, description="Better matches of segment kinds that were not searched.")
    notes: list[str] = Field([], description="How the query was understood.")
    results: list[FoundPassage]
    next_offset: int | None = Field(None, description=NEXT_OFFSET)


class FoundQuote(Cited):
    passage: str = Field(description="The id of the passage that it stands in, for fetch.")
    rank: int
    score: float
    text: str = Field(description="One to three whole sentences, verbatim.")
    before: str | None = Field(None, description="The sentence before it, verbatim.")
    after: str | None = Field(None, description="The sentence after it, verbatim.")
    question: Asked | None = Field(None, description="What the interviewer asked, verbatim: the end of the question.")
    citation: str | dict[str, Any] = Field(description="In the style asked for.")
    flags: list[str] = Field([], description="Doubts, as `inaudible`: words are missing.")


class FoundQuotes(BaseModel):
    notes: list[str] = Field([], description="How the query was understood, and what was left out.")
    results: list[FoundQuote]


class ContextSource(Cited):
    number: int = Field(description="Its number in the text.")
    id: str = Field(description="The passage that was found, for fetch.")
    trimmed: bool = Field(description="Whether a part of the answer is left out.")


class Context(BaseModel):
    text: str = Field(description="Numbered exchanges, verbatim; `[…]` where words are left out.")
    tokens: int
    tokenizer: str = Field(description="What counted the tokens.")
    notes: list[str] = []
    sources: list[ContextSource]


class Said(Cited):
    text: str = Field(description="Verbatim; of very many words the first sentences, up to char_end.")


class VerifiedQuote(BaseModel):
    quote: str
    attributed_to: str | None = None
    verdict: Verdict
    said: Said | None = Field(None, description="The words in the transcript, verbatim, and who said them.")
    diff: list[schemas.Change] = Field([], description="What was changed: words as quoted, and as said.")
    nearest: Said | None = Field(None, description="What comes nearest to a quotation that was not found.")


class VerifiedQuotes(BaseModel):
    summary: dict[Verdict, int] = Field(description="How many quotations of each verdict, of all that were checked.")
    total: int
    results: list[VerifiedQuote]
    next_offset: int | None = Field(None, description=NEXT_OFFSET)


class EpisodeAbout(BaseModel):
    id: str
    title: str
    show: str | None = None
    date: str | None = None
    source: str
    url: str


class ExcerptTurn(BaseModel):
    turn: int
    speaker: str | None = None
    role: Role
    text: str
    char_start: int
    char_end: int
    time: str | None = None
    section: str | None = None
    kind: Kind
    whole: bool = Field(description="False where the turn goes on before or after these sentences.")


class ExcerptAnswer(BaseModel):
    episode: EpisodeAbout
    turns: list[ExcerptTurn]
    url: str = Field(description="A link to the first turn.")
    cite: str
    earlier: str | None = Field(
        None, description="To read what is before this: call again with this as at, and after=0."
    )
    later: str | None = Field(None, description="To read on: call again with this as at, and before=0.")


class SpeakerAbout(BaseModel):
    name: str
    roles: dict[Role, int] = Field(description="Episodes in each role.")
    episodes: int
    passages: int
    aliases: list[str] = []


class Speakers(BaseModel):
    speakers: list[SpeakerAbout]
    total: int
    notes: list[str] = []
    next_offset: int | None = Field(None, description=NEXT_OFFSET)


class EpisodeEntry(EpisodeAbout):
    language: str | None = None
    speakers: list[str] = Field(description="Name and role.")
    turns: int
    words: int


class Episodes(BaseModel):
    episodes: list[EpisodeEntry]
    total: int
    next_offset: int | None = Field(None, description=NEXT_OFFSET)


def schema_of(model: type[BaseModel]) -> dict[str, Any]:
    """The JSON schema of what a tool answers; what is missing is null."""
    return model.model_json_schema(mode="serialization")
