"""OpenAI's vector stores, as its clients read them: the archive is one store, an episode a file, a passage a chunk.

Field names, defaults, limits and errors are those of `openai.types` 3.57. Nothing can be added or removed here.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any, Literal, TypeAlias

from fastapi import FastAPI, HTTPException, Path, Query, Response
from fastapi.responses import JSONResponse
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    StringConstraints,
    Tag,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError

from service import schemas
from service.archive import Archive
from service.attributes import ATTRIBUTES, store_attributes_of
from service.conditions import Compound, Condition, Relation, WrongCondition, compare
from service.contracts.shared import ARCHIVE_ID, MAX_COMPARISONS, Comparison, is_called, narrowed
from service.responses import json_response
from service.search import MAX_OFFSET, Hit, Prepared, Search, merged, search_prepared
from service.workers import Workers

PATH = "/v1/vector_stores"
_TESTS: dict[str, tuple[Relation, bool]] = {
    "eq": (Relation.IS, False),
    "ne": (Relation.IS, True),
    "gt": (Relation.OVER, False),
    "gte": (Relation.FROM, False),
    "lt": (Relation.UNDER, False),
    "lte": (Relation.UP_TO, False),
    "in": (Relation.IS, False),
    "nin": (Relation.IS, True),
}
_CODES = {"missing": "missing_required_parameter", "extra_forbidden": "unknown_parameter"}
_CODES_OF: dict[int, str] = {
    HTTPStatus.UNAUTHORIZED: "invalid_api_key",
    HTTPStatus.TOO_MANY_REQUESTS: "rate_limit_exceeded",
}


def _comparable(value: Any) -> Any:
    entries = value if isinstance(value, list) else [value]
    if all(isinstance(entry, str | int | float) for entry in entries):
        return value
    raise PydanticCustomError("value_type", "Input should be text, a number, true or false, or a list of these")


Comparable = Annotated[
    Any,
    AfterValidator(_comparable),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string"},
                {"type": "number"},
                {"type": "boolean"},
                {"type": "array", "items": {"anyOf": [{"type": "string"}, {"type": "number"}]}},
            ]
        }
    ),
]


class ComparisonFilter(Comparison):
    """One attribute against a value. `eq`, `in`: text without regard to case; `gt` to `lte`: text by its letters too.

    What is not stated equals nothing and lies in no range: `ne` and `nin` hold of it. `date` is compared with a day,
    `2024-04-04`, or with seconds since 1970, which stand for their day in UTC.
    """

    key: str = Field(description=f"One of {', '.join(ATTRIBUTES)}.")
    type: Literal["eq", "ne", "gt", "gte", "lt", "lte", "in", "nin"]
    value: Comparable

    def condition(self) -> Condition:
        many = self.type in ("in", "nin")
        if many != isinstance(self.value, list):
            raise WrongCondition(f"`{self.type}` takes {'a list of values' if many else 'one value'}")
        test, negated = _TESTS[self.type]
        return compare(self.key, test, self.value if many else [self.value], negated=negated)


class CompoundFilter(BaseModel):
    """All of some filters, or one of them."""

    model_config = ConfigDict(extra="forbid")

    type: Literal["and", "or"]
    filters: list[Filter] = Field(min_length=1)

    def condition(self) -> Condition:
        return Compound(self.type == "and", tuple(part.condition() for part in self.filters))


def _form(value: Any) -> str:
    compound = isinstance(value, dict) and ("filters" in value or value.get("type") in ("and", "or"))
    return "many" if compound or isinstance(value, CompoundFilter) else "one"


def _count(value: Any) -> Any:
    """Before anything is read: what is nested too deeply to be read is among what is too much."""
    waiting, filters = [value], 0
    while waiting:
        entry = waiting.pop()
        filters += 1
        if filters > MAX_COMPARISONS:
            raise PydanticCustomError("too_many", f"More than {MAX_COMPARISONS} filters in one another")
        parts = entry.get("filters") if isinstance(entry, dict) else None
        waiting += parts if isinstance(parts, list) else []
    return value


Filter: TypeAlias = Annotated[
    Annotated[ComparisonFilter, Tag("one")] | Annotated[CompoundFilter, Tag("many")], Discriminator(_form)
]
CompoundFilter.model_rebuild()


class RankingOptions(BaseModel):
    model_config = ConfigDict(extra="forbid")

    ranker: Literal["none", "auto", "default-2024-11-15"] = Field(
        "auto", description="`none`: without the service's reranker, if it has one."
    )
    score_threshold: schemas.Number = Field(0.0, ge=0, le=1, description="Leave out what scores lower.")


StoreId = Annotated[
    str, Path(description="`onrecord`, or the name of the generation that is live.", examples=[ARCHIVE_ID])
]
_Offset = Annotated[str, StringConstraints(pattern=r"^(0|[1-9][0-9]{0,3})$")]


class StoreSearch(BaseModel):
    """What is asked of a store. Only content is searched, unless a filter speaks of `kind`."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "query": "who pays when the machine is wrong?",
                    "max_num_results": 3,
                    "filters": {
                        "type": "and",
                        "filters": [
                            {"type": "eq", "key": "role", "value": "guest"},
                            {"type": "gte", "key": "date", "value": "2024-01-01"},
                        ],
                    },
                }
            ]
        },
    )

    query: Annotated[
        Annotated[schemas.Query, Tag("one")]
        | Annotated[list[schemas.Query], Field(min_length=1, max_length=schemas.MAX_QUERIES), Tag("many")],
        Discriminator(lambda value: "many" if isinstance(value, list) else "one"),
    ] = Field(description="One query, or several whose results are merged: each passage by its best score.")
    filters: Annotated[Filter | None, BeforeValidator(_count)] = None
    max_num_results: schemas.Whole = Field(10, ge=1, le=50)
    ranking_options: RankingOptions = RankingOptions(ranker="auto", score_threshold=0.0)
    rewrite_query: schemas.Flag = Field(
        False, description="Nothing is rewritten here; `search_query` says what was searched."
    )
    next_page: _Offset | None = Field(None, description="What the page before said under this name.")

    @property
    def queries(self) -> list[str]:
        return [self.query] if isinstance(self.query, str) else list(self.query)

    @property
    def offset(self) -> int:
        return min(int(self.next_page or 0), MAX_OFFSET)

    def searches(self) -> list[Search]:
        """One for each query, deep enough for the page and for the hit that shows that there are more."""
        wanted = self.offset + self.max_num_results + 1
        return [
            Search(
                query=query,
                # Several queries find the same texts, which are one result.
                limit=wanted if len(self.queries) == 1 else 2 * wanted,
                filters=narrowed(self.filters.condition() if self.filters else None),
                min_score=self.ranking_options.score_threshold,
                rerank=self.ranking_options.ranker != "none",
            )
            for query in self.queries
        ]


class Content(BaseModel):
    type: Literal["text"] = "text"
    text: str = Field(description="The passage, word for word.")


class Result(BaseModel):
    """A passage. `file_id` is its episode's id, `filename` the transcript's path below the folder that was indexed."""

    file_id: str
    filename: str
    score: float = Field(ge=0, le=1)
    attributes: dict[str, str | int | float] = Field(description="Where the passage stands, and who said it.")
    content: list[Content]


class SearchPage(BaseModel):
    object: Literal["vector_store.search_results.page"] = "vector_store.search_results.page"
    search_query: list[str]
    data: list[Result]
    has_more: bool
    next_page: str | None


class FileCounts(BaseModel):
    in_progress: int = 0
    completed: int
    failed: int = 0
    cancelled: int = 0
    total: int


class Store(BaseModel):
    id: str
    object: Literal["vector_store"] = "vector_store"
    created_at: int = Field(description="When the index was built, in seconds since 1970.")
    name: str = "On Record"
    usage_bytes: int
    file_counts: FileCounts = Field(description="Episodes.")
    status: Literal["completed"] = "completed"
    expires_after: None = None
    expires_at: None = None
    last_active_at: int | None = None
    metadata: dict[str, str]


class StoreList(BaseModel):
    object: Literal["list"] = "list"
    data: list[Store]
    first_id: str | None
    last_id: str | None
    has_more: Literal[False] = False


class StoreListParameters(BaseModel):
    model_config = ConfigDict(extra="forbid")

    limit: schemas.Whole = Field(20, ge=1, le=100)
    order: Literal["asc", "desc"] = "desc"
    after: str | None = None
    before: str | None = None


class Error(BaseModel):
    message: str
    type: Literal["invalid_request_error", "server_error"]
    param: str | None
    code: str | None


class ErrorResponse(BaseModel):
    error: Error


_ERRORS: dict[int | str, dict[str, Any]] = {
    "4XX": {"model": ErrorResponse, "description": "What to change; 404 for a store that is not here."},
    "5XX": {
        "model": ErrorResponse,
        "description": "Too much at once, or not open yet: `Retry-After` says when to ask.",
    },
}


def install(app: FastAPI, workers: Workers) -> None:
    """Adds the routes to an app."""

    @app.post(PATH + "/{vector_store_id}/search", tags=["openai"], response_model=SearchPage, responses=_ERRORS)
    async def search_store(vector_store_id: StoreId, body: StoreSearch) -> Response:
        """The passages that answer best, as the client's `vector_stores.search` reads them."""

        def work(prepared: Sequence[Prepared], archive: Archive) -> Response:
            _find(vector_store_id, archive)
            return json_response(_page(body, prepared, archive))

        return await workers.search(body.searches(), work)

    @app.get(PATH, tags=["openai"], response_model=StoreList, responses=_ERRORS)
    async def list_stores(parameters: Annotated[StoreListParameters, Query()]) -> Response:
        """The one store there is."""
        apart = parameters.after or parameters.before
        return await workers.run(lambda archive: json_response(_listed([] if apart else [_store(ARCHIVE_ID, archive)])))

    @app.get(PATH + "/{vector_store_id}", tags=["openai"], response_model=Store, responses=_ERRORS)
    async def retrieve_store(vector_store_id: StoreId) -> Response:
        """The archive as a store: `onrecord`, or the generation that is live by its own name."""
        return await workers.run(lambda archive: json_response(_store(vector_store_id, archive)))


def refusal(status: int, detail: str, errors: Sequence[dict[str, Any]]) -> JSONResponse:
    """A refusal as OpenAI's clients read it. They know no 422."""
    first: dict[str, Any] = errors[0] if errors else {}
    param = _path(first["parameter"]) if first else None
    error = Error(
        message=_message(param, first) if param else detail,
        type="invalid_request_error" if status < HTTPStatus.INTERNAL_SERVER_ERROR else "server_error",
        param=param,
        code=_CODES.get(first["code"], "invalid_value") if first else _CODES_OF.get(status),
    )
    status = HTTPStatus.BAD_REQUEST if status == HTTPStatus.UNPROCESSABLE_ENTITY else status
    return JSONResponse(ErrorResponse(error=error).model_dump(), status_code=status)


def _message(param: str, error: dict[str, Any]) -> str:
    if error["code"] == "missing":
        return f"Missing required parameter: '{param}'."
    if error["code"] == "extra_forbidden":
        return f"Unknown parameter: '{param}'."
    return f"Invalid value for '{param}': {error['message']}."


def _path(parameter: str) -> str:
    """`filters.filters.0.key` as they write it: `filters.filters[0].key`."""
    first, *parts = parameter.split(".")
    return first + "".join(f"[{part}]" if part.isdigit() else f".{part}" for part in parts)


def _find(store_id: str, archive: Archive) -> None:
    if not is_called(store_id, archive):
        raise HTTPException(
            HTTPStatus.NOT_FOUND,
            f"Vector store with id '{store_id}' not found. The archive is '{ARCHIVE_ID}', its live generation "
            f"'{archive.generation.manifest.id}'.",
        )


def _page(body: StoreSearch, prepared: Sequence[Prepared], archive: Archive) -> SearchPage:
    end = body.offset + body.max_num_results
    hits = merged([search_prepared(one, archive) for one in prepared], end + 1)
    return SearchPage(
        search_query=body.queries,
        data=[_result(hit, archive) for hit in hits[body.offset : end]],
        has_more=len(hits) > end,
        next_page=str(end) if len(hits) > end and end <= MAX_OFFSET else None,
    )


def _result(hit: Hit, archive: Archive) -> Result:
    row = archive.catalog.episodes[hit.stored.episode]
    return Result(
        file_id=row.id,
        filename=row.source,
        score=round(hit.score, 4),
        attributes=store_attributes_of(hit.stored, archive.catalog),
        content=[Content(text=hit.stored.passage.text)],
    )


def _store(store_id: str, archive: Archive) -> Store:
    _find(store_id, archive)
    manifest = archive.generation.manifest
    episodes = manifest.counts["episodes"]
    return Store(
        id=store_id,
        created_at=int(datetime.fromisoformat(manifest.created).timestamp()),
        usage_bytes=sum(file["bytes"] for file in manifest.files.values()),
        file_counts=FileCounts(completed=episodes, total=episodes),
        metadata={
            "generation": manifest.id,
            "model": manifest.model["name"],
            "passages": str(manifest.counts["passages"]),
        },
    )


def _listed(stores: list[Store]) -> StoreList:
    return StoreList(data=stores, first_id=stores[0].id if stores else None, last_id=stores[-1].id if stores else None)
