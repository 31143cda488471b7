"""``hyperverse login``: keeps a token for the commands of this user of the computer."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

import click

from ..talk.connection import forget_login, keep_login
from ..terminal.options import common, options
from ..terminal.output import print_json
from ..terminal.shown import shown

__all__ = ["login", "logout"]


@click.command()
@click.option(
    "--token-file", type=click.Path(path_type=Path, dir_okay=False, allow_dash=True), help="File with the token."
)
@common
def login(token_file: Path | None) -> None:
    """Keep a token, so that your commands for this data directory act as its user.

    The token is read from --token-file (- for stdin), else from a prompt that does not show it; never from an argument,
    which others on this computer could read. It is kept for the key that the machines of the data directory prove, and
    is shown to no other.
    """
    token = _read(token_file)
    agent = asyncio.run(_try(token))
    keep_login(options().where(), token)
    if options().json:
        print_json({"agent": agent})
    elif not options().quiet:
        print(f"logged in: {shown(agent)}")


@click.command()
@common
def logout() -> None:
    """Forget the token that `hyperverse login` has kept for this data directory; it goes on to be valid."""
    gone = forget_login(options().where())
    if options().json:
        print_json({"forgotten": gone})
    elif not options().quiet:
        print("logged out" if gone else "nobody was logged in")


def _read(token_file: Path | None) -> str:
    if token_file is None:
        text: str = click.prompt("Token", hide_input=True, err=True)
    elif str(token_file) == "-":
        text = sys.stdin.read()
    else:
        text = token_file.read_text("utf-8")
    token = text.strip()
    if not token:
        raise click.UsageError("the token is empty")
    return token


async def _try(token: str) -> str:
    """Returns the agent of the token. Raises Unauthorized."""
    from ...client import Client

    settings: dict[str, Any] = options().lane_settings()
    async with Client.connect(data_dir=options().where(), token=token, settings=settings) as client:
        return client.agent.text
