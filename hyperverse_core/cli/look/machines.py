"""``hyperverse machines``: the machines of the Hyperverse, including those that are gone."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from ..talk.connection import talk
from ..terminal.options import common, options
from ..terminal.output import print_json, table

if TYPE_CHECKING:
    from ...client import Client

__all__ = ["machines"]

_LEAVES: Final = 20.0
"""Seconds that a removed machine may take to stop."""
_LOOK: Final = 0.1


@click.group(invoke_without_command=True)
@common
@click.pass_context
def machines(ctx: click.Context) -> None:
    """List the machines, including those of this data directory that do not run; invite others, or remove them.

    A machine is up, draining, or gone. A machine that is gone has run on this data directory, and has no stars now.
    """
    if ctx.invoked_subcommand is not None:
        return
    data_dir = options().where()
    from ...client import NoMachine

    try:
        stars: list[dict[str, Any]] = talk(_stars)
    except NoMachine:
        stars = []
    found = _machines(stars, data_dir)
    if not found:
        raise NoMachine(f"no machine has run on {str(data_dir)!r}", hint="start one with `hyperverse up`")
    if options().json:
        print_json(found)
        return
    head = ("machine", "state", "pid", "stars", "particles")
    table(head, [[row[key] for key in head] for row in found], state=1)


async def _stars(client: Client) -> list[dict[str, Any]]:
    return list(await client.stars())


def _machines(stars: list[dict[str, Any]], data_dir: Path) -> list[dict[str, Any]]:
    rows: dict[str, dict[str, Any]] = {}
    for star in stars:
        row = rows.setdefault(
            star["machine"],
            {"machine": star["machine"], "state": "up", "pid": star["pid"], "stars": 0, "particles": 0},
        )
        row["stars"] += 1
        row["particles"] += star["particles"]
        if star["draining"]:
            row["state"] = "draining"
    folder = data_dir / "machines"
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if path.is_dir() and path.name not in rows:
            rows[path.name] = {"machine": path.name, "state": "gone", "pid": "", "stars": 0, "particles": 0}
    return [rows[name] for name in sorted(rows)]


@machines.command()
@click.option(
    "--minutes",
    type=click.FloatRange(0, 7 * 24 * 60, min_open=True),
    default=15.0,
    show_default=True,
    help="Minutes for which the invitation is valid.",
)
@common
def invite(minutes: float) -> None:
    """Print an invitation for one host, alone on stdout.

    Start a machine on the new host with the invitation in the variable HYPERVERSE_INVITATION, or in a file that
    `hyperverse up --invitation FILE` reads. Requires the privilege machine:keys on GLOBAL::machine.
    """
    text: str = talk(lambda client: client.ask("GLOBAL::machine", "Ext<Invite>", {"seconds": minutes * 60}))
    if options().json:
        print_json({"invitation": text, "minutes": minutes})
    else:
        print(text)


@machines.command()
@click.argument("names", metavar="NAME...", nargs=-1, required=True)
@common
def remove(names: tuple[str, ...]) -> None:
    """Remove the machines NAME and wait until they have left: their lanes end within a second, and they stop.

    Requires the privilege machine:keys on GLOBAL::machine.
    """
    for name in names:
        _remove(name)
        if not options().json and not options().quiet:
            print(f"removed: machine {name}")
    if options().json:
        print_json(list(names))


def _remove(name: str) -> None:
    if not talk(lambda client: _removed(client, name)):
        click.echo(f"machine {name} has not stopped yet; it counts as gone when its lease ends", err=True)


async def _removed(client: Client, name: str) -> bool:
    """Removes a machine. Returns whether it leaves within a short time."""
    import asyncio

    await client.ask("GLOBAL::machine", "Ext<RemoveMachine>", {"machine": name})
    until = asyncio.get_running_loop().time() + _LEAVES
    while any(star["machine"] == name for star in await client.stars()):
        if asyncio.get_running_loop().time() > until:
            return False
        await asyncio.sleep(_LOOK)
    return True
