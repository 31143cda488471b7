"""``hyperverse token``: list, revoke and rotate tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from ..talk.connection import talk
from ..terminal.options import common, options
from ..terminal.output import note, print_json
from .users import point_of, print_tokens

if TYPE_CHECKING:
    from ...client import Client

__all__ = ["token", "whoami"]

_TOKENS = "GLOBAL::users"


@click.group()
def token() -> None:
    """List, revoke and rotate tokens. `hyperverse user token NAME` makes one.

    Commands name a token by its id, the beginning of its digest. When a token ends, its sessions end on every machine.
    """


@token.command("list")
@click.option("--user", "name", metavar="NAME", help="Only the tokens of this user.")
@common
def list_(name: str | None) -> None:
    """List the tokens that you may see, without their secrets."""
    agent = "" if name is None else point_of(name)
    found = _ask("Ext<Tokens>", {"agent": agent})
    print_tokens(found)
    if agent and not found:
        note(f"you may see no token of {agent!r}")


@token.command()
@click.argument("id")
@common
def revoke(id: str) -> None:
    """Revoke the token ID, and end its sessions."""
    row = _ask("Ext<RevokeToken>", {"id": id})
    if options().json:
        print_json(row)
    elif not options().quiet:
        print(f"revoked: {row['id']} of {row['agent']}")


@token.command()
@click.argument("id", required=False, default="")
@common
def rotate(id: str) -> None:
    """Revoke the token ID and print its replacement, alone on stdout.

    Without ID it replaces the token that you are logged in with. If that is the one in the data directory, the new
    token is written to its file instead of being printed.
    """
    from ...contracts.tokens import token_digest
    from ...data_dir.tokens import owner_token, replace_owner_token

    data_dir = options().where()
    owner = owner_token(data_dir)
    issued = _ask("Ext<RotateToken>", {"id": id})
    if owner and token_digest(owner).startswith(issued["ended"]):
        replace_owner_token(data_dir, issued["token"])
        if options().json:
            print_json({key: value for key, value in issued.items() if key != "token"})
        elif not options().quiet:
            print(f"rotated: the token of {data_dir}")
    elif options().json:
        print_json(issued)
    else:
        print(issued["token"])


@click.command()
@common
def whoami() -> None:
    """Print the agent that your commands act as."""
    found = _ask("Ext<WhoAmI>", {})
    if options().json:
        context = options().context()
        print_json({**found, "context": context.name if context is not None else ""})
    else:
        print(found["agent"])
        if found.get("scope") and not options().quiet:
            note(f"your token has the scope {found['scope']}")


def _ask(method: str, body: dict[str, Any]) -> Any:
    async def ask(client: Client) -> Any:
        return await client.ask(_TOKENS, method, body)

    return talk(ask)
