"""Connects a command to a running machine."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

from ..terminal.options import options

if TYPE_CHECKING:
    from ...client import Client

__all__ = ["talk", "talk_to"]

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
        async with Client.connect(data_dir=data_dir, machine=machine, settings=settings) as client:
            return await work(client)

    return asyncio.run(run())
