"""``hyperverse exec``: runs a command or a script of the command language."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from ..terminal.failures import FAILED, Stop
from ..terminal.options import common
from .connection import talk
from .script import run_script
from .script_file import decoded

__all__ = ["execute"]


@click.command("exec")
@click.argument("text", required=False)
@click.option("--file", "-f", type=click.Path(path_type=Path, dir_okay=False), help="Script to run.")
@click.option("--keep-going", "-k", is_flag=True, help="Continue after a command that failed.")
@common
def execute(text: str | None, file: Path | None, keep_going: bool) -> None:
    """Run a command or a script; `-` reads the script from stdin.

    \b
    hyperverse exec 'create localhost<Space>'
    hyperverse exec 'ping localhost Cmd<Bounce>'
    hyperverse exec -f setup.hv

    In a file or on stdin end every command with `;`; in TEXT the last `;` is optional. The script stops at the first
    failure. --json prints one object for each command, with its status, outcome, body and receipt.
    """
    script = _script(text, file)

    folder = file.parent if file is not None else Path.cwd()
    typed = file is None and text != "-"  # a file or a stream may have been cut off
    if not talk(lambda client: run_script(client, script, folder=folder, keep_going=keep_going, typed=typed)):
        raise Stop(FAILED)


def _script(text: str | None, file: Path | None) -> str:
    if (text is None) == (file is None):
        raise click.UsageError("give a command, or -f FILE, or - for stdin")
    if file is not None:
        return decoded(file.read_bytes(), repr(str(file)))
    if text != "-":
        return text or ""
    stream = getattr(sys.stdin, "buffer", None)
    return decoded(stream.read(), "stdin") if stream is not None else sys.stdin.read()
