"""``hyperverse demo``: starts a machine, kills it under load, starts it again, and compares.

Every line that it prints comes from an answer of the machine.
"""

from __future__ import annotations

import asyncio
import importlib.resources
import shutil
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..terminal.failures import FAILED, Stop
from ..terminal.options import common, options
from ..terminal.output import on_terminal, print_json
from .child_machine import ChildMachine
from .load import DemoLedger, add_until, read_all

if TYPE_CHECKING:
    from ...client import Client

__all__ = ["demo"]

_FILES = ("hyperverse.toml", "hyperverse_local.py")


@click.command()
@click.option("--counters", type=click.IntRange(1, 10_000), default=100, show_default=True, help="Number of counters.")
@click.option("--seconds", type=click.FloatRange(0.1, 60.0), default=2.0, show_default=True, help="Seconds of load.")
@common
def demo(counters: int, seconds: float) -> None:
    """Watch a Hyperverse survive kill -9.

    Starts a machine in a temporary directory, creates particles with the command language, sends waves to them, kills
    the machine with SIGKILL under load, starts it again, and compares the values with those that it acknowledged.
    """
    folder = options().data_dir or Path(tempfile.mkdtemp(prefix="hyperverse-demo-"))
    try:
        good = asyncio.run(_Demo(folder, counters, seconds).run())
    finally:
        if options().data_dir is None:
            shutil.rmtree(folder, ignore_errors=True)
    if not good:
        raise Stop(FAILED)


class _Demo:
    def __init__(self, folder: Path, counters: int, seconds: float) -> None:
        self._machine = ChildMachine(_write_files(folder), folder / "data")
        self._points = [f"localhost:hits:c{number}" for number in range(1, counters + 1)]
        self._seconds = seconds
        self._ledger = DemoLedger.of(self._points)

    async def run(self) -> bool:
        """Runs the whole demo. Returns whether nothing was lost."""
        from ...client import Client

        try:
            await self._up("started")
            async with Client.connect(data_dir=self._machine.data_dir) as client:
                await self._create(client)
                await self._load_and_kill(client)
            await self._up("started again")
            async with Client.connect(data_dir=self._machine.data_dir) as client:
                good = await self._compare(client)
            code = await self._machine.stop()
            self._say(code == 0, f"stopped gracefully, exit code {code}", step="stopped", code=code)
        finally:
            await self._machine.kill()
        if good and not options().json and not options().quiet:
            print("\nnext: hyperverse up --detach && hyperverse exec 'create localhost<Space>' && hyperverse tree")
        return good and code == 0

    async def _up(self, word: str) -> None:
        began = time.monotonic()
        status = await self._machine.start()
        took = time.monotonic() - began
        self._say(
            status["state"] == "Ready",
            f"{word}: machine {status['machine']}, pid {status['pid']}, {len(status['stars'])} stars, "
            f"{len(status['drivers'])} Kinds, ready in {took:.2f} s",
            step=word,
            pid=status["pid"],
            seconds=took,
        )

    async def _create(self, client: Client) -> None:
        for command in ("create localhost<Space>", "create localhost:hits<Base>"):
            (result,) = await client.exec(command, check=False)
            stub = result.unwrap()
            self._say(result.ok, f"{command} -> {result.status} {stub['point']}<{stub['kind']}>", **stub)
        began = time.monotonic()
        commands = [f"create {point}<Counter>" for point in self._points]
        created = await asyncio.gather(*(client.exec(command, check=False) for command in commands))
        stubs = [result.unwrap() for (result,) in created]
        took = time.monotonic() - began
        self._say(
            True,
            f"{commands[0]} ... {len(stubs)} of them, each durable, in {took:.2f} s",
            step="created",
            counters=len(stubs),
            seconds=took,
        )
        text = f'ping {self._points[0]} Ext<Add> {{"by": 3}}'
        (result,) = await client.exec(text, check=False)
        self._ledger.acknowledged[self._points[0]] += 3
        self._say(result.ok, f"{text} -> {result.status} {result.unwrap()}", step="ping", value=result.body)

    async def _load_and_kill(self, client: Client) -> None:
        end = asyncio.Event()
        load = asyncio.create_task(add_until(client, self._ledger, end))
        await asyncio.sleep(self._seconds)
        code = await self._machine.kill()
        end.set()
        await load
        ledger = self._ledger
        total, open_ = sum(ledger.acknowledged.values()), sum(1 for by in ledger.unknown.values() if by)
        self._say(
            ledger.waves > 0,
            f"{ledger.waves} waves answered in {self._seconds:.1f} s, {total} added and acknowledged as durable",
            step="load",
            waves=ledger.waves,
            acknowledged=total,
        )
        self._say(
            code == -9,
            f"killed with SIGKILL under load (exit code {code}); {open_} waves ended without an answer",
            step="killed",
            code=code,
            unknown=open_,
        )

    async def _compare(self, client: Client) -> bool:
        values = await read_all(client, self._points)
        lost = self._ledger.lost(values)
        kept, acknowledged = sum(values.values()), sum(self._ledger.acknowledged.values())
        extra = f", {kept - acknowledged} more from waves that were not answered" if kept > acknowledged else ""
        self._say(
            not lost,
            f"{len(values) - len(lost)} of {len(values)} counters have every acknowledged value: "
            f"{acknowledged} acknowledged, {kept} found{extra}",
            step="compared",
            acknowledged=acknowledged,
            found=kept,
            lost=lost,
        )
        return not lost

    def _say(self, good: bool, text: str, **facts: Any) -> None:
        if options().json:
            print_json({"ok": good, "text": text, **facts})
            return
        mark = "ok " if good else "NOT"
        print(f"{click.style(mark, fg='green' if good else 'red') if on_terminal() else mark} {text}", flush=True)


def _write_files(folder: Path) -> Path:
    """Writes the config of the demo and, beside it, the driver of Counter as a local plugin. Returns the path of the
    config."""
    folder.mkdir(parents=True, exist_ok=True)
    files = importlib.resources.files(__package__) / "files"
    for name in _FILES:
        (folder / name).write_text((files / f"{name}.txt").read_text("utf-8"), "utf-8")
    return folder / _FILES[0]
