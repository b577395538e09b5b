"""The command line. Heavy libraries are imported by the verb that needs them, so that --help is instant."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from indexer.catalog import CatalogReader
    from service.archive import Archive, Reranking
    from service.schemas import SearchParameters

DEFAULT_INDEX = Path("index")
_WORKERS = 4

app = typer.Typer(
    name="onrecord",
    help="Semantic search over expert interviews: the exact words, who said them, and where.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


class _Role(StrEnum):
    HOST = "host"
    GUEST = "guest"
    UNKNOWN = "unknown"


class _Mode(StrEnum):
    HYBRID = "hybrid"
    DENSE = "dense"
    LEXICAL = "lexical"


class _Group(StrEnum):
    EPISODE = "episode"
    SPEAKER = "speaker"


class _Runtime(StrEnum):
    AUTO = "auto"
    OPENVINO = "openvino"
    SENTENCE_TRANSFORMERS = "sentence-transformers"


IndexOption = Annotated[Path, typer.Option("--index", envvar="ONRECORD_INDEX", help="The index directory.")]
ModelOption = Annotated[
    str | None,
    typer.Option(
        "--model",
        envvar="ONRECORD_MODEL",
        help="A sentence-transformers model: hub name or folder. Default: the packaged one.",
    ),
]
RuntimeOption = Annotated[
    _Runtime, typer.Option("--runtime", envvar="ONRECORD_RUNTIME", help="What runs the model; auto: openvino on a CPU.")
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
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Day = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"])]


@app.command()
def index(
    paths: Annotated[list[Path], typer.Argument(help="Transcripts, or folders of them.")],
    out: Annotated[Path, typer.Option(envvar="ONRECORD_INDEX", help="The index directory.")] = DEFAULT_INDEX,
    model: ModelOption = None,
    runtime: RuntimeOption = _Runtime.AUTO,
    max_tokens: Annotated[
        int,
        typer.Option(min=16, envvar="ONRECORD_MAX_TOKENS", help="Tokens of a passage's own words, at most."),
    ] = 200,
    max_file_mb: MaxFileOption = 64,
    max_zip_mb: MaxZipOption = 1024,
    max_zip_files: MaxZipFilesOption = 10_000,
    format_name: FormatOption = None,
    strict: Annotated[bool, typer.Option(help="With any file that fails, change nothing.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Make the index hold these transcripts, and nothing else. Only what changed is embedded again."""
    from embeddings.model_files import DEFAULT_MODEL, fingerprint, locate_model  # noqa: PLC0415
    from embeddings.runtimes import Runtime, open_embedder  # noqa: PLC0415
    from indexer.archives import Limits  # noqa: PLC0415
    from indexer.build import build_index  # noqa: PLC0415
    from indexer.passages import Chunking  # noqa: PLC0415
    from service.progress import progress_bars  # noqa: PLC0415
    from service.terminal import print_report  # noqa: PLC0415

    with _user_errors():
        folder = locate_model(model or DEFAULT_MODEL)
        with progress_bars() as progress:
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
            )
    failed = outcome.report["files_failed"]
    generation = outcome.generation.manifest.id if outcome.generation else None
    if as_json:
        _print_json({"generation": generation, "changed": outcome.changed, "report": outcome.report})
    else:
        print_report(outcome.report, _console(stderr=True))
        if outcome.changed:
            typer.echo(f"{out}: generation {generation} is live.")
        elif strict and failed:
            typer.echo(f"{out}: left as it was, because a file failed and --strict was given.")
        else:
            typer.echo(f"{out}: nothing changed, generation {generation} stays.")
    if failed:
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

    with _user_errors():
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
def search(
    query: Annotated[str, typer.Argument(help="The question, in plain language.")],
    index: IndexOption = DEFAULT_INDEX,
    model: ModelOption = None,
    runtime: RuntimeOption = _Runtime.AUTO,
    limit: Annotated[int, typer.Option(help="Hits to show.")] = 5,
    offset: Annotated[int, typer.Option(help="Hits to skip.")] = 0,
    speaker: Annotated[str | None, typer.Option(help="Only this person's words.")] = None,
    role: Annotated[_Role | None, typer.Option(help="Only people in this role.")] = None,
    episode: Annotated[str | None, typer.Option(help="Only this episode: id, source or title.")] = None,
    show: Annotated[str | None, typer.Option(help="Only this show.")] = None,
    section: Annotated[str | None, typer.Option(help="Only sections with this heading.")] = None,
    language: Annotated[str | None, typer.Option(help="Only this language: en is en-US too; und: not stated.")] = None,
    date_from: Day = None,
    date_to: Day = None,
    mode: Annotated[_Mode, typer.Option(help="Meaning and words, meaning alone, or words alone.")] = _Mode.HYBRID,
    group_by: Annotated[_Group | None, typer.Option(help="The best hit of each only.")] = None,
    per_episode: Annotated[int | None, typer.Option(help="At most this many of one episode.")] = None,
    context: Annotated[int, typer.Option(help="Neighbouring passages on each side (in --json).")] = 0,
    min_score: Annotated[float, typer.Option(help="Leave out hits that score lower.")] = 0.0,
    reranker: RerankerOption = None,
    rerank_top: RerankTopOption = 20,
    rerank_ms: RerankBudgetOption = 300,
    as_json: JsonOption = False,
) -> None:
    """Ask a question: the passages that answer it best, word for word."""
    from embeddings.runtimes import Runtime  # noqa: PLC0415
    from service.answers import answer  # noqa: PLC0415
    from service.archive import open_archive  # noqa: PLC0415
    from service.terminal import print_hits  # noqa: PLC0415

    parameters = _search_parameters(
        query=query,
        limit=limit,
        offset=offset,
        speaker=speaker,
        role=role,
        episode=episode,
        show=show,
        section=section,
        language=language,
        date_from=date_from.date() if date_from else None,
        date_to=date_to.date() if date_to else None,
        mode=mode,
        group_by=group_by,
        per_episode=per_episode,
        context=context,
        min_score=min_score,
    )
    with _user_errors():
        reranking = _reranking(reranker, rerank_top, rerank_ms)
        archive = open_archive(index, model=model, runtime=Runtime(runtime), reranking=reranking)
        response = answer([query], parameters, archive)[0]
    if as_json:
        typer.echo(response.model_dump_json(indent=1))
    else:
        print_hits(response, _console())


@app.command()
def verify(
    draft: Annotated[Path, typer.Argument(help="A draft in Markdown or plain text; - reads standard input.")],
    index: IndexOption = DEFAULT_INDEX,
    model: ModelOption = None,
    runtime: RuntimeOption = _Runtime.AUTO,
    as_json: JsonOption = False,
) -> None:
    """Check every quotation of a draft: was it said so, and by whom the draft says? Exit code 1 when one was not."""
    from embeddings.runtimes import Runtime  # noqa: PLC0415
    from indexer.errors import ArchiveError  # noqa: PLC0415
    from service.answers import verified  # noqa: PLC0415
    from service.archive import open_archive  # noqa: PLC0415
    from service.quotations import find_quotations  # noqa: PLC0415
    from service.terminal import print_verified  # noqa: PLC0415
    from service.verify import FAIR  # noqa: PLC0415

    with _user_errors():
        try:
            text = sys.stdin.read() if str(draft) == "-" else draft.read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            raise ArchiveError(f"{draft}: cannot be read ({error}). Give Markdown or plain text in UTF-8.") from error
        archive = open_archive(index, model=model, runtime=Runtime(runtime))
        response = verified(find_quotations(text, archive.people.names), archive, in_draft=True)
    if as_json:
        typer.echo(response.model_dump_json(indent=1))
    else:
        print_verified(response, text, _console())
    if any(result.verdict not in FAIR for result in response.results):
        raise typer.Exit(1)


@app.command()
def serve(
    index: IndexOption = DEFAULT_INDEX,
    model: ModelOption = None,
    runtime: RuntimeOption = _Runtime.AUTO,
    host: HostOption = "127.0.0.1",
    port: PortOption = 8000,
    workers: WorkersOption = None,
    reranker: RerankerOption = None,
    rerank_top: RerankTopOption = 20,
    rerank_ms: RerankBudgetOption = 300,
) -> None:
    """Answer questions over HTTP."""
    workers = workers or _default_workers()
    # A request is one thread's work. faiss and numpy read this when they are imported; their own threads, beside as
    # many requests as there are cores, cost half of the throughput.
    os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")
    from service.server import run  # noqa: PLC0415

    def first() -> Archive:
        from embeddings.runtimes import Runtime  # noqa: PLC0415
        from service.archive import open_archive  # noqa: PLC0415

        reranking = _reranking(reranker, rerank_top, rerank_ms)
        return open_archive(index, model=model, runtime=Runtime(runtime), reranking=reranking)

    with _user_errors():
        run(index, first, host=host, port=port, workers=workers)


@app.command()
def info(
    index: IndexOption = DEFAULT_INDEX,
    model: ModelOption = None,
    runtime: RuntimeOption = _Runtime.AUTO,
    host: HostOption = "127.0.0.1",
    port: PortOption = 8000,
    workers: WorkersOption = None,
    speakers: Annotated[bool, typer.Option("--speakers", help="Who speaks where, in which role, and why so.")] = False,
    as_json: JsonOption = False,
) -> None:
    """What the index holds, and the settings in force."""
    from dataclasses import asdict  # noqa: PLC0415

    from indexer.catalog import CatalogReader  # noqa: PLC0415
    from indexer.generations import current_generation  # noqa: PLC0415
    from service.terminal import print_report  # noqa: PLC0415

    with _user_errors():
        generation = current_generation(index)
        report = generation.report()
        if speakers:
            _print_speakers(CatalogReader(generation.folder), as_json=as_json)
            return
    manifest = asdict(generation.manifest)
    settings = {
        "index": str(index),
        "model": model or manifest["model"]["name"],
        "runtime": runtime,
        "host": host,
        "port": port,
        "workers": workers or _default_workers(),
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
    model: ModelOption = None,
    runtime: RuntimeOption = _Runtime.AUTO,
    mode: Annotated[_Mode, typer.Option(help="The ranking to measure.")] = _Mode.HYBRID,
    split: Annotated[list[str] | None, typer.Option(help="Only questions of this split; may be repeated.")] = None,
    compare: Annotated[_Mode | None, typer.Option(help="Compare with this ranking, question by question.")] = None,
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
    from service.archive import open_archive  # noqa: PLC0415
    from service.ranking import Mode  # noqa: PLC0415
    from service.terminal import print_comparison, print_metrics  # noqa: PLC0415

    others = None
    with _user_errors():
        asked = evaluate.of_splits(evaluate.read_questions(questions), split or ())
        reranking = _reranking(reranker, rerank_top, rerank_ms)
        archive = open_archive(index, model=model, runtime=Runtime(runtime), reranking=reranking)
        judged = evaluate.judge(asked, archive, Mode(mode))
        if compare or compare_index:
            other = open_archive(compare_index, runtime=Runtime(runtime)) if compare_index else archive
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


def _reranking(reranker: str | None, top: int, budget_ms: int) -> Reranking | None:
    if reranker is None:
        return None
    from embeddings.cross_encoder import CrossEncoderReranker  # noqa: PLC0415
    from service.archive import Reranking  # noqa: PLC0415

    return Reranking(CrossEncoderReranker(reranker), top, budget_ms)


def main() -> None:
    """The `onrecord` command."""
    app()


def _print_speakers(catalog: CatalogReader, *, as_json: bool) -> None:
    from service.terminal import print_voices  # noqa: PLC0415

    sources = {row.number: row.source for row in catalog.episodes}
    voices = [(sources[voice.episode], voice) for voice in catalog.voices if voice.name]
    if not as_json:
        print_voices(voices, _console())
        return
    keys = ("name", "role", "confidence", "evidence", "aliases", "description", "anonymous")
    _print_json([{"source": source, **{key: getattr(voice, key) for key in keys}} for source, voice in voices])


def _default_workers() -> int:
    return min(_WORKERS, len(os.sched_getaffinity(0)))


def _search_parameters(**values: Any) -> SearchParameters:
    """Checks what was given as the HTTP interface does. Exits with 2 on what it would refuse."""
    from pydantic import ValidationError  # noqa: PLC0415

    from service.schemas import SearchQuery  # noqa: PLC0415

    try:
        return SearchQuery(**values)
    except ValidationError as error:
        found = "; ".join(f"{entry['loc'][0]}: {entry['msg']}" for entry in error.errors())
        raise typer.BadParameter(found) from error


@contextmanager
def _user_errors() -> Iterator[None]:
    """What the user can put right: a message on standard error, and exit code 1."""
    from embeddings.base import EmbeddingError  # noqa: PLC0415
    from indexer.errors import OnRecordError  # noqa: PLC0415

    try:
        yield
    except (OnRecordError, EmbeddingError) as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(1) from error


def _console(*, stderr: bool = False) -> Any:
    from rich.console import Console  # noqa: PLC0415

    return Console(stderr=stderr)


def _print_json(content: Any) -> None:
    json.dump(content, sys.stdout, ensure_ascii=False, indent=1)
    sys.stdout.write("\n")
