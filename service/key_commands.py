"""`onrecord key`: makes, shows and removes API keys in their file."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from service.options import user_errors

app = typer.Typer(help="Make, show and remove the API keys of a service.", no_args_is_help=True)

KEYS_HELP = "The file of API keys; `onrecord key add` makes it."
KeysOption = Annotated[Path, typer.Option("--keys", envvar="ONRECORD_API_KEYS", help=KEYS_HELP)]
NameArgument = Annotated[str, typer.Argument(help="Whose key it is: a person or a program.")]


class _Scope(StrEnum):
    READ = "read"
    ADMIN = "admin"


@app.command()
def add(
    name: NameArgument,
    keys: KeysOption,
    scope: Annotated[_Scope, typer.Option(help="read: the archive. admin: also what /metrics tells.")] = _Scope.READ,
    per_minute: Annotated[int, typer.Option(min=1, max=1_000_000, help="Requests a minute, at most.")] = 600,
) -> None:
    """Make a key. It is printed once, and kept nowhere; the file holds what tells it again."""
    from service.keys import Scope, add_key  # noqa: PLC0415

    with user_errors():
        secret = add_key(keys, name, Scope(scope), per_minute)
    typer.echo(secret)
    typer.echo(f"{keys}: {name} has a key of the scope {scope}. It is shown this once.", err=True)


@app.command("list")
def list_(keys: KeysOption, as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Show whose keys there are. The keys themselves nobody knows."""
    from service.keys import read_keys  # noqa: PLC0415

    with user_errors():
        found = read_keys(keys)
    if as_json:
        shown = [key.model_dump(exclude={"sha256"}) for key in found]
        typer.echo(json.dumps(shown, ensure_ascii=False, indent=1))
        return
    width = max((len(key.name) for key in found), default=0)
    for key in found:
        typer.echo(f"{key.name:<{width}}  {key.scope:<5}  {key.per_minute:>7} a minute  made {key.created}")


@app.command()
def remove(name: NameArgument, keys: KeysOption) -> None:
    """Remove a key. A running service refuses it within a second."""
    from service.keys import remove_key  # noqa: PLC0415

    with user_errors():
        remove_key(keys, name)
    typer.echo(f"{keys}: the key of {name} is removed.", err=True)
