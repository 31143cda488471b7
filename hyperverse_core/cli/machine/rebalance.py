"""``hyperverse rebalance``: moves particles so that every star has its share."""

from __future__ import annotations

from typing import Any

import click

from ..talk.connection import talk_to
from ..terminal.failures import FAILED, Stop
from ..terminal.options import common, options
from ..terminal.output import note, print_json, table

__all__ = ["rebalance"]

_LIMIT = 300.0
_MACHINE = "GLOBAL::machine"


@click.command()
@click.option("--plan", is_flag=True, help="Show the moves and their reasons (the default).")
@click.option("--apply", is_flag=True, help="Carry out the moves.")
@common
def rebalance(plan: bool, apply: bool) -> None:
    """Move particles so that every star has its share.

    Particles move with their state, without stopping. Waves that arrive during a move reach them.
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
