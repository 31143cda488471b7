"""``hyperverse login``: keeps a token for the commands of this user of the computer."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..talk.connection import destination, forget_login, keep_login
from ..terminal.options import common, options
from ..terminal.output import print_json
from ..terminal.shown import shown

if TYPE_CHECKING:
    from ...data_dir.contexts import SavedContext

__all__ = ["login", "logout", "read_token", "try_token"]


@click.command()
@click.option(
    "--token-file", type=click.Path(path_type=Path, dir_okay=False, allow_dash=True), help="File with the token."
)
@common
def login(token_file: Path | None) -> None:
    """Save a token, so that your commands for this data directory, or for --context, act as its user.

    The token is read from --token-file (- for stdin), or else from a prompt that does not echo it; never from an
    argument, which others on this computer could read. It is saved together with the key that the machines of the data
    directory prove, and is never shown to a machine with another key.
    """
    token = read_token(token_file)
    agent = asyncio.run(try_token(token))
    keep_login(token)
    if options().json:
        print_json({"agent": agent})
    elif not options().quiet:
        print(f"logged in: {shown(agent)}")


@click.command()
@common
def logout() -> None:
    """Forget the token that `hyperverse login` saved for this data directory or for --context; it stays valid."""
    gone = forget_login()
    if options().json:
        print_json({"forgotten": gone})
    elif not options().quiet:
        print("logged out" if gone else "you were not logged in")


def read_token(token_file: Path | None) -> str:
    """Returns the token in a file (``-`` for stdin), or else the one typed at a prompt, without white space around it.

    Raises:
        UsageError: there is no token, or the text cannot be one.
    """
    if token_file is None:
        text: str = click.prompt("Token", hide_input=True, err=True)
    elif str(token_file) == "-":
        text = sys.stdin.read()
    else:
        try:
            text = token_file.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as exc:
            why = exc.strerror if isinstance(exc, OSError) else "it is not text"
            raise click.UsageError(f"the token file {str(token_file)!r} cannot be read: {why}") from None
    token = text.strip()
    if not token:
        raise click.UsageError("the token is empty")
    if len(token.split()) > 1:
        raise click.UsageError("this is not a token: it contains white space")
    return token


async def try_token(token: str, context: SavedContext | None = None) -> str:
    """Returns the agent of the token. Raises Unauthorized.

    Args:
        context: the context to which it is sent; None for the destination of the user's commands.
    """
    from ...client import Client

    async with Client.connect(**destination(context, token)) as client:
        return client.agent.text
