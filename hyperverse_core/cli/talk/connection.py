"""Connects a command to a running machine."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from ..terminal.options import options

if TYPE_CHECKING:
    from ...client import Client

__all__ = ["forget_login", "keep_login", "login_token", "talk", "talk_to"]

_T = TypeVar("_T")


def talk(work: Callable[[Client], Awaitable[_T]]) -> _T:
    """Connects to a machine of the data directory, runs ``work`` with the client, and closes the client.

    Returns:
        The result of ``work``.

    Raises:
        NoMachine: no machine listens there.
    """
    return talk_to(None, work)


def talk_to(machine: str | None, work: Callable[[Client], Awaitable[_T]]) -> _T:
    """Does what :func:`talk` does, with the machine of that name; with any machine for None."""
    data_dir = options().where()  # reports a wrong configuration before the client is imported
    settings = options().lane_settings()
    from ...client import Client

    async def run() -> _T:
        token = login_token(data_dir)
        async with Client.connect(data_dir=data_dir, machine=machine, settings=settings, token=token) as client:
            return await work(client)

    return asyncio.run(run())


def login_token(data_dir: Path) -> str | None:
    """Returns the token that ``hyperverse login`` has kept for the machines of a data directory; None when there is
    none, or when the environment has one."""
    from ...data_dir.tokens import TOKEN_VARIABLE, read_kept_token

    if os.environ.get(TOKEN_VARIABLE, "").strip():
        return None
    folder = _folder()
    return (read_kept_token(_server_key(data_dir), folder) or None) if folder is not None else None


def keep_login(data_dir: Path, token: str) -> None:
    """Keeps a token for the machines of a data directory. Raises ConfigError, NotFound."""
    from ...data_dir.tokens import keep_token
    from ...errors import ConfigError, NotFound

    key, folder = _server_key(data_dir), _folder()
    if not key:
        raise NotFound(f"no machine of {str(data_dir)!r} proves a key", hint="start one with `hyperverse up`")
    if folder is None:
        raise ConfigError("there is no folder for your configuration", hint="set HOME or XDG_CONFIG_HOME")
    keep_token(key, folder, token)


def forget_login(data_dir: Path) -> bool:
    """Forgets the token that was kept for the machines of a data directory. Returns whether there was one."""
    from ...data_dir.tokens import forget_token

    key, folder = _server_key(data_dir), _folder()
    return folder is not None and bool(key) and forget_token(key, folder)


def _server_key(data_dir: Path) -> str:
    """Returns the key that the machines of a data directory prove to clients; empty while none runs."""
    from ...data_dir.endpoint_file import endpoint_files_in

    return next((file.server_key for file in endpoint_files_in(data_dir) if file.server_key), "")


def _folder() -> Path | None:
    from ...config.search import user_folder

    return user_folder()
