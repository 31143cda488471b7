"""``hyperverse drain`` and ``hyperverse rebalance``: where particles live, moved while they work."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from .failures import FAILED, Stop
from .options import common, options
from .output import note, print_json, table
from .talk import talk_to

if TYPE_CHECKING:
    from ..client import Client

__all__ = ["drain", "rebalance"]

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


@click.command()
@click.option("--plan", is_flag=True, help="Show the moves and why (the default).")
@click.option("--apply", is_flag=True, help="Carry them out.")
@common
def rebalance(plan: bool, apply: bool) -> None:
    """Give every star its share of the particles.

    Particles move live, with their state; waves that come meanwhile find them.
    """
    if plan and apply:
        raise click.UsageError("give --plan, which moves nothing, or --apply, not both")
    body = {"apply": apply}
    found: dict[str, Any] = talk_to(None, lambda client: client.ask(_MACHINE, "Ext<Rebalance>", body, wait=_LIMIT))
    if options().json:
        print_json(found)
    else:
        _print_moves(found, apply)
    if apply and found["moves"] and not found["moved"]:
        raise Stop(FAILED)


def _print_moves(found: dict[str, Any], applied: bool) -> None:
    if found["moves"] and not options().quiet:
        head = ("point", "kind", "from", "to", "why")
        table(head, [[move[key] for key in head] for move in found["moves"]])
    if applied:
        print(f"moved: {found['moved']} of {len(found['moves'])}")
        if found["why"]:
            note(f"  why not all: {found['why']}" if found["moved"] else f"error: nothing moved: {found['why']}")
    elif found["moves"]:
        print(f"{len(found['moves'])} moves; carry them out with: hyperverse rebalance --apply")
    else:
        print("every star has its share: nothing to move")
