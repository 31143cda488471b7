"""``hyperverse stars``: the stars of the whole Hyperverse, as its directory has them."""

from __future__ import annotations

from typing import Any

import click

from .options import common, options
from .output import print_json, table
from .talk import talk

__all__ = ["stars"]

_COLUMNS = ("star", "kind", "machine", "pid", "hops", "particles", "lease", "address")


@click.command()
@common
def stars() -> None:
    """List the stars: machine, process, how many lanes away, how many particles, and the lease."""
    found: list[dict[str, Any]] = talk(lambda client: client.stars())
    if options().json:
        print_json(found)
        return
    rows = [["" if star.get(key) is None else star[key] for key in _COLUMNS] for star in found]
    table(_COLUMNS, rows)
