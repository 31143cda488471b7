"""``hyperverse stubs``: the handlers of a Kind as a class for typed calls."""

from __future__ import annotations

from pathlib import Path

import click

from ..talk.connection import talk
from ..terminal.options import common, options
from ..terminal.output import print_json

__all__ = ["stubs"]


@click.command()
@click.argument("kind")
@click.option(
    "--output", "-o", type=click.Path(path_type=Path, dir_okay=False), help="File to write; stdout by default."
)
@common
def stubs(kind: str, output: Path | None) -> None:
    """Write a class with the handlers of KIND, for typed calls from Python.

    A program that does not have the package of the driver passes the class to `client.at(POINT, CLASS)`.
    """
    text: str = talk(lambda client: client.ask("GLOBAL::machine", "Ext<Stub>", {"kind": kind}))
    if output is not None:
        output.write_text(text, "utf-8")
    if options().json:
        print_json({"kind": kind, "text": text})
    elif output is None:
        print(text, end="")
