"""``hyperverse logs``: the log of a detached machine."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path

import click

from ...errors import NotFound
from ..terminal.options import common, options
from .log_setup import LOG_NAME, log_dir

__all__ = ["logs"]

_PAUSE = 0.2


@click.command()
@click.option("--follow", "-f", is_flag=True, help="Follow the log as new lines are written.")
@click.option(
    "--lines",
    "-n",
    type=click.IntRange(min=0),
    default=100,
    show_default=True,
    help="Number of last lines to print.",
)
@click.option("--name", help="Name of the machine; required if the data directory has several.")
@click.argument("particle", required=False, metavar="")
@common
def logs(follow: bool, lines: int, name: str | None, particle: str | None) -> None:
    """Read the log of a detached machine.

    Lines are printed as the machine wrote them: as text, or as JSON with `up --log-format json`.
    """
    if particle is not None:
        raise click.UsageError(
            f"only machines have logs, and {particle!r} is not an option\n"
            f"  hint: hyperverse watch {particle} --aspect Log, or hyperverse logs --name MACHINE"
        )
    path = log_dir(options().where(), name or _only_machine(options().where())) / LOG_NAME
    if not path.is_file():
        raise NotFound(
            f"no log file {str(path)!r}",
            hint="only a machine that was started with `hyperverse up --detach` writes one",
        )
    for line in _last(path, lines):
        print(line)
    if follow:
        for line in _following(path):
            print(line, flush=True)


def _only_machine(data_dir: Path) -> str:
    machines = data_dir / "machines"
    names = sorted(p.name for p in machines.iterdir() if p.is_dir()) if machines.is_dir() else []
    if not names:
        raise NotFound(f"no machine has ever run in {str(data_dir)!r}", hint="start one: hyperverse up --detach")
    if len(names) > 1:
        raise NotFound("the data directory has several machines", hint=f"add --name, one of {', '.join(names)}")
    return names[0]


def _last(path: Path, count: int) -> list[str]:
    """Returns the last lines, including those of the rotated file if the current one has fewer."""
    kept: deque[str] = deque(maxlen=count)
    for file in (path.with_name(path.name + ".1"), path):
        if file.is_file():
            with file.open(encoding="utf-8", errors="replace") as stream:
                kept.extend(line.rstrip("\n") for line in stream)
    return list(kept)


def _following(path: Path) -> Iterator[str]:
    """Yields new lines endlessly, across rotations."""
    stream = path.open(encoding="utf-8", errors="replace")
    stream.seek(0, 2)
    rest = ""
    while True:
        text = stream.read()
        if text:
            *whole, rest = (rest + text).split("\n")
            yield from whole
        elif path.is_file() and path.stat().st_ino != os.fstat(stream.fileno()).st_ino:
            *whole, rest = (rest + stream.read()).split("\n")  # the last lines before the rotation
            yield from whole
            stream.close()
            stream = path.open(encoding="utf-8", errors="replace")
        else:
            time.sleep(_PAUSE)
