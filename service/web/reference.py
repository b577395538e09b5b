"""The reference of the HTTP interface: its own OpenAPI description as a page, which asks nobody else for anything."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import urlencode

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse
from markupsafe import Markup, escape

from service.web.layout import Layout

Schema = Mapping[str, Any]

PATH = "/docs"
_TITLES = {
    "search": "Search",
    "quotes": "Quotes, citations and the check of drafts",
    "context": "Contexts and answers",
    "archive": "The archive",
    "openai": "OpenAI's vector stores",
    "dify": "Dify's external knowledge",
    "operation": "Operation",
}
_SHAPE = "#/components/schemas/"
_LIMITS = (
    ("minimum", "at least {}"),
    ("maximum", "at most {}"),
    ("exclusiveMinimum", "over {}"),
    ("exclusiveMaximum", "under {}"),
    ("minLength", "characters: at least {}"),
    ("maxLength", "characters: at most {}"),
    ("minItems", "entries: at least {}"),
    ("maxItems", "entries: at most {}"),
)


@dataclass(frozen=True, slots=True)
class Field:
    """A parameter, or a field of a shape. `type`: with links to shapes. `default`: as JSON is written."""

    name: str
    type: Markup
    limits: str
    required: bool
    default: str | None
    description: Markup


@dataclass(frozen=True, slots=True)
class Content:
    """A body: how it is sent, and what it is."""

    media: str
    type: Markup


@dataclass(frozen=True, slots=True)
class Reply:
    status: str
    description: Markup
    contents: Sequence[Content]


@dataclass(frozen=True, slots=True)
class Operation:
    """`example`: an address that can be opened."""

    anchor: str
    method: str
    path: str
    description: Markup
    parameters: Sequence[Field]
    bodies: Sequence[Content]
    replies: Sequence[Reply]
    example: str | None


@dataclass(frozen=True, slots=True)
class Group:
    title: str
    operations: Sequence[Operation]


@dataclass(frozen=True, slots=True)
class Shape:
    """What a body or a part of it holds. `fields`: of an object; `type`: of anything else. `example`: as JSON."""

    name: str
    description: Markup
    type: Markup
    fields: Sequence[Field]
    example: str | None


def install(app: FastAPI, layout: Layout) -> None:
    """Adds `/docs`."""

    @cache
    def reference() -> Mapping[str, Any]:
        contract = app.openapi()
        about = _prose(contract["info"]["description"])
        return {"contract": contract, "about": about, "groups": groups(contract), "shapes": shapes(contract)}

    @app.get(PATH, include_in_schema=False)
    async def docs(request: Request) -> HTMLResponse:
        return layout.fixed(request, "reference.html", reference())


def groups(contract: Schema) -> list[Group]:
    """The operations by subject, in the order of `_TITLES`.

    Args:
        contract: an OpenAPI 3.1 description.
    """
    found: dict[str, list[Operation]] = {tag: [] for tag in _TITLES}
    for path, methods in contract["paths"].items():
        for method, operation in methods.items():
            found[operation["tags"][0]].append(_operation(method, path, operation))
    return [Group(title, found[tag]) for tag, title in _TITLES.items() if found[tag]]


def shapes(contract: Schema) -> list[Shape]:
    """The shapes of bodies, by name."""
    return [_shape(name, schema) for name, schema in sorted(contract["components"]["schemas"].items())]


def _shape(name: str, schema: Schema) -> Shape:
    parts = schema.get("properties", {})
    example = next(iter(schema.get("examples", ())), None)
    return Shape(
        name,
        _prose(schema.get("description", "")),
        Markup() if parts else _type(schema),
        _required_first(_field(key, part, key in schema.get("required", ())) for key, part in parts.items()),
        json.dumps(example, indent=2, ensure_ascii=False) if example is not None else None,
    )


def _operation(method: str, path: str, operation: Schema) -> Operation:
    parameters = operation.get("parameters", [])
    asked = {one["name"]: _example(one) for one in parameters if one["required"] and one["in"] == "query"}
    can_be_opened = method == "get" and "{" not in path and None not in asked.values()
    return Operation(
        anchor=operation["operationId"],
        method=method.upper(),
        path=path,
        description=_prose(operation.get("description", "")),
        parameters=_required_first(
            _field(one["name"], {**one["schema"], "description": one.get("description", "")}, one["required"])
            for one in parameters
        ),
        bodies=_contents(operation.get("requestBody", {})),
        replies=[
            Reply(status, _prose(reply["description"].replace("Successful Response", "")), _contents(reply))
            for status, reply in operation["responses"].items()
        ],
        example=(f"{path}?{urlencode(asked)}" if asked else path) if can_be_opened else None,
    )


def _required_first(fields: Iterable[Field]) -> list[Field]:
    return sorted(fields, key=lambda field: not field.required)


def _example(parameter: Schema) -> str | None:
    return next(iter(parameter["schema"].get("examples", ())), None)


def _contents(body: Schema) -> list[Content]:
    return [Content(media, _type(content.get("schema", {}))) for media, content in body.get("content", {}).items()]


def _field(name: str, schema: Schema, required: bool) -> Field:
    return Field(
        name,
        _type(schema),
        ", ".join(_limits(schema)),
        required,
        _json(schema["default"]) if schema.get("default") is not None else None,
        _prose(schema.get("description", "")),
    )


def _type(schema: Schema) -> Markup:
    """A type in words, with links to the shapes that it names."""
    if "$ref" in schema:
        name = schema["$ref"].removeprefix(_SHAPE)
        return Markup('<a href="#{0}">{0}</a>').format(name)
    if "const" in schema:
        return Markup("<code>{}</code>").format(_json(schema["const"]))
    if "enum" in schema:
        return Markup(", ").join(Markup("<code>{}</code>").format(_json(value)) for value in schema["enum"])
    for several in ("anyOf", "oneOf", "allOf"):
        if several in schema:
            return Markup(" or ").join(_type(part) for part in schema[several])
    match schema.get("type"):
        case "array":
            return Markup("list of {}").format(_type(schema.get("items", {})))
        case "object" if isinstance(schema.get("additionalProperties"), dict):
            return Markup("object of {}").format(_type(schema["additionalProperties"]))
        case None:
            return Markup("anything")
        case kind:
            return escape(schema.get("format") or kind)


def _limits(schema: Schema) -> Iterator[str]:
    for part in (schema, *schema.get("anyOf", ())):
        for key, said in _LIMITS:
            if key in part:
                yield said.format(f"{part[key]:,}")


def _json(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _prose(text: str) -> Markup:
    """Paragraphs, with `names` as code."""
    paragraphs = (str(escape(part.strip())) for part in re.split(r"\n\s*\n", text) if part.strip())
    return Markup("").join(
        Markup("<p>{}</p>").format(Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", part)))  # noqa: S704  escaped above  # nosec B704
        for part in paragraphs
    )
