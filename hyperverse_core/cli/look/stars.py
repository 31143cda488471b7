"""``hyperverse stars``: the stars in the directory of the Hyperverse."""

from __future__ import annotations

from typing import Any

import click

from ..talk.connection import talk
from ..terminal.options import common, options
from ..terminal.output import print_json, table

__all__ = ["stars"]

_COLUMNS = ("star", "machine", "hops", "lanes", "particles", "lease")
_WIDE = ("star", "kind", "machine", "pid", "hops", "lanes", "particles", "lease", "address")


@click.command()
@click.option("--wide", is_flag=True, help="Also show the Kind, process and address of each star.")
@common
def stars(wide: bool) -> None:
    """List the stars of the Hyperverse.

    For each star: its machine, its distance in lanes from the machine that answers, the number of its lanes and
    particles, and its lease.
    """
    found: list[dict[str, Any]] = talk(lambda client: client.stars())
    if options().json:
        print_json(found)
        return
    columns = _WIDE if wide else _COLUMNS
    table(columns, [_row(star, columns) for star in found])


def _row(star: dict[str, Any], columns: tuple[str, ...]) -> list[Any]:
    shown = star | {
        "hops": "" if star["hops"] is None else star["hops"],
        "lanes": len(star["lanes"]),
        "lease": f"{star['lease']:g} s, draining" if star["draining"] else f"{star['lease']:g} s",
    }
    return [shown[key] for key in columns]
