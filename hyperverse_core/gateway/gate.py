"""ControlGate: where clients outside of the machine's process come in.

A client shows a token, the security policy says who it is, and a particle of Kind Control in the machine's
own star stands for it as long as it stays. Its waves start there, in the name of the agent that it proved to be.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import os
import random
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any

import attrs

from ..config import Config, without_secrets
from ..contracts.lane import LaneTransport, Peer
from ..contracts.policy import Credentials
from ..contracts.registry import Registry, TokenRecord
from ..contracts.tokens import token_digest
from ..data_dir.endpoint_file import CONTROL_FILE, EndpointFile, read_endpoint_file, write_endpoint_file
from ..data_dir.key_file import ensure_identity
from ..data_dir.tokens import ensure_token
from ..errors import HyperverseError, Unavailable
from ..fabric.delivery.outbound import Outbound
from ..fabric.delivery.replay_cache import ReplayCache
from ..fabric.interception.interceptors import Interceptors
from ..fabric.particles.hosting import Hosting
from ..fabric.transit.listen import listen
from ..protocol.versions import PROTOCOLS
from ..scheduling.worker_pool import WorkerPool
from ..universe.address.point import HYPERUSER, Point
from .particle import ControlParticle
from .session import ClientSession

__all__ = ["ControlGate", "ControlParticle", "GateParts"]

_log = logging.getLogger("hyperverse.control")
_GRACE_SECONDS = 2.0


@attrs.frozen
class GateParts:
    """What the gate uses of its machine.

    Attributes:
        life: of the machine, so that a client notices another one.
        authenticate: asks the policy who somebody is.
        outbound, hosting: of the star that stands for the machine.
    """

    config: Config
    data_dir: Path
    life: str
    registry: Registry
    transport: LaneTransport
    authenticate: Callable[[Credentials], Awaitable[Point]]
    pool: WorkerPool
    outbound: Outbound
    hosting: Hosting
    interceptors: Interceptors
    chance: random.Random


class ControlGate:
    """The door of one machine, and who has come in by it.

    Attributes:
        address: where it listens; empty while it does not.
        server_key: the public key that it proves to hold.
        protocols: the numbers of the wire protocol that the machine understands.
        recent: replies that a client may ask for again, by agent and id.
    """

    def __init__(self, parts: GateParts) -> None:
        self.parts = parts
        self.address = ""
        self.server_key = ""
        self.protocols = PROTOCOLS
        self.recent = ReplayCache()
        self._sessions: dict[Peer, ClientSession] = {}
        self._numbers = itertools.count()
        self._tasks: set[asyncio.Task[None]] = set()
        self._quiet: asyncio.Event | None = None
        self._closed = False
        self._directory = parts.data_dir / "machines" / parts.config.name

    def __len__(self) -> int:
        """How many clients there are, including those that have not been let in yet."""
        return len(self._sessions)

    def next_number(self) -> int:
        """For the name of a client's particle; used once."""
        return next(self._numbers)

    # -- life ---------------------------------------------------------------------------------------------

    async def open(self) -> None:
        """Listens, and writes down where. Keys and the owner's token are made when there are none.

        Raises:
            ConfigError: the data directory cannot be written.
            Unavailable: the address is in use.
        """
        machine = self.parts
        identity = ensure_identity(machine.data_dir / "keys" / "clients.key", machine.transport.new_identity)
        await self._admit_owner()
        self.server_key = identity.public
        self.address = await listen(
            machine.transport, "clients", machine.config.control.address, identity, self, self._directory
        )
        note = EndpointFile(
            name=machine.config.name,
            pid=os.getpid(),
            address=self.address,
            server_key=self.server_key,
            protocol=self.protocols.speaks,
            transport=machine.config.lanes.driver,
            local=machine.transport.is_local(self.address),
            settings=without_secrets(machine.config.transport_settings()),
        )
        write_endpoint_file(self._directory / CONTROL_FILE, note)
        _log.info("clients may connect to %s", self.address)

    async def _admit_owner(self) -> None:
        """Whoever can read the token file is the hyperuser."""
        known = token_digest(ensure_token(self.parts.data_dir))
        if await self.parts.registry.token(known) is None:
            await self.parts.registry.add_token(TokenRecord(known, HYPERUSER, "owner"))

    async def close(self) -> None:
        """Lets nobody in any more, waits a little for waves that are under way, and ends every connection. May be
        called twice."""
        if self._closed:
            return
        self._closed = True
        self._remove_note()
        await self._wait_until_quiet()
        for session in list(self._sessions.values()):
            session.refuse(Unavailable("the machine stops", retry_after=1.0))
        while self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)
        self.address = ""

    def _remove_note(self) -> None:
        note = read_endpoint_file(self._directory / CONTROL_FILE)
        if note is not None and note.pid == os.getpid():
            (self._directory / CONTROL_FILE).unlink(missing_ok=True)

    async def _wait_until_quiet(self) -> None:
        self._quiet = asyncio.Event()
        self.one_ended()
        try:
            async with asyncio.timeout(_GRACE_SECONDS):
                await self._quiet.wait()
        except TimeoutError:
            _log.warning("waves of clients are still under way and are cut")

    def one_ended(self) -> None:
        """A wave of a client has ended."""
        if self._quiet is not None and not any(s.waves and s.waves.running for s in self._sessions.values()):
            self._quiet.set()

    # -- what the transport tells -------------------------------------------------------------------------

    def lane_up(self, peer: Peer) -> None:
        """Somebody is at the door."""
        session = self._sessions[peer] = ClientSession(self, peer)
        if self._closed:
            session.refuse(Unavailable("the machine stops", retry_after=1.0))

    def lane_frames(self, peer: Peer, frames: Sequence[bytes]) -> None:
        """A client says something."""
        session = self._sessions.get(peer)
        if session is not None:
            session.take(frames)

    def lane_down(self, peer: Peer, reason: str) -> None:
        """A client has gone."""
        session = self._sessions.pop(peer, None)
        if session is not None:
            session.end(reason)

    # -- for its sessions ---------------------------------------------------------------------------------

    def dismiss(self, session: ClientSession, reason: str) -> None:
        """Ends a client's connection once what was sent to it has left."""
        session.end(reason)
        if self._sessions.pop(session.peer, None) is not None:
            self.spawn(self._disconnect(session.peer))

    async def _disconnect(self, peer: Peer) -> None:
        try:
            async with asyncio.timeout(_GRACE_SECONDS):
                await self.parts.transport.disconnect(peer)
        except (HyperverseError, TimeoutError) as exc:
            _log.warning("client %s could not be disconnected: %s", peer.name, str(exc) or "it took too long")

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Runs something that ends by itself soon; :meth:`close` waits for it."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
