"""``hyperverse kinds``: the Kinds that can be created."""

from __future__ import annotations

import click

from ..talk.connection import talk
from ..terminal.options import common, options
from ..terminal.output import print_json, table

__all__ = ["kinds"]


@click.command()
@common
def kinds() -> None:
    """List the Kinds that can be created, and the plugin that serves each."""
    found = talk(lambda client: client.kinds())
    if options().json:
        print_json(found)
        return
    rows = [[kind.get(key, "") or "" for key in ("kind", "plugin", "doc")] for kind in found]
    table(("kind", "plugin", "doc"), rows)
