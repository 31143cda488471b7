"""``hyperverse bench``: the speed of this computer, as ratios against references of the same run."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from ...config import Log
from ..machine.log_setup import set_up
from ..machine.serve import loop_factory
from ..terminal.options import common, options
from ..terminal.output import colour, note, on_terminal, print_json, table
from .rows import ROWS, Row, measure

__all__ = ["bench"]


@click.command()
@click.option("--quick", is_flag=True, help="A tenth of the work: rough figures in a few seconds.")
@common
def bench(quick: bool) -> None:
    """Measure the speed of this computer.

    Each row compares something that a Hyperverse does with the least that could do it, measured in the same run;
    what counts is the ratio. The machine runs in a temporary directory, on asyncio's own event loop and, where it is
    installed, on uvloop.
    """
    set_up(Log(level="error"))
    rows: list[Row] = []
    loops = [None] if loop_factory() is None else [None, loop_factory()]
    with _progress(len(loops)) as step:
        for loop in loops:
            with (
                tempfile.TemporaryDirectory(prefix="hyperverse-bench-") as folder,
                asyncio.Runner(loop_factory=loop) as runner,
            ):
                rows += runner.run(measure(Path(folder), 0.1 if quick else 1.0, step))
    if options().json:
        for row in rows:
            print_json(row.plain())
        return
    table(
        ("loop", "what", "took", "reference", "ratio", "at most"),
        [(r.loop, r.what, _us(r.seconds), f"{r.reference} {_us(r.base)}", _ratio(r), f"{r.at_most:g}x") for r in rows],
    )


def _us(seconds: float) -> str:
    return f"{seconds * 1e6:.1f} us"


def _ratio(row: Row) -> str:
    good = row.ratio <= row.at_most
    return f"{row.ratio:.2f}x" if not on_terminal() else colour(f"{row.ratio:.2f}x", "ok" if good else "failed")


@contextmanager
def _progress(runs: int) -> Iterator[Callable[[str], None]]:
    """Shows how far it is: a bar on a terminal, else a line for each row, nothing with --quiet."""
    if options().quiet:
        yield lambda name: None
    elif not (sys.stderr.isatty() and on_terminal()):
        yield lambda name: note(f"measuring: {name}")
    else:
        from rich.console import Console
        from rich.progress import Progress

        with Progress(console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task("starting", total=len(ROWS) * runs)
            yield lambda name: bar.update(task, description=name, advance=1)
