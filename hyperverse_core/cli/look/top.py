"""``hyperverse top``: the activity of the machines, updated continuously on a terminal."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from ...errors import HyperverseError
from ..terminal.options import common, options
from ..terminal.output import on_terminal, print_json, table_lines
from ..terminal.shown import shown

if TYPE_CHECKING:
    from ...client import Client

__all__ = ["top"]

_MACHINE = "GLOBAL::machine"
_SHOWN = 8


@click.command()
@click.option(
    "--interval", type=click.FloatRange(0.1, 10.0), default=1.0, show_default=True, help="Seconds of each measurement."
)
@click.option("--count", type=click.IntRange(min=1), help="Number of measurements; one unless stdout is a terminal.")
@common
def top(interval: float, count: int | None) -> None:
    """Show the machines, how many waves their handlers finish each second, slow handlers and failures.

    "loop %" is the share of time that the event loop is busy; near 100, waves wait for one another.

    On a terminal the view is live until Ctrl-C. Requires the privilege machine:load.
    """
    data_dir = options().where()
    settings = options().lane_settings()
    from ...client import Client, NoMachine
    from ...data_dir.endpoint_file import endpoint_files_in

    async def measured() -> list[dict[str, Any]]:
        names = [file.name for file in endpoint_files_in(data_dir)]
        if not names:
            raise NoMachine(f"no machine runs on {str(data_dir)!r}", hint="start one with `hyperverse up`")
        return list(await asyncio.gather(*(one(name) for name in names)))

    async def one(name: str) -> dict[str, Any]:
        try:
            async with Client.connect(data_dir=data_dir, machine=name, settings=settings) as client:
                return {"machine": name, "state": "up", **await _measure(client, interval)}
        except NoMachine:
            return {"machine": name, "state": "gone"}
        except HyperverseError as exc:
            return {"machine": name, "state": "down", "why": exc.message}

    _show(measured, count)


async def _measure(client: Client, seconds: float) -> dict[str, Any]:
    load = await client.ask(_MACHINE, "Ext<Load>", {"seconds": seconds}, wait=seconds + 15.0)
    status = await client.status()
    # Each star has its own particle, and the star of the machine also hosts sessions and the platform's own particles.
    particles = sum(max(0, star["particles"] - 1) for star in status["stars"] if star["kind"] != "Machine")
    return {**load, "particles": particles, "waiting": status["waiting"], "troubles": len(status["troubles"])}


def _show(measured: Any, count: int | None) -> None:
    live = on_terminal() and not options().json
    if not live:
        for _ in range(count or 1):
            rows = asyncio.run(measured())
            if options().json:
                print_json(rows)
            else:
                print("\n".join(_lines(rows)), flush=True)
        return
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

    done = 0
    with Live(console=Console(file=sys.stdout), auto_refresh=False, screen=count is None) as view:
        while count is None or done < count:
            view.update(Text("\n".join(_lines(asyncio.run(measured())))), refresh=True)
            done += 1


def _lines(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    head = ("machine", "state", "waves/s", "loop %", "particles", "waiting", "failures", "troubles")
    lines = table_lines(head, [_machine(row) for row in rows])
    for title, key in (("slow handlers", "slow"), ("failures", "failed")):
        found = [entry for row in rows for entry in row.get(key, ())]
        if found:
            lines += ["", title, *(_entry(entry, key) for entry in found[:_SHOWN])]
    return lines


def _machine(row: Mapping[str, Any]) -> list[str]:
    if row["state"] != "up":
        return [row["machine"], row["state"], "", "", "", "", "", shown(row.get("why", ""))]
    keys = ("particles", "waiting", "failures", "troubles")
    return [row["machine"], "up", f"{row['waves']:.0f}", f"{100 * row['loop']:.0f}", *(str(row[key]) for key in keys)]


def _entry(entry: Mapping[str, Any], key: str) -> str:
    where = shown(f"{entry['point']} {entry['method']}".strip())
    if key == "slow":
        return f"  {entry['slowest'] * 1000:9.1f} ms  {entry['count']:6} x  {where}"
    return f"  {entry['failed']:6} x  {where}: {shown(entry['last'])}"
