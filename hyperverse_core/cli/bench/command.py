"""``hyperverse bench``: the speed of this computer, as ratios to references that are measured in the same run."""

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
from .row import Row
from .rows import STEPS, measure

__all__ = ["bench"]


@click.command()
@click.option("--quick", is_flag=True, help="Do a tenth of the work, for rough figures in a few seconds.")
@common
def bench(quick: bool) -> None:
    """Measure the speed of this computer.

    Each row compares an operation of a Hyperverse with the cheapest other way to do the same, measured in the same run;
    the ratio is what counts. Every figure is the minimum of five rounds. For waves, objects and bytes are the memory
    that each wave holds while it is in flight. A row above its bound is marked with !. The machine runs in a temporary
    directory, on the event loop of asyncio and, if it is installed, on uvloop.
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
    head = ("loop", "what", "took", "reference", "ratio", "at most", "objects", "bytes")
    table(head, [_cells(row) for row in rows])
    over = [row for row in rows if row.ratio is not None and row.at_most is not None and row.ratio > row.at_most]
    if over and not options().quiet:
        note(f"! {len(over)} of {len(rows)} rows are above their bound on this computer")


def _cells(row: Row) -> tuple[str, ...]:
    return (
        row.loop,
        row.name,
        f"{row.value:.1f} us",
        f"{row.reference} {row.reference_value:.1f} us",
        _ratio(row),
        f"{row.at_most:g}x",
        "" if row.objects is None else f"{row.objects:.0f}",
        "" if row.bytes is None else f"{row.bytes:,.0f}",
    )


def _ratio(row: Row) -> str:
    assert row.ratio is not None and row.at_most is not None
    good = row.ratio <= row.at_most
    return colour(f"{row.ratio:.2f}x{'' if good else ' !'}", "ok" if good else "failed")


@contextmanager
def _progress(runs: int) -> Iterator[Callable[[str], None]]:
    """Shows the progress: a bar on a terminal, else a line for each step, nothing with --quiet."""
    if options().quiet:
        yield lambda name: None
    elif not (sys.stderr.isatty() and on_terminal()):
        yield lambda name: note(f"measuring: {name}")
    else:
        from rich.console import Console
        from rich.progress import Progress

        with Progress(console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task("starting", total=STEPS * runs)
            yield lambda name: bar.update(task, description=name, advance=1)
