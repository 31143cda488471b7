"""``hyperverse publish``, and the output of this plugin's commands."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click

from hyperverse_core.commands import common, options, talk

__all__ = ["counted", "in_bytes", "print_json", "progress", "publish"]


@click.command()
@click.argument("source", type=click.Path(path_type=Path))
@click.argument("point")
@common
def publish(source: Path, point: str) -> None:
    """Publish the folder or zip file SOURCE as the version POINT, such as localhost:repo:my:1.0.0.

    Content that the machine already has is not sent again, and an interrupted upload resumes where it stopped. A
    version never changes, and it is published completely or not at all.
    """
    from hyperverse_core import Point

    from .manifest import Budget
    from .publishing import compiled
    from .publishing import publish as send
    from .sources import sources_of

    whole = Budget(files=1_000_000, bytes=1 << 40)  # the machine decides
    with sources_of(source, whole) as sources:
        size = sum(one.size for one in sources)
        with progress(size) as bar:
            manifest = talk(lambda client: send(client, sources, Point.parse(point), bar.update))
        if not options().json and not options().quiet:
            click.echo(f"published: {point} ({counted(len(sources), 'file')}, {in_bytes(size)})")
        rows = talk(lambda client: compiled(client, sources, Point.parse(point)))
    if options().json:
        print_json({"point": point, "files": [entry.plain() for entry in manifest.entries], "mechtrons": rows})
        return
    for row in rows:
        if "error" in row:
            click.echo(f"warning: {row['document']} would be refused: {row['error']}", err=True)
            click.echo(f"hint: {row['hint']}" if row["hint"] else "", err=True, nl=bool(row["hint"]))
        elif not options().quiet:
            _tell(row)


def _tell(row: dict[str, Any]) -> None:
    """Describes a WebAssembly module."""
    if row.get("elsewhere"):
        click.echo(f"{row['document']}: its module is {row['module']}")
        return
    click.echo(f"{row['document']}: {row['module']} is a {row['kind']}, and is compiled")
    for title in ("imports", "exports"):
        click.echo(f"  {title}: {', '.join(row[title]) or 'none'}")


def progress(size: int, label: str = "sending") -> Any:
    """Returns a progress bar on stderr, which is shown only on a terminal."""
    hidden = options().json or options().quiet or not sys.stderr.isatty()
    return click.progressbar(length=size, label=label, file=sys.stderr, hidden=hidden)


def print_json(value: Any) -> None:
    """Prints one value as JSON."""
    click.echo(json.dumps(value))


def counted(number: int, what: str) -> str:
    """A count with its noun, for people."""
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"


def in_bytes(size: int) -> str:
    """A number of bytes, for people."""
    return counted(size, "byte") if size < 10_000 else f"{size / 1e6:,.1f} MB"
