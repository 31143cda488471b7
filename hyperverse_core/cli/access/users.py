"""``hyperverse user``: users, and tokens for them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import click

from ...errors import BadRequest
from ..talk.connection import talk
from ..terminal.options import common, options
from ..terminal.output import print_json, table
from ..terminal.shown import shown

if TYPE_CHECKING:
    from ...client import Client

__all__ = ["point_of", "seconds", "user"]

_USERS = "hyperspace:users"
_TOKENS = "GLOBAL::users"
_LASTING = re.compile(r"([1-9][0-9]{0,8})([smhdw])")
_NAME = re.compile(r"[a-z][A-Za-z0-9-]*")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


def point_of(name: str) -> str:
    """Returns the point of a user: a bare name is a user below ``hyperspace:users``; a point is used as it is. Raises
    BadRequest."""
    if ":" in name:
        return name
    if _NAME.fullmatch(name) is None:
        raise BadRequest(
            f"{name!r} cannot be the name of a user",
            hint="use lower-case letters, digits and '-', a letter first, such as ada-1",
        )
    return f"{_USERS}:{name}"


def seconds(text: str) -> float:
    """Reads a time such as ``30d``: a number and one of ``s m h d w``. Raises BadParameter."""
    found = _LASTING.fullmatch(text)
    if found is None:
        raise click.BadParameter(f"{text!r} is not a time such as 90s, 15m, 12h, 30d or 8w")
    return float(int(found[1]) * _UNITS[found[2]])


@click.group()
def user() -> None:
    """Add, list and remove users, and make tokens for them.

    \b
    hyperverse user add scott
    hyperverse user token scott --expires 30d

    A bare NAME is a user below hyperspace:users; a point such as localhost:users:scott is used as it is. A new user can
    do nothing until somebody grants it access: see `hyperverse grant --help`.
    """


@user.command()
@click.argument("name")
@common
def add(name: str) -> None:
    """Create the user NAME and print its point."""
    point = point_of(name)
    _run(f"create {point}<User>")
    if options().json:
        print_json({"point": point})
    else:
        print(shown(point))


@user.command("list")
@common
def list_() -> None:
    """List all users, wherever their points are."""
    rows = [row for page in _pages("select **<User>") for row in page]
    if options().json:
        print_json(rows)
    else:
        for row in rows:
            print(shown(row["point"]))


@user.command()
@click.argument("name")
@common
def remove(name: str) -> None:
    """Delete the user NAME, with its tokens and the grants that it has made, and end its sessions."""
    point = point_of(name)
    _run(f"delete {point}<User>")
    if options().json:
        print_json({"point": point})
    elif not options().quiet:
        print(f"removed: {shown(point)}")


@user.command()
@click.argument("name")
@click.option("--expires", metavar="TIME", help="Time after which the token ends, such as 12h or 30d.")
@click.option("--scope", metavar="SCOPE", default="", help="Limits on what its bearer may do, such as 'None'.")
@click.option("--label", default="", help="Description of the token.")
@common
def token(name: str, expires: str | None, scope: str, label: str) -> None:
    """Make a token for the user NAME and print it, alone on stdout. It cannot be shown again.

    \b
    hyperverse user token scott --expires 30d > scott.token
    hyperverse user token ci --scope '{perm +csd-RwX on localhost:app+:**}'
    """
    point = point_of(name)
    lasts = None if expires is None else seconds(expires)

    async def ask(client: Client) -> dict[str, Any]:
        body = {"agent": point, "label": label, "scope": scope, "lasts": lasts}
        issued: dict[str, Any] = await client.ask(_TOKENS, "Ext<IssueToken>", body)
        return issued

    issued = talk(ask)
    if options().json:
        print_json(issued)
    else:
        print(issued["token"])


def _run(command: str) -> Any:
    """Runs one command and returns its body. Raises the error with which it ended."""

    async def work(client: Client) -> Any:
        (result,) = await client.exec(command, check=False)
        return result.unwrap()

    return talk(work)


def _pages(command: str) -> list[list[dict[str, Any]]]:
    from ..talk.pages import whole

    async def work(client: Client) -> list[list[dict[str, Any]]]:
        (result,) = await client.exec(command, check=False)
        result.unwrap()
        return [(await whole(client, result)).body["items"]]

    return talk(work)


def print_tokens(rows: list[dict[str, Any]]) -> None:
    """Prints tokens, without their secrets."""
    if options().json:
        print_json(rows)
        return
    from datetime import UTC, datetime

    def day(at: float | None) -> str:
        return "never" if at is None else datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M UTC")

    table(
        ("id", "agent", "label", "expires", "scope"),
        ((row["id"], row["agent"], row["label"], day(row["expires"]), row["scope"]) for row in rows),
    )
