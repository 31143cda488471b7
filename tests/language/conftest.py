"""The language at work: texts go in at a client, and what becomes of them is seen there."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence

import pytest
import pytest_asyncio

from hyperverse_core import Machine
from hyperverse_core.client.api import Result
from hyperverse_core.testing import VirtualClockLoop
from language.kinds import LanguageKinds

Run = Callable[..., Awaitable[list[Result]]]
World = Callable[..., Awaitable[None]]


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    return {"virtual clock": VirtualClockLoop}


@pytest.fixture
def machine_plugins() -> Sequence[object]:
    return (LanguageKinds(),)


@pytest_asyncio.fixture
async def run(machine: Machine) -> Run:
    """``await run("select +:**")`` runs a script as the hyperuser, or as ``agent``."""

    async def execute(text: str, *, agent: str | None = None, **kwargs: object) -> list[Result]:
        client = machine.client() if agent is None else machine.client(agent)
        return await client.exec(text, **kwargs, check=False)  # type: ignore[arg-type]  # the tests' own to get right

    return execute


@pytest_asyncio.fixture
async def world(run: Run) -> World:
    """``await world("create localhost<Space>", ...)`` runs commands that have to succeed."""

    async def create(*commands: str) -> None:
        for command in commands:
            for result in await run(command):
                assert result.ok, (command, result.error)

    return create


def bind(routes: str) -> str:
    """Routes as the value of a property: a bind in quotes."""
    return "'Bind(version=1.0.0) { " + routes.replace("'", "\\'") + " }'"
