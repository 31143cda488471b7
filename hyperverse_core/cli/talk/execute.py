"""``hyperverse exec``: runs a command or a script of the command language."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
import click

from ...errors import BadRequest
from ...universe.commands.words import COMMAND_HELP
from ..terminal.failures import FAILED, Stop
from ..terminal.options import common, options
from .connection import talk
from .doomed import Caution
from .script import run_script
from .script_file import decoded

if TYPE_CHECKING:
    from ...client import Client

__all__ = ["execute"]


class _WithLanguage(click.Command):
    """A command whose help lists the commands of the language."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Writes the list below the options."""
        with formatter.section("Commands of the language"):
            formatter.write_dl([(f"{word} {arguments}", text) for word, (arguments, text) in COMMAND_HELP.items()])
        with formatter.section("Example bodies"):
            formatter.write_text("""3, text, 'a text', {"by": 3}, ^[ FILE ]""")


@click.command("exec", cls=_WithLanguage)
@click.argument("text", required=False)
@click.option("--file", "-f", type=click.Path(path_type=Path, dir_okay=False), help="Script to run.")
@click.option("--keep-going", "-k", is_flag=True, help="Continue after a command that failed.")
@click.option("--yes", "-y", is_flag=True, help="Delete more than one particle without confirmation.")
@click.option("--dry-run", is_flag=True, help="List what the delete commands would delete, and delete nothing.")
@common
def execute(text: str | None, file: Path | None, keep_going: bool, yes: bool, dry_run: bool) -> None:
    """Run a command or a script; `-` reads the script from stdin.

    \b
    hyperverse exec 'create localhost<Space>'
    hyperverse exec 'ping localhost Cmd<Bounce>'
    hyperverse exec -f setup.hv

    In a file or on stdin end every command with `;`; in TEXT the last `;` is optional. The script stops at the first
    failure. --json prints one object for each command, with its status, outcome, body and receipt. Deleting more than
    one particle asks for confirmation on a terminal, and requires --yes elsewhere.
    """
    script = _script(text, file)

    folder = file.parent if file is not None else Path.cwd()
    typed = file is None and text != "-"  # a file or a stream may be incomplete
    if dry_run:
        script, typed = _dry(script, typed=typed), True
    caution = Caution(yes, ask_on_terminal if sys.stdin.isatty() and not options().json else None)

    async def run(client: Client) -> bool:
        return await run_script(client, script, folder=folder, caution=caution, keep_going=keep_going, typed=typed)

    if not talk(run):
        raise Stop(FAILED)


def _dry(script: str, *, typed: bool) -> str:
    """Returns a script of delete commands that delete nothing. Raises ParseError, BadRequest for another command."""
    from ...universe.commands.command import Delete
    from ...universe.commands.script import iter_script

    dry = []
    for one in iter_script(script, typed=typed):
        if not isinstance(one.command, Delete):
            raise BadRequest(
                f"--dry-run is for delete commands, and line {one.line} has another command: {one.source}",
                hint="append the word dry-run to grant, revoke and chown commands",
            )
        dry.append(str(attrs.evolve(one.command, dry_run=True)))
    return "; ".join(dry)


async def ask_on_terminal(question: str) -> bool:
    """Asks the user on the terminal, and returns whether the answer is yes."""
    return click.confirm(question, err=True)


def _script(text: str | None, file: Path | None) -> str:
    if (text is None) == (file is None):
        raise click.UsageError("give a command, or -f FILE, or - for stdin")
    if file is not None:
        return decoded(file.read_bytes(), repr(str(file)))
    if text != "-":
        return text or ""
    stream = getattr(sys.stdin, "buffer", None)
    return decoded(stream.read(), "stdin") if stream is not None else sys.stdin.read()
