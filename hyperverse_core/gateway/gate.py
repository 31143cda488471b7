"""ControlGate: where clients outside of the machine's process come in.

A client shows a token, the security policy says who it is, and a particle of Kind Control in the machine's
own star stands for it as long as it stays. Its waves start there, in the name of the agent that it proved to be.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Coroutine, Mapping, Sequence
from typing import Any

from ..contracts.gateway import Gateway, GatewayHost, Replays
from ..contracts.lane import Endpoint, Peer
from ..data_dir.endpoint_file import CONTROL_FILE, EndpointFile, read_endpoint_file, write_endpoint_file
from ..data_dir.key_file import ensure_identity
from ..errors import HyperverseError, Unavailable
from ..protocol.versions import PROTOCOLS
from .session import ClientSession

__all__ = ["ControlGate"]

_log = logging.getLogger("hyperverse.control")
_GRACE_SECONDS = 2.0


class ControlGate(Gateway):
    """The endpoint for clients of one machine, and who has come in by it.

    Attributes:
        address: where it listens; empty while it does not.
        server_key: the public key that it proves to hold.
        protocols: the numbers of the wire protocol that the machine understands.
        replay_cache: replies that a client may ask for again, by agent and id.
        host: what it uses of its machine.
    """

    host: GatewayHost
    replay_cache: Replays

    def __init__(self, settings: Mapping[str, Any] | None = None) -> None:
        super().__init__(settings)
        self.address = ""
        self.server_key = ""
        self.protocols = PROTOCOLS
        self._sessions: dict[Peer, ClientSession] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._quiet: asyncio.Event | None = None
        self._opened = False
        self._closed = False

    def __len__(self) -> int:
        """How many clients there are, including those that have not been let in yet."""
        return len(self._sessions)

    # -- life ---------------------------------------------------------------------------------------------

    async def open(self, host: GatewayHost) -> None:
        """Listens, and writes down where. A key is made when there is none.

        Raises:
            ConfigError: the data directory cannot be written.
            Unavailable: the address is in use.
        """
        self.host = host
        self.replay_cache = host.replays()
        self._opened = True
        transport = host.transport
        identity = ensure_identity(host.data_dir / "keys" / "clients.key", transport.new_identity)
        self.server_key = identity.public
        address = self.settings.get("address") or transport.default_address("clients", host.directory)
        self.address = await transport.open(Endpoint("clients", address, identity), self)
        note = EndpointFile(
            name=host.machine,
            pid=os.getpid(),
            address=self.address,
            server_key=self.server_key,
            protocol=self.protocols.speaks,
            transport=host.transport_name,
            local=transport.is_local(self.address),
            settings=dict(host.transport_settings),
        )
        write_endpoint_file(host.directory / CONTROL_FILE, note)
        _log.info("clients may connect to %s", self.address)

    async def close(self) -> None:
        """Lets nobody in any more, waits a little for waves that are under way, and ends every connection. May be
        called twice."""
        if self._closed or not self._opened:
            return
        self._closed = True
        self._remove_note()
        await self._wait_until_quiet()
        for session in list(self._sessions.values()):
            session.refuse(Unavailable("the machine stops", retry_after=1.0))
        while self._tasks:
            ending = tuple(self._tasks)
            await asyncio.gather(*ending, return_exceptions=True)
            # If all are done already, gather() lets nobody else run since Python 3.12: their callbacks have not.
            self._tasks.difference_update(ending)
        self.address = ""

    def _remove_note(self) -> None:
        note = read_endpoint_file(self.host.directory / CONTROL_FILE)
        if note is not None and note.pid == os.getpid() and note.address == self.address:  # not of another gate
            (self.host.directory / CONTROL_FILE).unlink(missing_ok=True)

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
        """A client has connected."""
        session = self._sessions[peer] = ClientSession(self, peer)
        if self._closed:
            session.refuse(Unavailable("the machine stops", retry_after=1.0))

    def lane_frames(self, peer: Peer, frames: Sequence[bytes]) -> None:
        """A client has sent frames."""
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
                await self.host.transport.disconnect(peer)
        except (HyperverseError, TimeoutError) as exc:
            _log.warning("client %s could not be disconnected: %s", peer.name, str(exc) or "it took too long")

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Runs something that ends by itself soon; :meth:`close` waits for it."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
