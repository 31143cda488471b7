"""``hyperverse describe``: one particle, and why it cannot run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from ...errors import Unavailable
from ...universe.address.point import Point
from ..talk.connection import talk, talk_to
from ..terminal.options import common, options
from ..terminal.output import colour, heading, print_json
from ..terminal.shown import shown

if TYPE_CHECKING:
    from ...client import Client

__all__ = ["describe"]

_LIVES = {
    "active": "active",
    "idle": "idle: its next wave activates it",
    "failed": "failed: its next wave tries again",
    "unreachable": "its star cannot be reached",
    "stuck": "cannot run",
}
_COLOURS = {"active": "ok", "idle": "ok", "failed": "failed", "unreachable": "blocked", "stuck": "failed"}


@click.command()
@click.argument("point")
@common
def describe(point: str) -> None:
    """Show a particle: its Kind, owner, home, state of life, last save and failure, and why it cannot run."""
    text = Point.parse(point).text
    found = talk(lambda client: _ask(client, text))
    machine = found["machine"]
    if machine is not None and machine != found["answered_by"]:
        try:  # only the machine that hosts it knows its failures
            found = talk_to(machine, lambda client: _ask(client, text))
        except Unavailable:
            pass  # it has another data directory, or cannot be reached: show what the first machine knows
    if options().json:
        print_json(found)
        return
    _print(found)


async def _ask(client: Client, point: str) -> dict[str, Any]:
    found: dict[str, Any] = await client.ask("GLOBAL::machine", "Ext<Describe>", {"point": point})
    return found


def _print(found: Mapping[str, Any]) -> None:
    print(heading(f"{found['point']}<{found['kind']}>"))
    print(f"  owner:  {found['owner']}")
    home = f"{found['star']} on machine {found['machine']}" if found["machine"] else "none; its next wave chooses one"
    print(f"  home:   {home}")
    if found.get("placement"):  # an earlier release does not report it
        print(f"  placed: by {found['placement']}, the strategy of its Kind")
    print(f"  life:   {colour(_LIVES.get(found['life'], found['life']), _COLOURS.get(found['life'], ''))}")
    print(f"  status: {found['status']}")
    if found.get("saved") is not None:
        print(f"  saved:  {found['saved']:.0f} s ago")
    for depth, cause in enumerate(found["chain"]):
        print(f"  {'why:    ' if depth == 0 else '        '}{'  ' * depth}{shown(cause)}")
    if found["failure"] is not None:
        print(f"  failed: {found['failure']['ago']:.0f} s ago: {shown(found['failure']['what'])}")
    elif found["machine"]:
        print(f"  failed: {found['machine']} remembers no failure; `hyperverse logs` may show older ones")
