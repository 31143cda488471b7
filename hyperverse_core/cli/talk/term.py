"""``hyperverse term``: an interactive terminal for the command language."""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click
from prompt_toolkit import PromptSession
from prompt_toolkit.history import FileHistory, History, InMemoryHistory
from prompt_toolkit.patch_stdout import patch_stdout

from ...errors import HyperverseError
from ...universe.commands.words import COMMAND_HELP
from ..terminal.failures import FAILED, Stop, describe
from ..terminal.options import common, options
from ..terminal.output import note
from ..terminal.shown import shown
from .connection import destination
from .doomed import Caution
from .script import run_script
from .term_completion import TermCompleter

if TYPE_CHECKING:
    from ...client import Client

__all__ = ["term"]

_LEAVE = ("exit", "quit")
_HELP = ("help", "?")
_SETS = re.compile(r"[+][@a-z0-9.-]+\s*=")


@click.command()
@click.option("--yes", "-y", is_flag=True, help="Delete more than one particle without confirmation.")
@common
def term(yes: bool) -> None:
    """Type commands with history and completion.

    `help` or `?` lists the commands, `help COMMAND` explains one. Tab completes commands, points, Kinds, methods and
    properties. Ctrl-D or `exit` leaves. If stdin is not a terminal, each of its lines is run as a command; deleting
    more than one particle then requires --yes.
    """
    where = destination()
    from ...client import Client

    async def run() -> bool:
        async with Client.connect(**where) as client:
            if sys.stdin.isatty():
                return await _interactive(client, _history(), yes)
            return await _piped(client, Caution(yes))

    if not asyncio.run(run()):
        raise Stop(FAILED)


class _WithoutValues(FileHistory):
    """Saves only commands without values of properties to its file, because the values may be secret. Other commands
    are kept until the terminal ends."""

    def store_string(self, string: str) -> None:
        if _SETS.search(string) is None:
            super().store_string(string)


def _history() -> History:
    context = options().context()
    if context is not None and not context.data_dir:
        return InMemoryHistory()
    path = options().where() / "term_history"
    try:
        path.touch(mode=0o600)
    except OSError:  # the data directory is read-only
        return InMemoryHistory()
    return _WithoutValues(str(path))


async def _interactive(client: Client, history: History, yes: bool) -> bool:
    session: PromptSession[str] = PromptSession(
        history=history, completer=TermCompleter(client), complete_while_typing=False
    )
    answers: PromptSession[str] = PromptSession(history=InMemoryHistory())

    async def ask(question: str) -> bool:
        try:
            return (await answers.prompt_async(f"{question} [y/N] ")).strip().lower() in ("y", "yes")
        except (KeyboardInterrupt, EOFError):
            return False

    caution = Caution(yes, ask)
    while True:
        try:
            with patch_stdout():
                line = await session.prompt_async("hyperverse> ")
        except KeyboardInterrupt:
            continue
        except EOFError:
            return True
        if line.strip() in _LEAVE:
            return True
        await _run_line(client, line, caution)


async def _piped(client: Client, caution: Caution) -> bool:
    good = True
    for line in sys.stdin:
        if line.strip() in _LEAVE:
            break
        good = await _run_line(client, line, caution) and good
    return good


def _explain(words: Sequence[str]) -> bool:
    """Prints help about the named commands of the language, or about all of them."""
    chosen = [word for word in COMMAND_HELP if not words or word in words]
    for word in chosen:
        arguments, text = COMMAND_HELP[word]
        print(f"{word} {arguments}\n    {text}")
    if not words:
        print("help COMMAND\n    Explain one command.\nexit\n    Leave.")
    if not chosen:
        note(f"error: there is no command {words[0]!r}\n  hint: `help` lists all")
    return bool(chosen)


async def _run_line(client: Client, line: str, caution: Caution) -> bool:
    """Runs one line and prints its results or its error. Returns whether all of its commands succeeded."""
    words = line.strip().rstrip(";").split()
    if not words:
        return True
    if words[0].lower() in _HELP:
        return _explain(words[1:])
    try:
        return await run_script(client, line, folder=Path.cwd(), caution=caution)
    except HyperverseError as exc:
        said = describe(exc)
        note(f"error: {shown(said['error'])}")
        for key in ("caret", "hint"):
            for text in str(said.get(key) or "").splitlines():
                note(f"  {text}" if key == "caret" else f"  {key}: {text}")
        return False
