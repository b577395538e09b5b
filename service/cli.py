"""The command line. Heavy libraries are imported by the verb that needs them, so that --help is instant."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from service import adapting, key_commands, upkeep
from service.filter_options import ModeName, with_filters
from service.options import (
    DEFAULT_INDEX,
    IndexOption,
    JsonOption,
    RuntimeName,
    RuntimeOption,
    StoreOption,
    user_errors,
)

if TYPE_CHECKING:
    from pydantic import BaseModel
    from starlette.types import ASGIApp

    from indexer.build import Shared
    from indexer.catalog import EpisodeRow, Voice
    from indexer.generations import Generation
    from indexer.milvus import Milvus
    from indexer.progress import Progress
    from service.archive import Archive, Reranking
    from service.keys import Keyring
    from service.language_model import LanguageModel
    from service.live import LiveArchive
    from service.metrics import Metrics
    from service.places import IndexPlace
    from service.stopping import Stopping

_Checked = TypeVar("_Checked", bound="BaseModel")

_WORKERS = 4
# A run that has embedded for hours waits for a store that is started again.
_PATIENCE_S = 60.0

app = typer.Typer(
    name="onrecord",
    help="Semantic search over expert interviews: the exact words, who said them, and where.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(key_commands.app, name="key")
for command in (upkeep.doctor, upkeep.rollback, upkeep.backup, upkeep.restore, adapting.adapt):
    app.command()(command)


class _Group(StrEnum):
    EPISODE = "episode"
    SPEAKER = "speaker"


class _Style(StrEnum):
    MARKDOWN = "markdown"
    CHICAGO = "chicago"
    APA = "apa"
    MLA = "mla"
    BIBTEX = "bibtex"
    CSL_JSON = "csl-json"


class _ContextFormat(StrEnum):
    TEXT = "text"
    JSON = "json"
    ANTHROPIC = "anthropic"
    OPENAI = "openai"
    DIFY = "dify"


class _Order(StrEnum):
    RELEVANCE = "relevance"
    TIME = "time"


class _LogFormat(StrEnum):
    TEXT = "text"
    JSON = "json"


ModelOption = Annotated[
    str | None,
    typer.Option(
        "--model",
        envvar="ONRECORD_MODEL",
        help="A sentence-transformers model: hub name or folder. Default: the packaged one.",
    ),
]
FormatOption = Annotated[
    str | None, typer.Option("--format", help="Take every file for this format, whatever it looks like.")
]
HostOption = Annotated[str, typer.Option("--host", envvar="ONRECORD_HOST", help="The address to listen on.")]
PortOption = Annotated[
    int, typer.Option("--port", envvar="ONRECORD_PORT", min=0, max=65535, help="The port; 0 takes a free one.")
]
WorkersOption = Annotated[
    int | None,
    typer.Option(
        envvar="ONRECORD_WORKERS", min=1, help="Processes that answer. Default: one for each core, at most 4."
    ),
]
MaxFileOption = Annotated[
    int, typer.Option("--max-file-mb", envvar="ONRECORD_MAX_FILE_MB", min=1, help="Megabytes of one file, at most.")
]
MaxZipOption = Annotated[
    int, typer.Option("--max-zip-mb", envvar="ONRECORD_MAX_ZIP_MB", min=1, help="Megabytes a zip unpacks to, at most.")
]
MaxZipFilesOption = Annotated[
    int, typer.Option("--max-zip-files", envvar="ONRECORD_MAX_ZIP_FILES", min=1, help="Files of one zip, at most.")
]
RerankerOption = Annotated[
    str | None,
    typer.Option("--reranker", envvar="ONRECORD_RERANKER", help="A cross-encoder that reads the first passages again."),
]
RerankTopOption = Annotated[
    int, typer.Option("--rerank-top", envvar="ONRECORD_RERANK_TOP", min=1, max=200, help="How many it reads.")
]
RerankBudgetOption = Annotated[
    int, typer.Option("--rerank-ms", envvar="ONRECORD_RERANK_MS", min=1, help="Milliseconds it may take for a query.")
]
LlmUrlOption = Annotated[
    str | None,
    typer.Option(
        "--llm-url", envvar="ONRECORD_LLM_URL", help="A server that speaks OpenAI's API, as http://127.0.0.1:11434/v1."
    ),
]
LlmModelOption = Annotated[
    str | None, typer.Option("--llm-model", envvar="ONRECORD_LLM_MODEL", help="The language model's name there.")
]


def _checked_url(value: str | None) -> str | None:
    from urllib.parse import urlsplit  # noqa: PLC0415

    if value is None:
        return None
    try:
        parts = urlsplit(value)
        stated = parts.scheme in ("http", "https") and parts.hostname and not (parts.query or parts.fragment)
    except ValueError:
        stated = False
    if not stated:
        raise typer.BadParameter("give the whole address, as https://interviews.example.org")
    return value


PublicUrlOption = Annotated[
    str | None,
    typer.Option(
        "--public-url",
        envvar="ONRECORD_PUBLIC_URL",
        metavar="URL",
        help="The address that others reach the service by, through a proxy or a tunnel.",
        callback=_checked_url,
    ),
]
KeysOption = Annotated[
    Path | None, typer.Option("--keys", envvar="ONRECORD_API_KEYS", help=key_commands.KEYS_HELP, show_default=False)
]
InsecureOption = Annotated[
    bool,
    typer.Option(
        "--insecure", envvar="ONRECORD_INSECURE", help="Let everybody in who reaches the address, without a key."
    ),
]
StopWithinOption = Annotated[
    int,
    typer.Option(
        "--stop-within",
        envvar="ONRECORD_STOP_WITHIN",
        min=1,
        help="Seconds for what is being answered when the service is told to stop; then it is cut off.",
    ),
]
LogFormatOption = Annotated[
    _LogFormat,
    typer.Option("--log-format", envvar="ONRECORD_LOG_FORMAT", help="Lines for people, or a JSON object in each."),
]
QueryArgument = Annotated[str, typer.Argument(help="The question, in plain language.")]


@app.command()
def index(
    paths: Annotated[list[Path], typer.Argument(help="Transcripts, or folders of them.")],
    out: Annotated[Path, typer.Option(envvar="ONRECORD_INDEX", help="The index directory.")] = DEFAULT_INDEX,
    model: ModelOption = None,
    runtime: RuntimeOption = RuntimeName.AUTO,
    max_tokens: Annotated[
        int,
        typer.Option(min=16, envvar="ONRECORD_MAX_TOKENS", help="Tokens of a passage's own words, at most."),
    ] = 200,
    max_file_mb: MaxFileOption = 64,
    max_zip_mb: MaxZipOption = 1024,
    max_zip_files: MaxZipFilesOption = 10_000,
    format_name: FormatOption = None,
    strict: Annotated[bool, typer.Option(help="With any file that fails, change nothing.")] = False,
    forget: Annotated[
        bool,
        typer.Option(
            "--forget",
            envvar="ONRECORD_FORGET",
            help="Keep no word that the transcripts do not hold now, neither of removed passages nor in older indexes.",
        ),
    ] = False,
    store: StoreOption = None,
    shared: Annotated[
        bool,
        typer.Option(
            "--shared",
            envvar="ONRECORD_SHARED",
            help="Share the work with all others who run this with the same transcripts and --store.",
        ),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Make the index hold these transcripts, and nothing else. Only what changed is embedded again."""
    from embeddings.model_files import DEFAULT_MODEL, fingerprint, locate_model  # noqa: PLC0415
    from embeddings.runtimes import Runtime, open_embedder  # noqa: PLC0415
    from indexer.archives import Limits  # noqa: PLC0415
    from indexer.build import build_index  # noqa: PLC0415
    from indexer.passages import Chunking  # noqa: PLC0415
    from service.index_report import print_report  # noqa: PLC0415
    from service.progress import progress_bars  # noqa: PLC0415

    with user_errors():
        kept_in = _connected(store)
        folder = locate_model(model or DEFAULT_MODEL)
        with _shared_work(kept_in, wanted=shared, forget=forget) as work, progress_bars() as progress:
            outcome = build_index(
                paths,
                out,
                model=fingerprint(folder),
                load_embedder=lambda: open_embedder(folder, Runtime(runtime)),
                chunking=Chunking(max_tokens=max_tokens),
                strict=strict,
                progress=progress,
                force_format=format_name,
                limits=Limits(max_file_mb=max_file_mb, max_zip_mb=max_zip_mb, max_zip_files=max_zip_files),
                forget=forget,
                shared=work,
            )
            published = {} if outcome.finished_elsewhere else _published(kept_in, outcome.generation, progress)
    failed = outcome.report["files_failed"]
    generation = outcome.generation.manifest.id if outcome.generation else None
    if as_json:
        _print_json(
            {
                "generation": generation,
                "changed": outcome.changed,
                "finished_elsewhere": outcome.finished_elsewhere,
                "report": outcome.report,
                **published,
            }
        )
    else:
        print_report(outcome.report, _console(stderr=True))
        if outcome.changed:
            typer.echo(f"{out}: generation {generation} is live.")
        elif strict and failed:
            typer.echo(f"{out}: left as it was, because a file failed and --strict was given.")
        elif outcome.finished_elsewhere:
            typer.echo(f"{store}: holds these transcripts; another worker finished it. {out}: left as it was.")
        else:
            typer.echo(f"{out}: nothing changed, generation {generation} stays.")
        for counts in published.values():
            typer.echo(
                f"{store}: generation {generation} is live, {counts['written']} episodes written, {counts['kept']} "
                f"there already, {counts['removed']} removed."
            )
    for name in outcome.still_read:
        typer.echo(f"{out}: generation {name} is still read; run this again to remove it.", err=True)
    if failed or outcome.still_read:
        raise typer.Exit(1)


@app.command()
def parse(
    file: Annotated[Path, typer.Argument(help="A transcript.")],
    max_file_mb: MaxFileOption = 64,
    format_name: FormatOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show an episode as it is understood. Nothing is written."""
    from indexer.archives import Limits  # noqa: PLC0415
    from indexer.errors import ArchiveError, TranscriptError  # noqa: PLC0415
    from indexer.files import one_file  # noqa: PLC0415
    from indexer.gather import read_episode  # noqa: PLC0415
    from indexer.segments import with_kinds  # noqa: PLC0415
    from service.episode_view import episode_json, print_episode  # noqa: PLC0415

    with user_errors():
        if not file.is_file():
            raise ArchiveError(f"{file}: no such file.")
        try:
            limits = Limits(max_file_mb=max_file_mb)
            episode = with_kinds(read_episode(one_file(file, limits=limits), force=format_name, limits=limits))
        except TranscriptError as error:
            raise ArchiveError(f"{file}: {error}") from error
    if as_json:
        _print_json(episode_json(episode))
    else:
        print_episode(episode, _console())


@app.command()
@with_filters
def search(
    query: QueryArgument,
    filters: dict[str, Any],
    index: IndexOption = DEFAULT_INDEX,
    store: StoreOption = None,
    model: ModelOption = None,
    runtime: RuntimeOption = RuntimeName.AUTO,
    limit: Annotated[int, typer.Option(help="Hits to show.")] = 5,
    offset: Annotated[int, typer.Option(help="Hits to skip.")] = 0,
    group_by: Annotated[_Group | None, typer.Option(help="The best hit of each only.")] = None,
    per_episode: Annotated[int | None, typer.Option(help="At most this many of one episode.")] = None,
    context: Annotated[int, typer.Option(help="Neighbouring passages on each side (in --json).")] = 0,
    reranker: RerankerOption = None,
    rerank_top: RerankTopOption = 20,
    rerank_ms: RerankBudgetOption = 300,
    as_json: JsonOption = False,
) -> None:
    """Ask a question: the passages that answer it best, word for word."""
    from embeddings.runtimes import Runtime  # noqa: PLC0415
    from service.answers import answer  # noqa: PLC0415
    from service.schemas import SearchQuery  # noqa: PLC0415
    from service.terminal import print_hits  # noqa: PLC0415

    parameters = _checked(
        SearchQuery,
        query=query,
        limit=limit,
        offset=offset,
        group_by=group_by,
        per_episode=per_episode,
        context=context,
        **filters,
    )
    with user_errors():
        reranking = _reranking(reranker, rerank_top, rerank_ms)
        archive = _place(index, store).open(model=model, runtime=Runtime(runtime), reranking=reranking)
        response = answer([query], parameters, archive)[0]
    if as_json:
        typer.echo(response.model_dump_json(indent=1))
    else:
        print_hits(response, _console())


@app.command()
@with_filters
def quotes(
    query: QueryArgument,
    filters: dict[str, Any],
    index: IndexOption = DEFAULT_INDEX,
    store: StoreOption = None,
    model: ModelOption = None,
    runtime: RuntimeOption = RuntimeName.AUTO,
    limit: Annotated[int, typer.Option(help="Quotes to show.")] = 5,
    style: Annotated[_Style, typer.Option(help="How the citations are written.")] = _Style.MARKDOWN,
    diverse: Annotated[_Group | None, typer.Option(help="One quote of each only.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Find sentences to quote, word for word, each with its citation."""
    from embeddings.runtimes import Runtime  # noqa: PLC0415
    from service.quote_answers import quotes as found_quotes  # noqa: PLC0415
    from service.schemas import QuotesQuery  # noqa: PLC0415
    from service.terminal import print_quotes  # noqa: PLC0415

    body = _checked(
        QuotesQuery,
        query=query,
        limit=limit,
        style=style,
        diverse=diverse,
        **filters,
    )
    with user_errors():
        response = found_quotes(body, _place(index, store).open(model=model, runtime=Runtime(runtime)))
    if as_json:
        typer.echo(response.model_dump_json(indent=1))
    else:
        print_quotes(response, _console())


@app.command()
@with_filters
def context(
    query: QueryArgument,
    filters: dict[str, Any],
    index: IndexOption = DEFAULT_INDEX,
    store: StoreOption = None,
    model: ModelOption = None,
    runtime: RuntimeOption = RuntimeName.AUTO,
    max_tokens: Annotated[int, typer.Option(help="The budget; it is never exceeded.")] = 2000,
    format_: Annotated[_ContextFormat, typer.Option("--format", help="What it is written for.")] = _ContextFormat.TEXT,
    order: Annotated[_Order, typer.Option(help="The best first, or by date.")] = _Order.RELEVANCE,
    as_json: JsonOption = False,
) -> None:
    """Pack what the archive says about a question into a budget of tokens, for a language model."""
    from embeddings.runtimes import Runtime  # noqa: PLC0415
    from service.context_answers import context as packed_context  # noqa: PLC0415
    from service.schemas import ContextQuery  # noqa: PLC0415

    body = _checked(
        ContextQuery,
        query=query,
        max_tokens=max_tokens,
        format=format_,
        order=order,
        **filters,
    )
    with user_errors():
        response = packed_context(body, _place(index, store).open(model=model, runtime=Runtime(runtime)))
    if as_json:
        typer.echo(response.model_dump_json(indent=1))
        return
    for note in response.notes:
        typer.echo(f"note: {note}", err=True)
    if response.text is not None:
        typer.echo(response.text)
    else:
        _print_json(response.blocks)
    typer.echo(f"{response.tokens} of {response.max_tokens} tokens of {response.tokenizer}", err=True)


@app.command()
def verify(
    draft: Annotated[
        Path,
        typer.Argument(help="A draft in Markdown, HTML or Word (.docx), or of plain text; - reads standard input."),
    ],
    index: IndexOption = DEFAULT_INDEX,
    store: StoreOption = None,
    model: ModelOption = None,
    runtime: RuntimeOption = RuntimeName.AUTO,
    source: Annotated[
        list[str] | None,
        typer.Option(help="A passage's id; the first is what [1] cites in the draft, the second [2]. May be repeated."),
    ] = None,
    max_file_mb: MaxFileOption = 64,
    as_json: JsonOption = False,
) -> None:
    """Check every quotation of a draft: was it said so, and by whom the draft says? Exit code 1 when one was not."""
    from embeddings.runtimes import Runtime  # noqa: PLC0415
    from indexer.archives import Limits  # noqa: PLC0415
    from indexer.drafts import read_draft  # noqa: PLC0415
    from indexer.errors import DraftError  # noqa: PLC0415
    from service.passage_citations import SOUND  # noqa: PLC0415
    from service.terminal import print_verified  # noqa: PLC0415
    from service.verify import FAIR  # noqa: PLC0415
    from service.verify_answers import verified_draft  # noqa: PLC0415

    with user_errors():
        try:
            data = sys.stdin.buffer.read() if str(draft) == "-" else draft.read_bytes()
            text = read_draft(data, Limits(max_file_mb=max_file_mb))
        except (OSError, DraftError) as error:
            raise DraftError(f"{draft}: cannot be read: {error}") from error
        archive = _place(index, store).open(model=model, runtime=Runtime(runtime))
        response = verified_draft(text, source or (), archive)
    if as_json:
        typer.echo(response.model_dump_json(indent=1))
    else:
        print_verified(response, _console())
    if any(count for verdict, count in response.summary.items() if verdict not in FAIR) or any(
        count for status, count in response.cited.items() if status not in SOUND
    ):
        raise typer.Exit(1)


@app.command()
@with_filters
def ask(
    query: QueryArgument,
    filters: dict[str, Any],
    index: IndexOption = DEFAULT_INDEX,
    store: StoreOption = None,
    model: ModelOption = None,
    runtime: RuntimeOption = RuntimeName.AUTO,
    llm_url: LlmUrlOption = None,
    llm_model: LlmModelOption = None,
    max_tokens: Annotated[int, typer.Option(help="Of the excerpts that the language model is given.")] = 4000,
    limit: Annotated[int, typer.Option(help="People to quote, without a language model.")] = 5,
    as_json: JsonOption = False,
) -> None:
    """Answer a question with quotes, or by a language model whose quotations are checked. Exit code 1: one fails."""
    from embeddings.runtimes import Runtime  # noqa: PLC0415
    from service.ask_answers import answered  # noqa: PLC0415
    from service.schemas import AskBody, SpanStatus  # noqa: PLC0415
    from service.terminal import print_answer  # noqa: PLC0415

    body = _checked(
        AskBody,
        query=query,
        max_tokens=max_tokens,
        limit=limit,
        **filters,
    )
    with user_errors():
        language_model = _language_model(llm_url, llm_model)
        archive = _place(index, store).open(model=model, runtime=Runtime(runtime))
        response = answered(body, language_model, archive, show=None if as_json else _write)
    if as_json:
        typer.echo(response.model_dump_json(indent=1))
    else:
        print_answer(response, _console())
    if response.summary.get(SpanStatus.UNVERIFIED):
        raise typer.Exit(1)


@app.command()
def serve(
    index: IndexOption = DEFAULT_INDEX,
    store: StoreOption = None,
    model: ModelOption = None,
    runtime: RuntimeOption = RuntimeName.AUTO,
    host: HostOption = "127.0.0.1",
    port: PortOption = 8000,
    workers: WorkersOption = None,
    public_url: PublicUrlOption = None,
    keys: KeysOption = None,
    insecure: InsecureOption = False,
    reranker: RerankerOption = None,
    rerank_top: RerankTopOption = 20,
    rerank_ms: RerankBudgetOption = 300,
    llm_url: LlmUrlOption = None,
    llm_model: LlmModelOption = None,
    stop_within: StopWithinOption = 30,
    log_format: LogFormatOption = _LogFormat.TEXT,
) -> None:
    """Answer questions over HTTP, and agents over MCP at /mcp, until SIGTERM or Ctrl-C; twice stops at once."""
    workers = workers or _default_workers()
    _refuse_open(host, keys, insecure=insecure)
    # A request is one thread's work. faiss and numpy read this when they are imported; their own threads, beside as
    # many requests as there are cores, cost half of the throughput.
    os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")
    from service.logs import LogFormat  # noqa: PLC0415
    from service.server import Service, run  # noqa: PLC0415

    with user_errors():
        place = _place(index, store)
    first = _opener(place, model, runtime, reranker, rerank_top, rerank_ms)
    language_model = _language_model(llm_url, llm_model)
    keyring = _keyring(keys)

    def app_of(live: LiveArchive, metrics: Metrics, stopping: Stopping) -> ASGIApp:
        from service.http import create_app  # noqa: PLC0415  half a second, while the archive is being opened

        return create_app(live, language_model, public_url, keyring, metrics, stopping)

    service = Service(place, first, app_of, host, port, workers, stop_within, LogFormat(log_format))
    with user_errors():
        run(service)


@app.command()
def mcp(
    index: IndexOption = DEFAULT_INDEX,
    store: StoreOption = None,
    model: ModelOption = None,
    runtime: RuntimeOption = RuntimeName.AUTO,
    reranker: RerankerOption = None,
    rerank_top: RerankTopOption = 20,
    rerank_ms: RerankBudgetOption = 300,
) -> None:
    """Answer an agent over MCP on standard input and output, until it closes them."""
    from service.live import LiveArchive  # noqa: PLC0415

    with user_errors():
        place = _place(index, store)
        live = LiveArchive(place, _opener(place, model, runtime, reranker, rerank_top, rerank_ms))
        from service.mcp_stdio import run  # noqa: PLC0415  while the archive is being opened

        run(live)


@app.command()
def info(
    index: IndexOption = DEFAULT_INDEX,
    store: StoreOption = None,
    model: ModelOption = None,
    runtime: RuntimeOption = RuntimeName.AUTO,
    host: HostOption = "127.0.0.1",
    port: PortOption = 8000,
    workers: WorkersOption = None,
    public_url: PublicUrlOption = None,
    keys: KeysOption = None,
    speakers: Annotated[bool, typer.Option("--speakers", help="Who speaks where, in which role, and why so.")] = False,
    generations: Annotated[bool, typer.Option("--generations", help="Those that are kept, the newest first.")] = False,
    as_json: JsonOption = False,
) -> None:
    """What the index holds, and the settings in force."""
    from dataclasses import asdict  # noqa: PLC0415

    from service.index_report import print_report  # noqa: PLC0415

    with user_errors():
        if generations and store:
            raise typer.BadParameter("--generations shows those of an index directory; a store keeps two")
        if generations:
            upkeep.print_generations(index, as_json=as_json)
            return
        place = _place(index, store)
        described = place.described()
        if speakers:
            _print_speakers(described.episodes, described.voices, as_json=as_json)
            return
    manifest, report = asdict(described.manifest), described.report
    settings = {
        "index": str(place),
        "model": model or manifest["model"]["name"],
        "runtime": runtime,
        "host": host,
        "port": port,
        "workers": workers or _default_workers(),
        "public_url": public_url,
        "keys": str(keys) if keys else None,
        **manifest["settings"],
    }
    if as_json:
        shown = {key: manifest[key] for key in ("id", "created", "format_version", "model", "counts")}
        _print_json({"settings": settings, "generation": shown, "report": report})
        return
    console = _console()
    for key, value in settings.items():
        console.print(f"{key:>10}  {value}", highlight=False, soft_wrap=True)
    weights = manifest["model"]["weights"][:12]
    console.print(f"generation  {manifest['id']}, made {manifest['created']}, weights {weights}", highlight=False)
    print_report(report, console)


@app.command(name="eval")
def eval_(
    questions: Annotated[Path, typer.Argument(help="Questions with anchors, one JSON object a line.")],
    index: IndexOption = DEFAULT_INDEX,
    store: StoreOption = None,
    model: ModelOption = None,
    runtime: RuntimeOption = RuntimeName.AUTO,
    mode: Annotated[ModeName, typer.Option(help="The ranking to measure.")] = ModeName.HYBRID,
    split: Annotated[list[str] | None, typer.Option(help="Only questions of this split; may be repeated.")] = None,
    compare: Annotated[ModeName | None, typer.Option(help="Compare with this ranking, question by question.")] = None,
    compare_index: Annotated[
        Path | None, typer.Option(help="Compare with this index, which may be of another model.")
    ] = None,
    reranker: RerankerOption = None,
    rerank_top: RerankTopOption = 20,
    rerank_ms: RerankBudgetOption = 300,
    dump: Annotated[Path | None, typer.Option(help="Write each question with its hits here, the worst first.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Measure the ranking by questions whose answers are known."""
    from dataclasses import asdict  # noqa: PLC0415

    from embeddings.runtimes import Runtime  # noqa: PLC0415
    from service import evaluate  # noqa: PLC0415
    from service.ranking import Mode  # noqa: PLC0415
    from service.terminal import print_comparison, print_metrics  # noqa: PLC0415

    others = None
    with user_errors():
        asked = evaluate.of_splits(evaluate.read_questions(questions), split or ())
        reranking = _reranking(reranker, rerank_top, rerank_ms)
        archive = _place(index, store).open(model=model, runtime=Runtime(runtime), reranking=reranking)
        judged = evaluate.judge(asked, archive, Mode(mode))
        if compare or compare_index:
            other = _place(compare_index, None).open(runtime=Runtime(runtime)) if compare_index else archive
            others = evaluate.judge(asked, other, Mode(compare or mode))
        if dump:
            evaluate.write_dump(dump, evaluate.dump(judged, others))
    tables = evaluate.measure_by_kind(judged)
    content: dict[str, Any] = {kind: asdict(metrics) for kind, metrics in tables.items()}
    if not as_json:
        print_metrics(tables, _console())
    if others is not None:
        other_tables, differences = evaluate.measure_by_kind(others), evaluate.compare(judged, others)
        content["compared"] = {
            "mode": compare or mode,
            "index": str(compare_index or index),
            "metrics": {kind: asdict(metrics) for kind, metrics in other_tables.items()},
            "differences": {name: asdict(difference) for name, difference in differences.items()},
        }
        if not as_json:
            print_comparison(f"{compare_index or index}, {compare or mode}", other_tables, differences, _console())
    if as_json:
        _print_json(content)


def _place(index: Path, store: str | None) -> IndexPlace:
    from service.places import index_place  # noqa: PLC0415

    return index_place(index, store)


def _connected(store: str | None) -> Milvus | None:
    """Asked before the transcripts are read: an address that is wrong should not be found out an hour later."""
    if store is None:
        return None
    from service.places import connected  # noqa: PLC0415

    connected(store).collections()
    return connected(store, patience_s=_PATIENCE_S)


@contextmanager
def _shared_work(store: Milvus | None, *, wanted: bool, forget: bool) -> Iterator[Shared | None]:
    """The part of this process in work that several share."""
    if not wanted:
        yield None
        return
    from indexer.errors import ArchiveError  # noqa: PLC0415

    if forget:
        raise ArchiveError("--forget: each machine forgets by itself. Run this on each without --shared.")
    if store is None:
        raise ArchiveError("--shared: give the --store that the workers share too.")
    from indexer.milvus_sharing import SharedWork  # noqa: PLC0415
    from indexer.milvus_work import WorkList  # noqa: PLC0415

    with WorkList(store) as work:
        yield SharedWork(store, work)


def _published(store: Milvus | None, generation: Generation | None, progress: Progress) -> dict[str, dict[str, int]]:
    """What was done to the store, where there is one."""
    if store is None or generation is None:
        return {}
    from dataclasses import asdict  # noqa: PLC0415

    from indexer.milvus_writer import publish_to  # noqa: PLC0415

    return {"store": asdict(publish_to(store, generation, progress))}


def _opener(
    index: IndexPlace, model: str | None, runtime: RuntimeName, reranker: str | None, rerank_top: int, rerank_ms: int
) -> Callable[[], Archive]:
    """What opens the archive; its libraries are imported when it does."""

    def first() -> Archive:
        from embeddings.runtimes import Runtime  # noqa: PLC0415

        reranking = _reranking(reranker, rerank_top, rerank_ms)
        return index.open_first(model, Runtime(runtime), reranking)

    return first


def _reranking(reranker: str | None, top: int, budget_ms: int) -> Reranking | None:
    if reranker is None:
        return None
    from embeddings.cross_encoder import CrossEncoderReranker  # noqa: PLC0415
    from service.archive import Reranking  # noqa: PLC0415

    return Reranking(CrossEncoderReranker(reranker), top, budget_ms)


def _language_model(url: str | None, model: str | None) -> LanguageModel | None:
    """The key comes from the environment alone: everybody on the machine can read a command line."""
    from service.language_model import LanguageModel  # noqa: PLC0415

    if (url is None) != (model is None):
        raise typer.BadParameter(
            "give both --llm-url and --llm-model (ONRECORD_LLM_URL, ONRECORD_LLM_MODEL), or neither"
        )
    return LanguageModel(url, model, os.environ.get("ONRECORD_LLM_KEY")) if url and model else None


def _refuse_open(host: str, keys: Path | None, *, insecure: bool) -> None:
    """Whoever opens the archive to others says who they are, or that anybody may come."""
    from service.callers import is_loopback  # noqa: PLC0415

    if not (is_loopback(host) or keys or insecure):
        raise typer.BadParameter(
            f"--host {host}: others reach this address, and no keys are set. Make one with `onrecord key add NAME "
            "--keys FILE` and give --keys FILE (ONRECORD_API_KEYS); or, where something in front asks who they are, "
            "give --insecure (ONRECORD_INSECURE=1)"
        )
    if not (is_loopback(host) or keys):
        typer.echo(f"warning: {host}: anybody who reaches this address can read the archive (--insecure).", err=True)


def _keyring(path: Path | None) -> Keyring | None:
    if path is None:
        return None
    from service.keys import Keyring  # noqa: PLC0415

    with user_errors():
        return Keyring(path)


def _write(piece: str) -> None:
    sys.stdout.write(piece)
    sys.stdout.flush()


def main() -> None:
    """The `onrecord` command."""
    app()


def _print_speakers(episodes: Sequence[EpisodeRow], voices: Sequence[Voice], *, as_json: bool) -> None:
    from service.terminal import print_voices  # noqa: PLC0415

    sources = {row.number: row.source for row in episodes}
    named = [(sources[voice.episode], voice) for voice in voices if voice.name]
    if not as_json:
        print_voices(named, _console())
        return
    keys = ("name", "role", "confidence", "evidence", "aliases", "description", "anonymous")
    _print_json([{"source": source, **{key: getattr(voice, key) for key in keys}} for source, voice in named])


def _default_workers() -> int:
    return min(_WORKERS, len(os.sched_getaffinity(0)))


def _checked(model: type[_Checked], **values: Any) -> _Checked:
    """Checks what was given as the HTTP interface does. Exits with 2 on what it would refuse."""
    from pydantic import ValidationError  # noqa: PLC0415

    try:
        return model(**values)
    except ValidationError as error:
        found = "; ".join(f"{entry['loc'][0]}: {entry['msg']}" for entry in error.errors())
        raise typer.BadParameter(found) from error


def _console(*, stderr: bool = False) -> Any:
    from rich.console import Console  # noqa: PLC0415

    return Console(stderr=stderr)


def _print_json(content: Any) -> None:
    json.dump(content, sys.stdout, ensure_ascii=False, indent=1)
    sys.stdout.write("\n")
