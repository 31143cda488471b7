"""``hyperverse context``: names for several constellations, each with a token of its own."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import attrs
import click

from ...data_dir.contexts import Contexts, SavedContext, check_name
from ..talk.connection import proven_key, user_contexts
from ..terminal.options import common, options
from ..terminal.output import print_json, table
from .login import read_token, try_token

__all__ = ["context"]


@click.group()
def context() -> None:
    """Name several constellations, and choose the one that commands use.

    --context NAME chooses one for a single command, the variable HYPERVERSE_CONTEXT for a shell, and `use` permanently.
    Each context has its own token, which only the machines of that constellation ever see.
    """


@context.command()
@click.argument("name")
@click.option("--address", default="", metavar="ADDRESS", help="Address of a machine on another computer.")
@click.option("--server-key", default="", metavar="KEY", help="Public key that the machine at ADDRESS must prove.")
@click.option("--transport", default="", metavar="NAME", help="Lane transport of ADDRESS.")
@click.option(
    "--token-file", type=click.Path(path_type=Path, dir_okay=False, allow_dash=True), help="File with a token."
)
@common
def add(name: str, address: str, server_key: str, transport: str, token_file: Path | None) -> None:
    """Add the context NAME for --address, or for the data directory (that of --data-dir or of this folder).

    --token-file reads a token (- for stdin), which is tested before it is saved. Without it the context has no token:
    `hyperverse login --context NAME` asks for one. Until then, a context for a data directory uses the token in that
    directory.
    """
    check_name(name)
    contexts = user_contexts()
    if name in contexts.names():
        contexts.add(SavedContext(name))
    made = _elsewhere(name, address, server_key, transport) if address else _here(name, server_key, transport)
    agent = ""
    if token_file is not None:
        token = read_token(token_file)
        agent = asyncio.run(try_token(token, made))
        made = attrs.evolve(made, token=token, token_key=proven_key(made))
    contexts.add(made)
    if options().json:
        print_json({**_shown(made, contexts), **({"agent": agent} if agent else {})})
    elif not options().quiet:
        print(f"added: {name}{f', as {agent}' if agent else ''}")


@context.command("list")
@common
def list_() -> None:
    """List the contexts; * marks the one in use."""
    contexts = user_contexts()
    rows = [_shown(contexts.get(name), contexts) for name in contexts.names()]
    if options().json:
        print_json(rows)
        return
    lines = (("*" if row["in_use"] else "", row["name"], row["where"], "yes" if row["token"] else "no") for row in rows)
    table(("", "name", "where", "token"), lines)


@context.command()
@click.argument("name", required=False, default="")
@click.option("--none", is_flag=True, help="Use no context.")
@common
def use(name: str, none: bool) -> None:
    """Use the context NAME by default."""
    if bool(name) == none:
        raise click.UsageError("give the NAME of a context, or --none")
    user_contexts().use(name)
    if options().json:
        print_json({"in_use": name})
    elif not options().quiet:
        print(f"in use: {name}" if name else "no context is in use")


@context.command()
@click.argument("name")
@common
def remove(name: str) -> None:
    """Forget the context NAME and its token. The token itself stays valid."""
    user_contexts().remove(name)
    if options().json:
        print_json({"removed": name})
    elif not options().quiet:
        print(f"removed: {name}")


@context.command()
@click.argument("name", required=False, default="")
@common
def show(name: str) -> None:
    """Show the context NAME, or the one in use: where it is, and the key that its machines prove.

    Without any context it shows the data directory of this folder. Tokens are never shown.
    """
    contexts = user_contexts()
    chosen = contexts.get(name) if name else options().context() or SavedContext("", str(options().where()))
    shown = _shown(chosen, contexts)
    shown["server_key"] = chosen.server_key or proven_key(chosen)
    if options().json:
        print_json(shown)
        return
    for word in ("name", "where", "server_key"):
        print(f"{word.replace('_', ' '):<11}{shown[word] or '-'}")
    print(f"{'token':<11}{'yes' if shown['token'] else 'no'}")
    print(f"{'in use':<11}{'yes' if shown['in_use'] else 'no'}")


def _elsewhere(name: str, address: str, server_key: str, transport: str) -> SavedContext:
    """A context for an address. Raises UsageError if the key that must be proved there is not given."""
    if options().data_dir is not None:
        raise click.UsageError("a context is for an --address or for a --data-dir, not for both")
    if not server_key:
        raise click.UsageError(
            "--address needs --server-key, so that no other machine sees the token\n"
            "  hint: `hyperverse context show` on that computer prints it"
        )
    return SavedContext(name, address=address, server_key=server_key, transport=transport)


def _here(name: str, server_key: str, transport: str) -> SavedContext:
    """A context for the data directory. Raises UsageError."""
    if server_key or transport:
        raise click.UsageError("--server-key and --transport need --address")
    return SavedContext(name, data_dir=str(options().where()))


def _shown(context: SavedContext, contexts: Contexts) -> dict[str, Any]:
    return {
        "name": context.name,
        "where": context.address or context.data_dir,
        "token": bool(context.token),
        "in_use": bool(context.name) and contexts.in_use() == context.name,
    }
