"""Dify's external knowledge: the archive is one knowledge, a passage a record.

The contract is https://docs.dify.ai/en/use-dify/knowledge/external-knowledge-api. Dify tries an address that is entered
by a request without a body, and takes 403, 404 and 502 alone for a failure.
"""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from typing import Annotated, Any, Literal, TypeAlias

from fastapi import Depends, FastAPI, Request, Response
from fastapi.responses import JSONResponse
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import AfterValidator, BaseModel, ConfigDict, Discriminator, Field, Tag, WithJsonSchema
from pydantic_core import PydanticCustomError

from service import schemas
from service.archive import Archive
from service.attributes import ATTRIBUTES, Type, attributes_of
from service.conditions import Compound, Condition, Relation, Wanted, WrongCondition, compare
from service.contracts.shared import ARCHIVE_ID, MAX_COMPARISONS, Comparison, is_called, narrowed
from service.responses import json_response
from service.search import Hit, Prepared, Search, search_prepared
from service.workers import Workers

PATH = "/retrieval"
NO_BEARER = 1001
WRONG_KEY = 1002
NO_KNOWLEDGE = 2001

Operator: TypeAlias = Literal[
    "contains",
    "not contains",
    "start with",
    "end with",
    "is",
    "is not",
    "in",
    "not in",
    "empty",
    "not empty",
    "=",
    "≠",
    ">",
    "<",
    "≥",
    "≤",
    "before",
    "after",
]
_TESTS: dict[Operator, tuple[Relation, bool]] = {
    "contains": (Relation.CONTAINS, False),
    "not contains": (Relation.CONTAINS, True),
    "start with": (Relation.STARTS, False),
    "end with": (Relation.ENDS, False),
    "is": (Relation.IS, False),
    "is not": (Relation.IS, True),
    "in": (Relation.IS, False),
    "not in": (Relation.IS, True),
    "empty": (Relation.STATED, True),
    "not empty": (Relation.STATED, False),
    "=": (Relation.IS, False),
    "≠": (Relation.IS, True),
    ">": (Relation.OVER, False),
    "<": (Relation.UNDER, False),
    "≥": (Relation.FROM, False),
    "≤": (Relation.UP_TO, False),
    "before": (Relation.UNDER, False),
    "after": (Relation.OVER, False),
}
_ONE_VALUE = (Relation.OVER, Relation.UNDER, Relation.FROM, Relation.UP_TO)


def _comparable(value: Any) -> Any:
    if value is None or (isinstance(value, str | int | float) and not isinstance(value, bool)):
        return value
    if isinstance(value, list) and all(isinstance(entry, str) for entry in value):
        return value
    raise PydanticCustomError("value_type", "Input should be text, a number or a list of texts")


Comparable = Annotated[
    Any,
    AfterValidator(_comparable),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string"},
                {"type": "number"},
                {"type": "array", "items": {"type": "string"}},
                {"type": "null"},
            ]
        }
    ),
]


class MetadataTest(Comparison):
    """One attribute against a value; of several names one is enough, and none for an operator that denies.

    Text is compared without regard to case. What is not stated equals nothing and lies in no range. `date` is compared
    with a day, `2024-04-04`, or with seconds since 1970, which stand for their day in UTC.
    """

    name: Annotated[
        Annotated[str, Tag("one")] | Annotated[list[str], Tag("many")],
        Discriminator(lambda value: "many" if isinstance(value, list) else "one"),
    ] = Field(description=f"Of {', '.join(ATTRIBUTES)}.")
    comparison_operator: Operator
    value: Comparable = None

    def condition(self) -> Condition:
        names = [self.name] if isinstance(self.name, str) else self.name
        if not names:
            raise WrongCondition("`name` names no attribute")
        test, negated = _TESTS[self.comparison_operator]
        parts = [compare(name, test, self._wanted(name, test), negated=negated) for name in names]
        return parts[0] if len(parts) == 1 else Compound(negated, tuple(parts))

    def _wanted(self, name: str, test: Relation) -> list[Wanted]:
        """The values as the attribute takes them: Dify writes numbers as text, and lists with commas."""
        if test is Relation.STATED:
            return []
        if self.value in (None, "", []):
            raise WrongCondition(f"`{self.comparison_operator}` takes a value")
        values: list[Wanted] = self.value if isinstance(self.value, list) else [self.value]
        type_ = ATTRIBUTES[name].type if name in ATTRIBUTES else Type.TEXT
        if test in _ONE_VALUE and len(values) > 1:
            raise WrongCondition(f"`{self.comparison_operator}` takes one value")
        if self.comparison_operator in ("before", "after") and type_ is Type.TEXT:
            raise WrongCondition(f"`{self.comparison_operator}` compares times, and {name} is text")
        if self.comparison_operator in ("in", "not in"):
            values = [part for value in values for part in _listed(value)]
        return [_as_number(value) for value in values] if type_ is Type.NUMBER else values


def _listed(value: Wanted) -> list[Wanted]:
    """A text as it stands, and as a list with commas."""
    return list(dict.fromkeys([value, *map(str.strip, value.split(","))])) if isinstance(value, str) else [value]


def _as_number(value: Wanted) -> Wanted:
    try:
        return float(value)
    except ValueError:
        return value


class MetadataCondition(BaseModel):
    model_config = ConfigDict(extra="forbid")

    logical_operator: Literal["and", "or"] | None = "and"
    conditions: list[MetadataTest] | None = Field(None, max_length=MAX_COMPARISONS)

    def condition(self) -> Condition | None:
        if not self.conditions:
            return None
        return Compound(self.logical_operator != "or", tuple(test.condition() for test in self.conditions))


class RetrievalSetting(BaseModel):
    model_config = ConfigDict(extra="forbid")

    top_k: schemas.UpToLimit | None = Field(description="10 where it is null.")
    score_threshold: schemas.Share | None = Field(0.0)


class Retrieval(BaseModel):
    """What Dify asks. Only content is searched, unless a condition speaks of `kind`."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "knowledge_id": ARCHIVE_ID,
                    "query": "who pays when the machine is wrong?",
                    "retrieval_setting": {"top_k": 3, "score_threshold": 0.2},
                    "metadata_condition": {
                        "logical_operator": "and",
                        "conditions": [{"name": ["role"], "comparison_operator": "is", "value": "guest"}],
                    },
                }
            ]
        },
    )

    knowledge_id: str = Field(description=f"`{ARCHIVE_ID}`, or the name of the generation that is live.")
    query: schemas.Query
    retrieval_setting: RetrievalSetting
    metadata_condition: MetadataCondition | None = None

    def search(self) -> Search:
        return Search(
            query=self.query,
            limit=self.retrieval_setting.top_k or 10,
            filters=narrowed(self.metadata_condition.condition() if self.metadata_condition else None),
            min_score=self.retrieval_setting.score_threshold or 0.0,
        )


class Record(BaseModel):
    """A passage."""

    content: str = Field(description="The passage, word for word.")
    score: float = Field(ge=0, le=1)
    title: str = Field(description="The episode's.")
    metadata: dict[str, str | int | float] = Field(description="Where the passage stands, and who said it.")


class Records(BaseModel):
    records: list[Record]


class ErrorResponse(BaseModel):
    """`error_code`: 1001 for a header that is no Bearer's, 2001 for an unknown knowledge; else the HTTP status."""

    error_code: int
    error_msg: str


_ERRORS: dict[int | str, dict[str, Any]] = {
    "4XX": {"model": ErrorResponse, "description": "What to change."},
    "5XX": {
        "model": ErrorResponse,
        "description": "Too much at once, or not open yet: `Retry-After` says when to ask.",
    },
}
_Credentials = Annotated[HTTPAuthorizationCredentials | None, Depends(HTTPBearer(auto_error=False))]


class _Refused(Exception):  # noqa: N818  the name says what is the matter
    def __init__(self, status: HTTPStatus, code: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


def _key(credentials: _Credentials) -> str:
    """The key that a request bears. Where the service has keys, `access` compared it before."""
    if credentials is None:
        raise _Refused(
            HTTPStatus.FORBIDDEN,
            NO_BEARER,
            "Invalid Authorization header format. Expected 'Bearer <api-key>' format; any key will do.",
        )
    return credentials.credentials


def install(app: FastAPI, workers: Workers) -> None:
    """Adds the route to an app."""

    @app.exception_handler(_Refused)
    def _refused(_: Request, error: _Refused) -> JSONResponse:
        return _error(error.status, error.code, str(error))

    @app.post(PATH, tags=["dify"], response_model=Records, responses=_ERRORS, dependencies=[Depends(_key)])
    async def retrieval(body: Retrieval) -> Response:
        """The passages that answer best, as an external knowledge of Dify. Its address there is this server's."""

        def work(prepared: Sequence[Prepared], archive: Archive) -> Response:
            if not is_called(body.knowledge_id, archive):
                message = f"The knowledge {body.knowledge_id!r} does not exist. The archive's id is {ARCHIVE_ID!r}."
                raise _Refused(HTTPStatus.NOT_FOUND, NO_KNOWLEDGE, message)
            [hits] = [search_prepared(one, archive) for one in prepared]
            return json_response(Records(records=[_record(hit, archive) for hit in hits.hits]))

        return await workers.search([body.search()], work)


def refusal(status: int, detail: str, _: Sequence[dict[str, Any]]) -> JSONResponse:
    """A refusal as Dify shows it."""
    if status == HTTPStatus.UNAUTHORIZED:
        return _error(HTTPStatus.FORBIDDEN, WRONG_KEY, detail)
    status = HTTPStatus.BAD_REQUEST if status == HTTPStatus.UNPROCESSABLE_ENTITY else status
    return _error(status, status, detail)


def _error(status: int, code: int, message: str) -> JSONResponse:
    return JSONResponse(ErrorResponse(error_code=code, error_msg=message).model_dump(), status_code=status)


def _record(hit: Hit, archive: Archive) -> Record:
    return Record(
        content=hit.stored.passage.text,
        score=round(hit.score, 4),
        title=archive.catalog.episodes[hit.stored.episode].title,
        metadata=attributes_of(hit.stored, archive.catalog),
    )
