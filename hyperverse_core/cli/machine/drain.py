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
    """Move all particles off MACHINE before you stop it.

    The machine accepts no new particles. Each particle on it finishes its current wave, saves its state and leaves; its
    next wave activates it on another machine. No wave is lost.
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
    """Returns a warning when no other machine accepts particles of some Kinds; empty when all have a place."""
    given_up = {kind for star in stars if star["machine"] == machine for kind in star["kinds"]}
    taken = {kind for star in stars if star["machine"] != machine and not star["draining"] for kind in star["kinds"]}
    homeless = sorted(given_up - taken)
    if not homeless:
        return ""
    return (
        f"no machine accepts particles of these Kinds now: {', '.join(homeless)}; "
        f"waves to them are answered with 503 until machine {machine} is restarted, which ends the drain, "
        "or another machine accepts them"
    )
