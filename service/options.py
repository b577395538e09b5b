"""What several commands have in common: options, and how what the user can put right is told."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

DEFAULT_INDEX = Path("index")


class RuntimeName(StrEnum):
    AUTO = "auto"
    OPENVINO = "openvino"
    SENTENCE_TRANSFORMERS = "sentence-transformers"


IndexOption = Annotated[Path, typer.Option("--index", envvar="ONRECORD_INDEX", help="The index directory.")]
StoreOption = Annotated[
    str | None,
    typer.Option(
        "--store",
        envvar="ONRECORD_STORE",
        metavar="milvus://HOST:PORT/COLLECTION",
        help="A Milvus that keeps the index, in place of the index directory.",
    ),
]
RuntimeOption = Annotated[
    RuntimeName,
    typer.Option("--runtime", envvar="ONRECORD_RUNTIME", help="What runs the model; auto: openvino on a CPU."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@contextmanager
def user_errors() -> Iterator[None]:
    """What the user can put right: a message on standard error, and exit code 1."""
    from embeddings.base import EmbeddingError  # noqa: PLC0415
    from indexer.errors import OnRecordError  # noqa: PLC0415

    try:
        yield
    except (OnRecordError, EmbeddingError) as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(1) from error
