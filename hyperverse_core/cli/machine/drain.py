"""``hyperverse drain``: empties a machine before it is stopped."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from ..talk.connection import talk_to
from ..terminal.options import common, options
from ..terminal.output import note, print_json

if TYPE_CHECKING:
    from ...client import Client

__all__ = ["drain"]

_LIMIT = 300.0
_MACHINE = "GLOBAL::machine"


@click.command()
@click.argument("machine")
@common
def drain(machine: str) -> None:
    """Empty MACHINE before it is stopped.

    It takes no new particles; those that it has save their state, leave, and come back elsewhere at their next wave.
    No wave is lost.
    """
    left, stars = talk_to(machine, _drain)
    warning = _without_a_place(machine, stars)
    if options().json:
        print_json({"machine": machine, "left": left, "warning": warning})
        return
    if not options().quiet:
        print(f"drained: {left} particles have left machine {machine}; stop it with: hyperverse down --name {machine}")
    if warning:
        note(f"warning: {warning}")


async def _drain(client: Client) -> tuple[int, list[dict[str, Any]]]:
    left: int = await client.ask(_MACHINE, "Ext<Drain>", wait=_LIMIT)
    return left, await client.stars()


def _without_a_place(machine: str, stars: list[dict[str, Any]]) -> str:
    """A warning when a machine that was drained was the last one that took particles of some Kinds."""
    given_up = {kind for star in stars if star["machine"] == machine for kind in star["kinds"]}
    taken = {kind for star in stars if star["machine"] != machine and not star["draining"] for kind in star["kinds"]}
    homeless = sorted(given_up - taken)
    if not homeless:
        return ""
    return (
        f"no machine takes particles of these Kinds now: {', '.join(homeless)}; "
        f"waves to them are answered 503 until machine {machine} is started again, which ends the drain, "
        "or another machine takes them"
    )
