"""Runs commands through a client and shows each result as it comes."""

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
    """Returns whether all commands were carried out.

    Args:
        folder: files that commands name (``^[ file ]``) are relative to it.
        typed: whether it was typed, so that its last command may lack the ``;``.
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
    """What the commands may name. One that is not there is left out: the command that needs it says so."""
    names = set(_UPLOAD.findall(text))
    return {name: (folder / name).read_bytes() for name in names if (folder / name).is_file()}
