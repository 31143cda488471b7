"""ControlGate: the gateway for clients outside of the machine's process.

A client presents a token, the security policy identifies its agent, and a particle of Kind Control in the machine's own
star represents the client while it is connected. Its waves start there, on behalf of that agent.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Coroutine, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..config.default_transport import keys_folder
from ..config.setting_faults import faults_of_table
from ..contracts.gateway import Gateway, GatewayHost, Replays
from ..contracts.lane import Identity, Peer
from ..data_dir.endpoint_file import CONTROL_FILE, EndpointFile, read_endpoint_file, write_endpoint_file
from ..data_dir.key_file import ensure_identity, replace_identity
from ..errors import BadRequest, HyperverseError, Unauthorized, Unavailable
from ..lanes.endpoints import Endpoints
from ..protocol.versions import PROTOCOLS
from ..scheduling.guarded_log import guarded_log
from .session import ClientSession

__all__ = ["ControlGate"]

_log = guarded_log("hyperverse.control")
_GRACE_SECONDS = 2.0
_MOST_STRANGERS = 2000
"""Greatest number of clients that may be connected without being admitted yet."""
_SOONEST = 1.0
"""Least number of seconds for which a replaced key stays valid, so that the client that replaced it gets its answer."""
_REFUSED_LINES = 20
"""Log lines per second about clients that were refused; the others are only counted."""


class ControlGate(Gateway):
    """The endpoint for clients of one machine, and the clients that are connected to it.

    Attributes:
        address: address that it listens on; empty while it does not listen.
        server_key: public key that it proves.
        protocols: version numbers of the wire protocol that the machine understands.
        replay_cache: replies that a client may request again, by agent and id.
        host: what the gate uses of its machine.
    """

    plain_settings = ("address",)

    host: GatewayHost
    replay_cache: Replays
    _opener: Endpoints

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
        self._strangers: set[ClientSession] = set()
        self._rotating = asyncio.Lock()
        self._endpoint = "clients"
        self._endpoints = 1
        self._older: dict[str, asyncio.TimerHandle] = {}
        self._replaced: set[str] = set()
        self._refused = 0
        self._refused_timer: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        """Number of clients, including those that have not been admitted yet."""
        return len(self._sessions)

    # -- life ---------------------------------------------------------------------------------------------

    async def open(self, host: GatewayHost) -> None:
        """Starts to listen, and writes the address to the data directory. Creates a key if there is none.

        Raises:
            ConfigError: the data directory cannot be written.
            Unavailable: the address is in use.
        """
        self.host = host
        self.replay_cache = host.replays()
        self._opened = True
        identity = ensure_identity(self._key_file(), host.transport.new_identity)
        fixed = str(self.settings.get("address") or "")
        self._opener = Endpoints(host.transport, host.directory, self, fixed)
        with faults_of_table("control"):
            self.address = await self._opener.open(self._endpoint, identity)
        self.server_key = identity.public
        self._write_note()
        _log.info("clients may connect to %s", self.address)

    def _key_file(self) -> Path:
        return keys_folder(self.host.data_dir, self.host.transport_name) / "clients.key"

    def _write_note(self, older_address: str = "", older_key: str = "") -> None:
        """Writes the address and key of this machine to the data directory, where clients find them."""
        host = self.host
        note = EndpointFile(
            name=host.machine,
            pid=os.getpid(),
            address=self.address,
            server_key=self.server_key,
            protocol=self.protocols.speaks,
            transport=host.transport_name,
            local=host.transport.is_local(self.address),
            settings=dict(host.transport_settings),
            older_address=older_address,
            older_key=older_key,
        )
        write_endpoint_file(host.directory / CONTROL_FILE, note)

    # -- key rotation --------------------------------------------------------------------------------------

    async def rotate_key(self, keep: float, address: str = "") -> str:
        """See the contract. All machines of a data directory prove the same key. If another machine has written a new
        one meanwhile, that key is used."""
        async with self._rotating:
            if self._closed or not self._opened:
                raise Unavailable("the machine is stopping", retry_after=1.0)
            kept = ensure_identity(self._key_file(), self.host.transport.new_identity)
            identity = self.host.transport.new_identity() if kept.public == self.server_key else kept
            if not identity.public:
                raise BadRequest(f"the transport {self.host.transport_name!r} proves no key")
            await self._prove(identity, keep, address, written=identity is kept)
        return self.server_key

    async def _prove(self, identity: Identity, keep: float, address: str, *, written: bool) -> None:
        self._endpoints += 1
        endpoint, before = f"clients-{self._endpoints}", (self.address, self.server_key)
        opened = await self._opener.open_beside(endpoint, identity, address)
        try:
            if not written:
                replace_identity(self._key_file(), identity)
        except HyperverseError:
            self._replaced.add(endpoint)  # its key is never announced
            raise
        loop = asyncio.get_running_loop()
        self._older[self._endpoint] = loop.call_later(max(keep, _SOONEST), self._end, self._endpoint)
        self._endpoint, self.address, self.server_key = endpoint, opened, identity.public
        self._write_note(*before)
        _log.info("clients may connect to %s with a new key; the previous key is valid for another %g s", opened, keep)

    def _end(self, endpoint: str) -> None:
        """Ends the validity of an endpoint's key."""
        self._older.pop(endpoint, None)
        self._replaced.add(endpoint)
        if not self._older and not self._closed:
            self._write_note()
        for session in [s for s in self._sessions.values() if s.peer.endpoint == endpoint]:
            session.refuse(Unavailable("the key of the machine was replaced: connect again", retry_after=0.1))

    async def close(self) -> None:
        """Stops admitting clients, waits a little for waves that are in flight, and closes every connection. May be
        called twice."""
        if self._closed or not self._opened:
            return
        self._closed = True
        for timer in self._older.values():
            timer.cancel()
        self._remove_note()
        await self._wait_until_quiet()
        for session in list(self._sessions.values()):
            session.refuse(Unavailable("the machine is stopping", retry_after=1.0))
        while self._tasks:
            ending = tuple(self._tasks)
            await asyncio.gather(*ending, return_exceptions=True)
            # Since Python 3.12 gather() does not yield if all tasks are done already: their callbacks have not run yet.
            self._tasks.difference_update(ending)
        if self._refused_timer is not None:
            self._refused_timer.cancel()
            self._log_refused()
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
            _log.warning("waves of clients are still in flight and are cancelled")

    def one_ended(self) -> None:
        """Notes that a wave of a client has ended."""
        if self._quiet is not None and not any(s.waves and s.waves.running for s in self._sessions.values()):
            self._quiet.set()

    # -- what the transport tells -------------------------------------------------------------------------

    def lane_up(self, peer: Peer) -> None:
        """Called when a client has connected."""
        session = self._sessions[peer] = ClientSession(self, peer)
        self._strangers.add(session)
        if self._closed:
            session.refuse(Unavailable("the machine is stopping", retry_after=1.0))
        elif peer.endpoint in self._replaced:
            session.refuse(
                Unauthorized(
                    "the key of this address was replaced and is no longer valid",
                    hint="ask whoever runs the machine for its new key and address (`hyperverse context show`)",
                )
            )
        elif len(self._strangers) > _MOST_STRANGERS:
            session.refuse(Unavailable(f"{_MOST_STRANGERS} clients are waiting for admission", retry_after=1.0))

    def lane_frames(self, peer: Peer, frames: Sequence[bytes]) -> None:
        """Called when a client has sent frames."""
        session = self._sessions.get(peer)
        if session is not None:
            session.take(frames)

    def lane_down(self, peer: Peer, reason: str) -> None:
        """Called when a client has disconnected."""
        session = self._sessions.pop(peer, None)
        if session is not None:
            self._strangers.discard(session)
            session.end(reason)

    # -- for its sessions ---------------------------------------------------------------------------------

    def let_in(self, session: ClientSession) -> None:
        """Notes that a client was admitted."""
        self._strangers.discard(session)

    def note_refusal(self, level: int, client: str, error: HyperverseError) -> None:
        """Logs why a client is refused. If there are too many, most are only counted."""
        if self._refused_timer is None:
            self._refused_timer = asyncio.get_running_loop().call_later(1.0, self._log_refused)
        self._refused += 1
        if self._refused <= _REFUSED_LINES:
            _log.log(level, "client %s is disconnected: %d %s", client, error.status, error.message)

    def _log_refused(self) -> None:
        more, self._refused, self._refused_timer = self._refused - _REFUSED_LINES, 0, None
        if more > 0:
            _log.warning("%d more clients were disconnected within a second", more)

    def dismiss(self, session: ClientSession, reason: str) -> None:
        """Closes a client's connection after everything queued for it is sent."""
        session.end(reason)
        self._strangers.discard(session)
        if self._sessions.pop(session.peer, None) is not None:
            self.spawn(self._disconnect(session.peer))

    async def _disconnect(self, peer: Peer) -> None:
        try:
            async with asyncio.timeout(_GRACE_SECONDS):
                await self.host.transport.disconnect(peer)
        except (HyperverseError, TimeoutError) as exc:
            _log.warning("client %s could not be disconnected: %s", peer.name, str(exc) or "it took too long")

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Runs a coroutine that soon ends by itself; :meth:`close` waits for it."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
