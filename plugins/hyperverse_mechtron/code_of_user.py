"""The compiled modules of ``hyperverse wasm run``, in the user's cache."""

from __future__ import annotations

import asyncio
import contextlib
import os
import tempfile
from pathlib import Path
from typing import Final

from .code import Code, CodeCache, CodeOptions

__all__ = ["loaded_once"]

_KEPT: Final = 32


async def loaded_once(binary: bytes, name: str, options: CodeOptions) -> Code:
    """Returns the code of a module from the user's cache, or compiles it in a process with limits. The cache keeps the
    most recent modules.

    Args:
        binary: its file.
        name: how it is called in errors.
        options: how it is checked and compiled.

    Raises:
        BadRequest: it cannot run.
        Unavailable: compiling it exceeds a limit, or other users can write the cache.
    """
    folder = await asyncio.to_thread(_folder)
    if folder is None:
        with tempfile.TemporaryDirectory() as instead:
            return await CodeCache(Path(instead)).load(binary, name, options)
    code = await CodeCache(folder).load(binary, name, options)
    with contextlib.suppress(OSError):  # another process tidies up, too
        code.path.touch()
        await asyncio.to_thread(_tidy, folder)
    return code


def _folder() -> Path | None:
    """Returns the cache folder; None for a user without a writable home."""
    base = Path(os.path.expanduser(os.environ.get("XDG_CACHE_HOME") or "~/.cache"))  # noqa: PTH111  # raises nothing
    folder = base / "hyperverse" / "compiled"
    if base.parts[:1] == ("~",):
        return None
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError:
        return None
    return folder


def _tidy(folder: Path) -> None:
    """Removes all modules except the ones that were run last."""
    old = sorted(folder.glob("*.cwasm"), key=lambda path: path.stat().st_mtime, reverse=True)[_KEPT:]
    for path in old:
        path.unlink(missing_ok=True)
        path.with_suffix(".sum").unlink(missing_ok=True)
