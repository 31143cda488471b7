"""How sessions and gateways end, and what they leave behind."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from ...errors import ConfigError, HyperverseError, Unavailable
from ..leaks import LeakCheck
from .base import GatewayKitBase
from .world import TARGET, GatewayConnection, GatewayWorld

__all__ = ["GatewayEndings", "GatewayTraces"]

_CLOSE_SECONDS = 4.0
"""A gateway has two seconds to close; the rest is for a busy computer."""
_WORKERS = "WorkerPool._work"
"""Workers of the machine, which it begins for `host.plan`, and ends by itself."""


async def _is_held(connection: GatewayConnection, world: GatewayWorld) -> asyncio.Task[Any]:
    """Sends a wave that waits in the target, and returns its task."""

    async def ping() -> Any:
        try:
            return await connection.ping(TARGET, "Ext<Hold>")
        except (HyperverseError, OSError, EOFError) as exc:
            return exc

    task = asyncio.ensure_future(ping())
    await world.until(lambda: world.held > 0, "a wave of Alice must reach the target")
    return task


class GatewayEndings(GatewayKitBase):
    """A session ends with its agent, and with its gateway."""

    async def test_a_session_ends_when_its_agent_goes(self, world: GatewayWorld) -> None:
        connection = await world.connected("alice")
        await connection.ping(TARGET, "Ext<Who>")
        await connection.close()
        await world.until(lambda: not world.left(), "the gateway must end the session of an agent that has gone")

    async def test_a_session_ends_when_its_agent_goes_with_a_wave_under_way(self, world: GatewayWorld) -> None:
        connection = await world.connected("alice")
        held = await _is_held(connection, world)
        await connection.close()
        try:
            await world.until(lambda: not world.left(), "the gateway must end the session of an agent that has gone")
        finally:
            held.cancel()
            await asyncio.gather(held, return_exceptions=True)

    async def test_close_ends_every_session_and_the_listener(self, world: GatewayWorld) -> None:
        gateway = await world.opened()
        address, connection = gateway.address, await world.connected("alice", gateway)
        await (await world.connected("alice", gateway)).ping(TARGET, "Ext<Who>")
        held = await _is_held(connection, world)
        try:
            await _close(gateway)
            assert not gateway.address, f"a closed gateway has no address, and says {gateway.address!r}"
            assert not world.left(), f"`close` must end every session, and has left {world.left()}"
            assert await world.refusal(address, "alice"), f"`close` must end the listener, and {address} lets agents in"
        finally:
            held.cancel()
            await asyncio.gather(held, return_exceptions=True)

    async def test_close_may_be_called_twice(self, world: GatewayWorld) -> None:
        gateway = await world.opened()
        await (await world.connected("alice", gateway)).ping(TARGET, "Ext<Who>")
        for _ in range(2):
            await _close(gateway)

    async def test_close_may_be_called_when_it_was_not_opened(self, world: GatewayWorld) -> None:
        gateway = world.made()
        assert not gateway.address, f"a gateway that is not open has no address, and says {gateway.address!r}"
        for _ in range(2):
            await _close(gateway)

    async def test_an_open_that_fails_can_be_closed_and_does_no_harm(self, world: GatewayWorld) -> None:
        first = await world.opened()
        second = world.made(first.address)
        with pytest.raises(Exception) as failed:
            await second.open(world.host)
        assert isinstance(failed.value, Unavailable | ConfigError), (
            f"`open` must raise Unavailable when its address is in use, and raised {failed.value!r}"
        )
        for _ in range(2):
            await _close(second)
        refusal = await world.refusal(first.address, "alice")
        assert not refusal, f"the gateway that has the address must go on letting agents in, and said {refusal}"


class GatewayTraces(GatewayKitBase):
    """A gateway leaves nothing behind."""

    async def test_nothing_is_left_running(self, world: GatewayWorld) -> None:
        before = LeakCheck.begin()
        await self._visited(world)
        of_the_machine = (_WORKERS, "socket ") if self.lane_endpoints else (_WORKERS,)
        leaks = [leak for leak in await before.leaks() if not any(text in leak for text in of_the_machine)]
        assert not leaks, f"`close` must end every task, thread and socket of the gateway, and has left {leaks}"

    async def _visited(self, world: GatewayWorld) -> None:
        """Opens a gateway to which agents connect, some of them without success, and from which they leave; then closes
        it."""
        gateway = await world.opened()
        gone, stays = await world.connected("alice", gateway), await world.connected("alice", gateway)
        for connection in (gone, stays):
            await connection.ping(TARGET, "Ext<Who>")
        await world.refusal(gateway.address, "wrong")
        await gone.close()
        await _close(gateway)
        await world.close()

    async def test_it_writes_no_file_outside_the_data_directory(self, world: GatewayWorld) -> None:
        with _written() as written:
            gateway = await world.opened()
            await (await world.connected("alice", gateway)).ping(TARGET, "Ext<Who>")
            await world.refusal(gateway.address, "wrong")
            await _close(gateway)
        home = world.host.data_dir.resolve()
        outside = sorted({str(path) for path in written if not path.is_relative_to(home)})
        assert not outside, f"a gateway must write below `host.directory` only, and has written {outside}"


async def _close(gateway: Any) -> None:
    try:
        async with asyncio.timeout(_CLOSE_SECONDS):
            await gateway.close()
    except TimeoutError:
        raise AssertionError(f"`close` has two seconds, and has not returned after {_CLOSE_SECONDS:g} s") from None
    except Exception as exc:
        raise AssertionError(f"`close` may be called at any time, and twice, and raised {exc!r}") from exc


_watching: list[list[Path]] = []
_installed = threading.Event()


@contextmanager
def _written() -> Iterator[list[Path]]:
    """The files that this process opens for writing meanwhile, but for compiled modules and devices."""
    if not _installed.is_set():
        _installed.set()
        sys.addaudithook(_hook)  # it stays for good, so that there is one
    found: list[Path] = []
    _watching.append(found)
    try:
        yield found
    finally:
        _watching.remove(found)


def _hook(event: str, args: tuple[Any, ...]) -> None:
    if not _watching or event != "open" or not isinstance(args[0], str):
        return
    path, mode, flags = args
    writes = any(letter in mode for letter in "wax+") if isinstance(mode, str) else bool(flags & 0x3)
    if writes and "__pycache__" not in path and not path.startswith(("/dev/", "/proc/")):
        for found in _watching:
            found.append(Path(path).resolve())
