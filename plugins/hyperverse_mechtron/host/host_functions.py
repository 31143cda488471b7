"""The functions that core Mechtrons import from ``hyperverse``.

A function with an answer returns ``status << 32 | length``. The guest must fetch the answer with ``take(pointer)``
before it calls another function that has an answer.
"""

from __future__ import annotations

import os
import time
from collections.abc import Awaitable, Sequence
from typing import Final, Protocol

import wasmtime

from hyperverse_core.values import Body

from ..providers import HOST, HOST_FUNCTIONS
from .faults import HostFault
from .running import current
from .waiting import Waiting
from .waits import Asking, suspend
from .way import Async, Memory, Sync, define_async, define_sync

__all__ = ["MOST_SENT", "Services", "chance_here", "define_host", "services_here"]

MOST_SENT: Final = 4 * 1024 * 1024
"""Maximum number of bytes in one wave from a guest."""
_OK, _MISSING = 200, 404


class Services(Protocol):
    """What a guest's imports use during a call. The coroutines run in the event loop, the other methods in the thread
    of the guest."""

    answer: bytes

    def ask(self, how: str, to: bytes, method: bytes, body: bytes, left: float) -> Awaitable[tuple[int, bytes]]:
        """Sends a wave. Returns the status and the body of the reply."""

    def send(self, how: str, to: str, method: str, body: Body, left: float) -> Awaitable[tuple[int, str | bytes]]:
        """Sends a wave. Returns the status, and the body of the reply: bytes as they are, all else as text."""

    def carries_bytes(self) -> bool:
        """Whether the body of the wave is bytes."""

    def log(self, text: str) -> None:
        """Writes a line into the log of the particle."""

    def get(self, key: str) -> bytes | None:
        """What the state has under a key."""

    def put(self, key: str, value: bytes) -> int:
        """Puts a value into the state. Returns a status."""

    def header(self, name: str) -> str | None:
        """A header of the wave."""

    def path(self) -> str:
        """The path of the wave."""

    def agent(self) -> str:
        """The point in whose name the wave was sent."""

    def now(self) -> int:
        """Nanoseconds since 1970."""

    def random(self, size: int) -> bytes:
        """Random bytes."""


def define_host(linker: wasmtime.Linker) -> None:
    """Puts the platform's functions into a linker."""
    for name, types in HOST_FUNCTIONS.items():
        if name in ("ping", "signal", "ripple"):
            define_async(linker, HOST, name, types.params, types.results, _asking(name))
        else:
            define_sync(linker, HOST, name, types.params, types.results, _CALLS[name])


def services_here() -> Services:
    """Returns the services of the guest that runs in this thread. Raises HostFault when it is not handling a wave."""
    guest = current.guest
    if guest is None or guest.services is None:
        raise HostFault("the guest asks the platform while no wave is handled")
    found: Services = guest.services
    return found


class _Chance:
    """The machine's time and randomness, for a guest that is instantiated outside a wave."""

    def now(self) -> int:
        return time.time_ns()

    def random(self, size: int) -> bytes:
        return os.urandom(size)


_chance: Final = _Chance()


def chance_here() -> Services | _Chance:
    """Returns the source of time and random bytes for the guest that runs in this thread."""
    guest = current.guest
    return _chance if guest is None or guest.services is None else guest.services


def _text(memory: Memory | None, at: int, size: int, what: str) -> str:
    assert memory is not None
    try:
        return memory.read(at, size).decode("utf-8")
    except UnicodeDecodeError:
        raise HostFault(f"the guest gives {what} that is not UTF-8") from None


def _answered(services: Services, status: int, answer: bytes) -> int:
    services.answer = answer
    return status << 32 | len(answer)


def _asking(how: str) -> Async:
    def call(memory: Memory | None, args: Sequence[int]) -> Waiting:
        assert memory is not None
        services = services_here()
        if args[5] > MOST_SENT:
            raise HostFault(f"the guest sends {args[5]} bytes, and {MOST_SENT} are allowed")
        to, method, body = memory.read_each(args)

        async def work(left: float) -> int:
            status, answer = await services.ask(how, to, method, body, left)
            return _answered(services, status, answer)

        return suspend(Asking(work))

    return call


def _log(memory: Memory | None, args: Sequence[int]) -> None:
    services_here().log(_text(memory, args[0], min(args[1], 8192), "a line for the log"))


def _state_get(memory: Memory | None, args: Sequence[int]) -> int:
    services = services_here()
    found = services.get(_text(memory, args[0], args[1], "a key of the state"))
    return _answered(services, _MISSING, b"") if found is None else _answered(services, _OK, found)


def _state_set(memory: Memory | None, args: Sequence[int]) -> int:
    assert memory is not None
    services = services_here()
    key = _text(memory, args[0], args[1], "a key of the state")
    return _answered(services, services.put(key, memory.read(args[2], args[3])), b"")


def _header(memory: Memory | None, args: Sequence[int]) -> int:
    services = services_here()
    found = services.header(_text(memory, args[0], args[1], "the name of a header"))
    return _answered(services, _MISSING, b"") if found is None else _answered(services, _OK, found.encode())


def _path(memory: Memory | None, args: Sequence[int]) -> int:
    services = services_here()
    return _answered(services, _OK, services.path().encode())


def _agent(memory: Memory | None, args: Sequence[int]) -> int:
    services = services_here()
    return _answered(services, _OK, services.agent().encode())


def _take(memory: Memory | None, args: Sequence[int]) -> None:
    assert memory is not None
    memory.write(args[0], services_here().answer)


def _time(memory: Memory | None, args: Sequence[int]) -> int:
    return chance_here().now()


def _random(memory: Memory | None, args: Sequence[int]) -> None:
    assert memory is not None
    if args[1] > 65536:
        raise HostFault(f"the guest wants {args[1]} random bytes, and 65536 are given at once")
    memory.write(args[0], chance_here().random(args[1]))


_CALLS: Final[dict[str, Sync]] = {
    "log": _log,
    "state_get": _state_get,
    "state_set": _state_set,
    "header": _header,
    "path": _path,
    "agent": _agent,
    "take": _take,
    "time": _time,
    "random": _random,
}
