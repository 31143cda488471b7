"""``hyperverse stars``: the stars of the whole Hyperverse, as its directory has them."""

from __future__ import annotations

from typing import Any

import click

from .options import common, options
from .output import print_json, table
from .talk import talk

__all__ = ["stars"]


@click.command()
@common
def stars() -> None:
    """List the stars: kind, machine, process, and how many particles live there."""
    found: list[dict[str, Any]] = talk(lambda client: client.stars())
    if options().json:
        print_json(found)
        return
    rows = [[star.get(key, "") for key in ("star", "kind", "machine", "pid", "particles")] for star in found]
    table(("star", "kind", "machine", "pid", "particles"), rows)
