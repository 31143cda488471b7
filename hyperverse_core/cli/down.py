"""``hyperverse down``: stops the machine of a data directory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from .options import common, options
from .output import print_json
from .talk import talk

if TYPE_CHECKING:
    from ..client import Client

__all__ = ["down"]


@click.command()
@common
def down() -> None:
    """Stop the machine of the data directory, gracefully, and wait until it is gone."""

    async def stop(client: Client) -> dict[str, Any]:
        status: dict[str, Any] = await client.status()
        await client.stop()
        return status

    status = talk(stop)
    stopped = {"machine": status.get("machine"), "pid": status.get("pid"), "state": "Done"}
    if options().json:
        print_json(stopped)
    elif not options().quiet:
        print(f"stopped: machine {stopped['machine']} (pid {stopped['pid']})")
