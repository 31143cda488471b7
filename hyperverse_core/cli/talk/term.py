"""``hyperverse term``: an interactive terminal for the command language."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click
from prompt_toolkit import PromptSession
from prompt_toolkit.history import FileHistory, History, InMemoryHistory
from prompt_toolkit.patch_stdout import patch_stdout

from ...errors import HyperverseError
from ..terminal.failures import FAILED, Stop, describe
from ..terminal.options import common, options
from ..terminal.output import note
from ..terminal.shown import shown
from .script import run_script
from .term_completion import TermCompleter

if TYPE_CHECKING:
    from ...client import Client

__all__ = ["term"]

_LEAVE = ("exit", "quit")


@click.command()
@common
def term() -> None:
    """Type commands with history and completion.

    Tab completes commands, points and Kinds; Ctrl-D or `exit` leaves. When stdin is not a terminal, every line of it
    is run as a command.
    """
    data_dir = options().where()
    from ...client import Client

    async def run() -> bool:
        async with Client.connect(data_dir=data_dir, settings=options().lane_settings()) as client:
            if sys.stdin.isatty():
                return await _interactive(client, _history())
            return await _piped(client)

    if not asyncio.run(run()):
        raise Stop(FAILED)


def _history() -> History:
    path = options().where() / "term_history"
    try:
        path.touch(mode=0o600)
    except OSError:  # the data directory is read-only
        return InMemoryHistory()
    return FileHistory(str(path))


async def _interactive(client: Client, history: History) -> bool:
    session: PromptSession[str] = PromptSession(
        history=history, completer=TermCompleter(client), complete_while_typing=False
    )
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
        await _run_line(client, line)


async def _piped(client: Client) -> bool:
    good = True
    for line in sys.stdin:
        if line.strip() in _LEAVE:
            break
        good = await _run_line(client, line) and good
    return good


async def _run_line(client: Client, line: str) -> bool:
    """Runs one line and prints its results or its error. Returns whether all of its commands succeeded."""
    if not line.strip():
        return True
    try:
        return await run_script(client, line, folder=Path.cwd())
    except HyperverseError as exc:
        said = describe(exc)
        note(f"error: {shown(said['error'])}")
        for key in ("caret", "hint"):
            for text in str(said.get(key) or "").splitlines():
                note(f"  {text}" if key == "caret" else f"  {key}: {text}")
        return False
