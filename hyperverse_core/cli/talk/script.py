"""Runs commands through a client and prints each result as it arrives."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from ...errors import BadRequest
from ..terminal.options import options
from .doomed import Caution, pieces_of
from .pages import whole, with_later_pages
from .results import print_result

if TYPE_CHECKING:
    from ...client import Client
    from ...client.api import Result
    from ...universe.commands.script import ScriptCommand

__all__ = ["run_script"]

_UPLOAD = re.compile(r"\^\[\s*([^\]\s][^\]]*?)\s*\]")


async def run_script(
    client: Client,
    text: str,
    *,
    folder: Path,
    caution: Caution,
    keep_going: bool = False,
    typed: bool = True,
) -> bool:
    """Runs a script and prints the result of each command.

    Args:
        client: client of the machine that runs the commands.
        text: the script.
        folder: directory of the files that commands name (``^[ file ]``).
        caution: decides about commands that delete.
        keep_going: whether to continue after a command that failed.
        typed: whether a user typed the text, so that the last ``;`` is optional.

    Returns:
        Whether all commands succeeded.
    """
    good = True
    for piece in pieces_of(text, typed=typed):
        if not good and not keep_going:
            break
        if piece.delete is not None:
            refusal = await _refusal(client, piece.delete, caution)
            if refusal is not None:
                good = False
                print_result(refusal, as_json=options().json)
                continue
        async for result in client.run(piece.text, keep_going=keep_going, files=_files(text, folder), typed=typed):
            good = good and result.ok
            await _print(client, result)
    return good


async def _print(client: Client, result: Result) -> None:
    if options().json:
        print_result(await whole(client, result), as_json=True)
        return
    async for page in with_later_pages(client, result):
        print_result(page, as_json=False, quiet=options().quiet)


async def _refusal(client: Client, command: ScriptCommand, caution: Caution) -> Result | None:
    """Returns the result of a ``delete`` that does not run because the user has not confirmed it; None if it may
    run."""
    from ...client.api import Result
    from ...universe.waves.wave import Pong

    try:
        await caution.check(client, command)
    except BadRequest as exc:
        pong = Pong.failure(exc)
        return Result(command.source, pong.status, pong.outcome, pong.body, pong.receipt, command.line, command.column)
    return None


def _files(text: str, folder: Path) -> dict[str, bytes]:
    """Returns the content of the files that the text names. A file that does not exist is left out; the command that
    names it fails."""
    names = set(_UPLOAD.findall(text))
    return {name: (folder / name).read_bytes() for name in names if (folder / name).is_file()}
