"""The fixtures of the pytest plugin. Each imports what it needs when a test uses it.

``machine``, ``client``, ``clock`` and the like are names that other plugins use as well, and every project that merely
has this package installed loads ours. So another fixture with one of these names takes precedence.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest
import pytest_asyncio

from .pytest_plugin import LEAK_CHECK

if TYPE_CHECKING:
    from ..config import Config
    from ..contracts.registry import Registry
    from ..fabric.delivery.local_client import LocalClient
    from ..fabric.machine import Machine
    from .clock import ManualClock
    from .constellation import Constellation

__all__ = ["StartMachine"]

StartMachine = Callable[..., "Awaitable[Machine]"]

_NOBODYS: Final = object()
_LEASE = 60.0  # seconds: no star of a test loses its lease because the computer is busy


@pytest_asyncio.fixture
async def hyperverse_leaks(request: pytest.FixtureRequest) -> AsyncIterator[None]:
    """Fails a test that leaves tasks, threads or sockets behind. The other fixtures use it. The setting
    ``hyperverse_leak_check = false`` in the ini file of pytest switches it off."""
    from .leaks import LeakCheck

    if not request.config.getini(LEAK_CHECK):
        yield
        return
    before = LeakCheck.begin()
    yield
    leaks = await before.leaks()
    assert not leaks, "left behind: " + "; ".join(leaks)


def _of_another_plugin(request: pytest.FixtureRequest) -> Any:
    """Returns the value of another plugin's fixture with the same name; ``_NOBODYS`` when there is none."""
    assert request.fixturename is not None
    try:
        return request.getfixturevalue(request.fixturename)
    except pytest.FixtureLookupError as exc:
        if exc.argname != request.fixturename:
            raise
        return _NOBODYS


@pytest_asyncio.fixture
async def hyperverse_clock() -> ManualClock:
    """The clock of the test's event loop, whose time is virtual: it stands still until the test moves it."""
    from .clock import ManualClock

    return ManualClock()


@pytest.fixture
def clock(request: pytest.FixtureRequest) -> ManualClock:
    """The same clock under a shorter name."""
    other = _of_another_plugin(request)
    return other if other is not _NOBODYS else request.getfixturevalue("hyperverse_clock")  # type: ignore[no-any-return]


@pytest.fixture
def machine_config(tmp_path: Path) -> Config:
    """The configuration of the fixture ``machine``. Define a fixture of the same name to change it."""
    from ..config import Config, Control

    directory = tmp_path / "hyperverse"
    return Config(name="test", data_dir=directory, seed=1, lease=_LEASE, control=Control(enabled=False))


@pytest.fixture
def machine_plugins() -> Sequence[object]:
    """Plugins of the fixture ``machine``, in addition to the installed ones. Define a fixture of the same name to add
    some."""
    return ()


@pytest_asyncio.fixture
async def machine_registry(hyperverse_leaks: None) -> AsyncIterator[Registry]:
    """The registry of the fixture ``machine``: in memory, open, and outliving the machines of the test."""
    from .memory_registry import MemoryRegistry

    registry = MemoryRegistry()
    await registry.open()
    yield registry
    await registry.close()


@pytest_asyncio.fixture
async def start_machine(
    machine_config: Config, machine_plugins: Sequence[object], machine_registry: Registry
) -> AsyncIterator[StartMachine]:
    """A function: ``await start_machine()`` starts a machine inside the process. All are stopped when the test ends.

    The function takes ``config``, ``registry`` and ``policy`` in place of those of the fixtures, and ``plugins`` in
    addition to ``machine_plugins``.
    """
    from ..fabric.machine import Machine
    from ..lanes.local.transport import LocalTransport
    from .constellation import TestKinds

    async with AsyncExitStack() as stack:

        async def start(
            *,
            config: Config | None = None,
            plugins: Sequence[object] = (),
            registry: Registry | None = None,
            policy: Any = None,
        ) -> Machine:
            machine = Machine(
                config or machine_config,
                plugins=(TestKinds(), *machine_plugins, *plugins),
                registry=registry or machine_registry,
                transport=LocalTransport(),
                policy=policy,
            )
            return await stack.enter_async_context(machine)

        yield start


@pytest_asyncio.fixture
async def hyperverse_machine(start_machine: StartMachine) -> Machine:
    """A machine inside the process: its registry is in memory, and it can only be reached from this process."""
    return await start_machine()


@pytest.fixture
def machine(request: pytest.FixtureRequest) -> Machine:
    """The same machine under a shorter name."""
    other = _of_another_plugin(request)
    return other if other is not _NOBODYS else request.getfixturevalue("hyperverse_machine")  # type: ignore[no-any-return]


def _our_machine(request: pytest.FixtureRequest) -> Machine:
    """The machine of the test: the value of its fixture ``machine``, unless that is not a machine of ours."""
    from ..fabric.machine import Machine

    found = request.getfixturevalue("machine")
    return found if isinstance(found, Machine) else request.getfixturevalue("hyperverse_machine")


@pytest.fixture
def hyperverse_client(request: pytest.FixtureRequest) -> LocalClient:
    """A client of the fixture ``machine``, with the rights of the hyperuser."""
    return _our_machine(request).client()


@pytest.fixture
def client(request: pytest.FixtureRequest) -> LocalClient:
    """The same client under a shorter name."""
    other = _of_another_plugin(request)
    return other if other is not _NOBODYS else request.getfixturevalue("hyperverse_client")  # type: ignore[no-any-return]


@pytest.fixture
def constellation(request: pytest.FixtureRequest) -> Constellation:
    """Makes particles in the fixture ``machine``: ``echo, mute = await constellation("echo", "mute")``."""
    other = _of_another_plugin(request)
    if other is not _NOBODYS:
        return other  # type: ignore[no-any-return]
    from .constellation import Constellation

    return Constellation(_our_machine(request))
