"""``hyperverse stars``: the stars in the directory of the Hyperverse."""

from __future__ import annotations

from typing import Any

import click

from ..talk.connection import talk
from ..terminal.options import common, options
from ..terminal.output import print_json, table

__all__ = ["stars"]

_COLUMNS = ("star", "kind", "machine", "pid", "hops", "lanes", "particles", "lease", "address")


@click.command()
@common
def stars() -> None:
    """List the stars of the Hyperverse.

    For each star: its machine and process, its distance in lanes from the machine that answers, the number of its lanes
    and particles, and its lease.
    """
    found: list[dict[str, Any]] = talk(lambda client: client.stars())
    if options().json:
        print_json(found)
        return
    table(_COLUMNS, [_row(star) for star in found])


def _row(star: dict[str, Any]) -> list[Any]:
    shown = star | {
        "hops": "" if star["hops"] is None else star["hops"],
        "lanes": len(star["lanes"]),
        "lease": f"{star['lease']:g} s, draining" if star["draining"] else f"{star['lease']:g} s",
    }
    return [shown[key] for key in _COLUMNS]
