"""``hyperverse down``: stops the machines of a data directory."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import click
import filelock

from ..errors import TimedOut
from .options import common, options
from .output import print_json

__all__ = ["down"]

_LIMIT = 30.0


@click.command()
@click.option("--name", help="Stop this machine only.")
@common
def down(name: str | None) -> None:
    """Stop the machines of the data directory, gracefully, and wait until they are gone."""
    data_dir = options().where()
    stopped = asyncio.run(_stop_all(data_dir, name))
    for machine in stopped:
        _wait_gone(data_dir, machine["machine"])
    if options().json:
        print_json({"stopped": stopped})
    elif not options().quiet:
        for machine in stopped:
            print(f"stopped: machine {machine['machine']} (pid {machine['pid']})")


async def _stop_all(data_dir: Path, name: str | None) -> list[dict[str, Any]]:
    """Asks each machine to stop. Raises NoMachine when there is none."""
    from ..client import Client, NoMachine

    folder = data_dir / "machines"
    known = sorted(path.name for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []
    wanted: list[str | None] = [name] if name is not None or not known else [*known]
    stopped = []
    missing: NoMachine | None = None
    for machine in wanted:
        try:
            async with Client.connect(data_dir=data_dir, machine=machine) as client:
                status = await client.status()
                await client.stop()
        except NoMachine as exc:
            missing = exc
            continue
        stopped.append({"machine": status["machine"], "pid": status["pid"]})
    if not stopped and missing is not None:
        raise missing
    return stopped


def _wait_gone(data_dir: Path, machine: str) -> None:
    """Returns when the machine has let go of its lock, the last thing that it does."""
    lock = filelock.FileLock(data_dir / "machines" / machine / "lock", mode=0o600)
    try:
        with lock.acquire(timeout=_LIMIT, poll_interval=0.02):
            return
    except filelock.Timeout:
        raise TimedOut(
            f"machine {machine!r} has not stopped after {_LIMIT:.0f} s", hint="look at: hyperverse logs"
        ) from None
