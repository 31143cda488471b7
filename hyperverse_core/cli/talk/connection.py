"""Talking to a running machine from a command."""

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
    """Connects to the machine of the data directory, runs ``work`` with the client, and closes it.

    Raises:
        NoMachine: nobody listens there.
    """
    return talk_to(None, work)


def talk_to(machine: str | None, work: Callable[[Client], Awaitable[_T]]) -> _T:
    """As :func:`talk`, with a machine of that name."""
    data_dir = options().where()  # a wrong config is told before anything is imported for nothing
    settings = options().lane_settings()
    from ...client import Client

    async def run() -> _T:
        async with Client.connect(data_dir=data_dir, machine=machine, settings=settings) as client:
            return await work(client)

    return asyncio.run(run())
