"""Fabric tests run in virtual time: an hour of waiting takes a millisecond, and always the same one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence

import pytest
import pytest_asyncio

from fabric.kinds import FabricKinds
from hyperverse_core.fabric.machine import Machine
from hyperverse_core.testing import VirtualClockLoop


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    return {"virtual clock": VirtualClockLoop}


@pytest.fixture
def machine_plugins() -> Sequence[object]:
    return (FabricKinds(),)


World = Callable[..., "asyncio.Future[None]"]


@pytest_asyncio.fixture
async def world(machine: Machine) -> World:
    """``await world("a<Worker>", "b<Worker>")`` creates these in ``localhost``."""

    async def create(*names: str) -> None:
        client = machine.client()
        for text in ("localhost<Space>", *(f"localhost:{name}" for name in names)):
            await client.exec(f"create? {text}")

    return create  # type: ignore[return-value]  # a coroutine function is what its users await
