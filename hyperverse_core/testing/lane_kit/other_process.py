"""A second process with a transport, which the kit kills and stops. It reports on its standard output what happens to
it.

python -m hyperverse_core.testing.lane_kit.other_process connect MODULE:NAME ADDRESS KEY
python -m hyperverse_core.testing.lane_kit.other_process listen MODULE:NAME ADDRESS
"""

from __future__ import annotations

import asyncio
import importlib
import inspect
import sys
from collections.abc import Callable, Sequence
from typing import Any

from ...contracts.lane import Endpoint, LaneTransport, Peer

__all__ = ["CANNOT_IMPORT", "CONNECT", "LISTEN", "import_path", "imported"]

CONNECT, LISTEN = "connect", "listen"
"""What the process does, its first argument. One that listens prints its address and its key."""
CANNOT_IMPORT = 78
"""The exit code when the factory is not there."""


def import_path(make: Callable[[], Any]) -> str:
    """Returns the path from which another process can import a factory of transports, as ``module:name``; empty when it
    cannot."""
    module, name = getattr(make, "__module__", ""), getattr(make, "__qualname__", "")
    path = f"{module}:{name}"
    try:
        return path if imported(path) is make else ""
    except (ImportError, AttributeError, ValueError):
        return ""


def imported(path: str) -> Callable[[], Any]:
    """The factory at ``module:name``."""
    module, _, name = path.partition(":")
    found: Any = importlib.import_module(module)
    for part in name.split("."):
        found = getattr(found, part)
    made: Callable[[], Any] = found
    return made


class _Teller:
    """Prints the calls that it receives."""

    def lane_up(self, peer: Peer) -> None:
        """Prints it."""

    def lane_frames(self, peer: Peer, frames: Sequence[bytes]) -> None:
        """Prints nothing."""

    def lane_down(self, peer: Peer, reason: str) -> None:
        """Prints it."""
        print("down", flush=True)


async def _made(path: str) -> LaneTransport:
    try:
        make = imported(path)
    except (ImportError, AttributeError):
        sys.exit(CANNOT_IMPORT)
    made = make()
    transport: LaneTransport = await made if inspect.isawaitable(made) else made
    return transport


async def _connect(path: str, address: str, key: str) -> None:
    transport = await _made(path)
    peer = await transport.connect(address, _Teller(), server_key=key, timeout=60.0)
    transport.send(peer, b"here")
    print("connected", flush=True)
    await asyncio.Event().wait()


async def _listen(path: str, address: str) -> None:
    transport = await _made(path)
    identity = transport.new_identity()
    print(await transport.open(Endpoint("stars", address, identity), _Teller()), identity.public, flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_listen(*sys.argv[2:4]) if sys.argv[1] == LISTEN else _connect(*sys.argv[2:5]))
