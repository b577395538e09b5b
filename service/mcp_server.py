"""The tools over the Model Context Protocol, by its official SDK: the one home of `mcp`.

Every request stands alone: no session is kept, so that any worker process may answer any request.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from importlib.metadata import version
from typing import Any, cast

from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.exceptions import ToolError, UnexpectedToolError
from mcp.server.mcpserver.tools import Tool as SdkTool
from mcp.server.mcpserver.utilities.func_metadata import ArgModelBase, FuncMetadata
from mcp.server.transport_security import TransportSecuritySettings
from mcp_types import CallToolResult, InputRequiredResult, TextContent, ToolAnnotations
from pydantic import BaseModel, ValidationError, create_model

from indexer.errors import OnRecordError
from service.archive import Archive
from service.live import LiveArchive
from service.mcp_schemas import schema_of
from service.mcp_tools import INSTRUCTIONS, TOOLS, Links, Tool
from service.search import Prepared
from service.workers import Workers

LinksOf = Callable[[Any], Links]
Handle = Callable[[Any, Any, Any], Awaitable[None]]


class _Whole(ArgModelBase):
    """Arguments that reach the tool as one model, as it was checked."""

    def model_dump_one_level(self) -> dict[str, Any]:
        return {"asked": self}


class _Server(MCPServer[Any]):
    """The SDK's server, whose errors say what to change and nothing else."""

    async def call_tool(
        self, name: str, arguments: dict[str, Any], context: Context[Any, Any] | None = None
    ) -> CallToolResult | InputRequiredResult:
        # Models send null for what they leave out.
        given = {key: value for key, value in arguments.items() if value is not None}
        try:
            return await super().call_tool(name, given, context)
        except UnexpectedToolError as error:
            raise UnexpectedToolError("A defect of the service; its log says more.") from error.__cause__
        except ToolError as error:
            raise ToolError(_what_to_change(name, error)) from error.__cause__


def build(workers: Workers, links_of: LinksOf) -> MCPServer[Any]:
    """The server with all its tools.

    Args:
        links_of: where the links of an answer lead, by the HTTP request that asked, or None over stdio.
    """
    logging.getLogger("mcp").setLevel(logging.WARNING)
    return _Server(
        name="on-record",
        title="On Record",
        description="Expert interviews, searched by meaning: the exact words, who said them, and where.",
        instructions=INSTRUCTIONS,
        version=version("onrecord"),
        tools=[_registered(tool, workers, links_of) for tool in TOOLS],
        log_level="WARNING",
        subscriptions=False,
    )


def over_http(server: MCPServer[Any]) -> tuple[Handle, AbstractAsyncContextManager[None]]:
    """What answers the requests of all protocol revisions, and what must be entered for that.

    The caller has checked where a request comes from.
    """
    server.streamable_http_app(
        stateless_http=True,
        json_response=True,
        transport_security=TransportSecuritySettings(enable_dns_rebinding_protection=False),
    )
    return server.session_manager.handle_request, server.session_manager.run()


async def over_stdio(live: LiveArchive) -> None:
    """Serves one host until it closes standard input.

    Raises:
        OnRecordError, EmbeddingError: the index cannot be opened.
    """
    server = build(Workers(live), lambda _: Links(None))
    await live.ready()
    following = asyncio.create_task(live.follow())
    try:
        await server.run_stdio_async()
    finally:
        following.cancel()


def _registered(tool: Tool, workers: Workers, links_of: LinksOf) -> SdkTool:
    arguments = cast("type[ArgModelBase]", create_model(tool.arguments.__name__, __base__=(_Whole, tool.arguments)))

    async def call(asked: BaseModel, context: Context[Any, Any]) -> CallToolResult:
        links = links_of(context.request_context.request)
        try:
            answer = await _answered(tool, asked, workers, links)
        except OnRecordError as error:
            raise ToolError(str(error)) from error
        return _result(answer)

    return SdkTool(
        fn=call,
        name=tool.name,
        title=tool.title,
        description=tool.description,
        parameters=_input_schema(tool.arguments),
        fn_metadata=FuncMetadata(arg_model=arguments, output_schema=schema_of(tool.answer_model)),
        is_async=True,
        context_kwarg="context",
        annotations=ToolAnnotations(
            title=tool.title, read_only_hint=True, destructive_hint=False, idempotent_hint=True, open_world_hint=False
        ),
    )


def _input_schema(arguments: type[BaseModel]) -> dict[str, Any]:
    schema = arguments.model_json_schema()
    schema.pop("description", None)
    schema.pop("examples", None)
    return schema


async def _answered(tool: Tool, asked: BaseModel, workers: Workers, links: Links) -> BaseModel:
    searches = tool.searches(asked)

    def work(prepared: Sequence[Prepared], archive: Archive) -> BaseModel:
        return tool.answer(asked, prepared, archive, links)

    if searches:
        return await workers.search(searches, work)
    return await workers.run(lambda archive: work((), archive))


def _result(answer: BaseModel) -> CallToolResult:
    return CallToolResult(
        content=[TextContent(type="text", text=answer.model_dump_json(exclude_defaults=True))],
        structured_content=answer.model_dump(mode="json", exclude_defaults=True),
    )


def _what_to_change(name: str, error: ToolError) -> str:
    cause = error.__cause__
    if isinstance(cause, ValidationError):
        return "; ".join(_described(name, entry) for entry in cause.errors()[:5])
    if cause is not None:
        return str(cause)
    return f"There is no tool {name!r}; there are {', '.join(tool.name for tool in TOOLS)}."


def _described(name: str, entry: Any) -> str:
    """One wrong argument, as the HTTP interface words it."""
    where = (
        ".".join(str(part) for part in entry["loc"] if part not in ("str", "float", "constrained-str")) or "arguments"
    )
    message = entry["msg"].removeprefix("Value error, ")
    if entry["type"] == "extra_forbidden":
        fields = next(tool.arguments.model_fields for tool in TOOLS if tool.name == name)
        message = f"unknown; {name} takes {', '.join(fields)}"
    elif entry["type"] == "string_pattern_mismatch":
        message = "no word in it"
    elif entry["type"] == "missing":
        message = "is required"
    return f"{where}: {message}"
