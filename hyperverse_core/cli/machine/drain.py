"""``hyperverse drain``: empties a machine before it is stopped."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from ...errors import Conflict
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
@click.option("--force", is_flag=True, help="Drain even the last machine that accepts particles.")
@common
def drain(machine: str, force: bool) -> None:
    """Move all particles off MACHINE before you stop it.

    The machine accepts no new particles. Each particle on it finishes its current wave, saves its state and leaves; its
    next wave activates it on another machine. No wave is lost. The last machine that accepts particles is drained only
    with --force, because nothing would be left to answer waves.
    """
    left, stars = talk_to(machine, lambda client: _drain(client, machine, force))
    warning = _without_a_place(machine, stars)
    if options().json:
        print_json({"machine": machine, "left": left, "warning": warning})
        return
    if not options().quiet:
        print(f"drained: {left} particles have left machine {machine}; stop it with: hyperverse down --name {machine}")
    if warning:
        note(f"warning: {warning}")


async def _drain(client: Client, machine: str, force: bool) -> tuple[int, list[dict[str, Any]]]:
    if not force and _is_last(machine, await client.stars()):
        raise Conflict(
            f"{machine!r} is the last machine that accepts particles: after a drain nothing answers waves",
            hint="start another machine first, with `hyperverse up --join`, or add --force",
        )
    left: int = await client.ask(_MACHINE, "Ext<Drain>", wait=_LIMIT)
    return left, await client.stars()


def _is_last(machine: str, stars: list[dict[str, Any]]) -> bool:
    """Whether no star of another machine accepts particles of a Kind that this one hosts."""
    mine = {kind for star in stars if star["machine"] == machine for kind in star["kinds"]}
    return not any(
        mine.intersection(star["kinds"]) for star in stars if star["machine"] != machine and not star["draining"]
    )


def _without_a_place(machine: str, stars: list[dict[str, Any]]) -> str:
    """Returns a warning if no other machine accepts particles of some Kinds; otherwise an empty string."""
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
