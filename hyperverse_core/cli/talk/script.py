"""Runs commands through a client and prints each result as it arrives."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from ..terminal.options import options
from .pages import whole, with_later_pages
from .results import print_result

if TYPE_CHECKING:
    from ...client import Client

__all__ = ["run_script"]

_UPLOAD = re.compile(r"\^\[\s*([^\]\s][^\]]*?)\s*\]")


async def run_script(client: Client, text: str, *, folder: Path, keep_going: bool = False, typed: bool = True) -> bool:
    """Runs a script and prints the result of each command.

    Args:
        client: client of the machine that runs the commands.
        text: the script.
        folder: directory of the files that commands name (``^[ file ]``).
        keep_going: whether to continue after a command that failed.
        typed: whether a user typed the text, so that the last ``;`` is optional.

    Returns:
        Whether all commands succeeded.
    """
    good = True
    async for result in client.run(text, keep_going=keep_going, files=_files(text, folder), typed=typed):
        good = good and result.ok
        if options().json:
            print_result(await whole(client, result), as_json=True)
            continue
        async for page in with_later_pages(client, result):
            print_result(page, as_json=False, quiet=options().quiet)
    return good


def _files(text: str, folder: Path) -> dict[str, bytes]:
    """Returns the content of the files that the text names. A file that does not exist is left out; the command that
    names it fails."""
    names = set(_UPLOAD.findall(text))
    return {name: (folder / name).read_bytes() for name in names if (folder / name).is_file()}
