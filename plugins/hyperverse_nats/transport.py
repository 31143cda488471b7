"""NatsTransport: lanes over NATS."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Mapping
from typing import Any, Final

import attrs

from hyperverse_core.errors import HyperverseError, Unauthorized, Unavailable
from hyperverse_core.transport import ChannelTransport, Endpoint, Identity, LaneReceiver, Peer

from .address import Subjects, address_of, chosen_name, name_of
from .attempt import ConnectAttempt
from .handshake import KEYS
from .link import NatsLink
from .listener import Cookies, NatsListener
from .pump import NatsPump
from .session import NatsSession
from .settings import NatsLimits, NatsSettings

__all__ = ["NatsTransport"]

_log = logging.getLogger("hyperverse.lane.nats")
_PROBE_SECONDS: Final = 1.0
_CLOSE_SECONDS: Final = 1.0
_AGAIN_SECONDS: Final = (0.05, 1.0)
"""The shortest and the longest pause between two attempts to reach a server that is down, in seconds."""


class NatsTransport(ChannelTransport):
    """Lanes over a NATS server. Every peer proves its key; all content is encrypted and numbered end to end.

    Args:
        settings: see :class:`~hyperverse_nats.settings.NatsSettings`. Raises ConfigError.
    """

    proves_peers = True
    needs_broker = True
    settings_class = NatsSettings
    plain_settings = (*attrs.fields_dict(NatsLimits), "credentials", "nkey", "tls_ca", "tls_cert", "tls_key", "prefix")

    def __init__(self, settings: Mapping[str, Any] | None = None) -> None:
        super().__init__(settings)
        self._settings = NatsSettings.parse(self.settings)
        self.max_frame = self._settings.limits.max_frame
        self._subjects = Subjects(self._settings.prefix)
        self._pump: NatsPump | None = None
        self._cookies: Cookies | None = None
        self._listeners: dict[str, NatsListener] = {}
        self._attempts: dict[bytes, ConnectAttempt] = {}
        self._session: NatsSession | None = None
        self._starting: asyncio.Task[NatsSession] | None = None
        self._returning: asyncio.Task[None] | None = None
        self._endings: set[asyncio.Task[None]] = set()
        self._ended = False

    def check_key(self, text: str) -> None:
        KEYS.bytes_of(text)

    def new_identity(self) -> Identity:
        return KEYS.new_identity()

    # -- connections --------------------------------------------------------------------------------------

    async def open(self, endpoint: Endpoint, receiver: LaneReceiver) -> str:
        """Implements the contract. Raises Unauthorized when the server rejects our credentials."""
        secret = KEYS.secret_of(endpoint.identity, f"the endpoint {endpoint.name!r}")
        name = name_of(endpoint.address) if endpoint.address else chosen_name(endpoint)
        session, pump = await self._begin()
        await self._check_free(session, name, endpoint)
        if self._cookies is None:
            self._cookies = Cookies()
        listener = NatsListener(
            name,
            endpoint,
            secret,
            receiver,
            self._settings,
            self._subjects,
            pump,
            self._cookies,
            self._name_peer,
        )
        self._listeners[name] = listener
        try:
            await self._listen(session, listener)
        except BaseException:
            del self._listeners[name]
            raise
        return address_of(name)

    async def _check_free(self, session: NatsSession, name: str, endpoint: Endpoint) -> None:
        """Raises Unavailable when somebody already listens at that name. A name chosen for the endpoint belongs to its
        key: only a listener that proves to hold that key can keep it from us."""
        attempt = ConnectAttempt(session, self._subjects, address_of(name), name)
        self._attempts[attempt.id] = attempt
        try:
            async with asyncio.timeout(_PROBE_SECONDS):
                if endpoint.address:
                    await attempt.probe()
                else:
                    secret = KEYS.secret_of(KEYS.new_identity(), "we")
                    await attempt.prove(secret, KEYS.bytes_of(endpoint.identity.public))
        except (TimeoutError, Unavailable, Unauthorized):
            if self._ended or self._session is not session:
                raise self._is_away() from None
            return
        finally:
            del self._attempts[attempt.id]
        hint = "stop the machine that runs there, or choose another address"
        raise Unavailable(f"the address {address_of(name)!r} is in use", hint=hint)

    async def _listen(self, session: NatsSession, listener: NatsListener) -> None:
        def take(link: bytes, message: bytes, reply: str, status: str) -> None:
            if not self._ended and self._session is session:
                listener.take(session, message, reply)

        await session.listen(self._subjects.listener(listener.name), take)

    async def connect(
        self,
        address: str,
        receiver: LaneReceiver,
        *,
        identity: Identity | None = None,
        server_key: str = "",
        timeout: float = 5.0,
    ) -> Peer:
        """Implements the contract. Also raises BadRequest when a key is not a key of this transport."""
        secret, listener = KEYS.secret_of(identity or KEYS.new_identity(), "we"), KEYS.bytes_of(server_key)
        name = name_of(address)
        try:
            async with asyncio.timeout(timeout):
                session, pump = await self._begin()
                attempt = ConnectAttempt(session, self._subjects, address, name)
                self._attempts[attempt.id] = attempt
                try:
                    link = await attempt.connect(secret, listener, pump)
                finally:
                    del self._attempts[attempt.id]
        except TimeoutError:
            raise Unavailable(
                f"no answer from {address!r} within {timeout:g} s",
                hint="is that the address of a machine, and is it running?",
                retry_after=1.0,
            ) from None
        peer = Peer(self._name_peer("to"), server_key)
        channel = self._settings.new_channel(peer, receiver, link, session.max_payload)
        pump.begin(link, channel, link.theirs)
        session.put(link.out, link.seal(channel.acknowledgement()))  # shows the other side that we have its keys
        return peer

    # -- incoming messages ---------------------------------------------------------------------------------------

    def _take(self, session: NatsSession, link_id: bytes, message: bytes, status: str) -> None:
        """Takes a message to one of our inboxes."""
        if self._ended or self._session is not session or self._pump is None:
            return
        link = self._pump.links.get(link_id)
        if link is None:
            attempt = self._attempts.get(link_id)
            if attempt is not None:
                attempt.take(message, status)
            return
        opened = self._pump.take(link, message)
        if opened is None:
            return
        if link.channel is None and link.listener is not None:
            link.listener.confirmed(session, link)
        if link.channel is not None and not link.channel.gone:
            self._pump.carry(link.channel, opened)

    def _dropped(self, link: NatsLink) -> None:
        if link.listener is not None:
            link.listener.guests.pop(link, None)

    # -- the server ---------------------------------------------------------------------------------------

    async def _begin(self) -> tuple[NatsSession, NatsPump]:
        """Returns the session and the pump. Raises Unavailable or Unauthorized when no server accepts us."""
        if self._ended:
            raise Unavailable("the transport was closed", hint="make a new one")
        if self._pump is None:
            self._pump = NatsPump(self._settings, self._peers, self._dropped)
        session = self._session
        if session is None:
            if self._starting is None or self._starting.done():
                self._starting = asyncio.get_running_loop().create_task(self._start(self._pump))
            session = await asyncio.shield(self._starting)
        if self._ended:
            raise Unavailable("the transport was closed", hint="make a new one")
        return session, self._pump

    async def _start(self, pump: NatsPump) -> NatsSession:
        session = NatsSession(self._settings, self._subjects, before=pump.before, after=pump.after, lost=self._lost)
        try:
            await session.begin(lambda link, message, _, status: self._take(session, link, message, status))
            if self._ended:  # while connecting; nats-py swallows some cancellations
                raise Unavailable("the transport was closed")
            self._session = pump.session = session
            for listener in tuple(self._listeners.values()):
                await self._listen(session, listener)
            if self._session is not session:
                raise self._is_away()
        except BaseException:
            if self._session is session:
                self._session = pump.session = None
            self._leave(session)
            raise
        return session

    def _lost(self, session: NatsSession) -> None:
        """Called when the connection to the server has ended."""
        if session is not self._session or self._ended:
            return
        self._session = None
        why = f": {session.why_lost}" if session.why_lost else ""
        _log.warning("the connection to the NATS server at %s is lost%s", self._settings.where, why)
        self._leave(session)
        if self._pump is not None:
            self._pump.lost(why)
        for attempt in self._attempts.values():
            attempt.fail(self._is_away())
        if self._listeners and (self._returning is None or self._returning.done()):
            self._returning = asyncio.get_running_loop().create_task(self._return())

    async def _return(self) -> None:
        """Reopens the listeners at the same addresses as soon as a server is available."""
        pause, longest = _AGAIN_SECONDS
        said = ""
        while not self._ended and self._session is None:
            try:
                await self._begin()
            except HyperverseError as exc:
                if exc.message != said:
                    said = exc.message
                    _log.warning("the listeners are closed until a NATS server is there: %s", exc)
                await asyncio.sleep(pause * random.uniform(0.7, 1.0))
                pause = min(longest, 2 * pause)
            else:
                _log.warning("the NATS server at %s is back", self._settings.where)

    def _is_away(self) -> Unavailable:
        return Unavailable(f"the connection to the NATS server at {self._settings.where} is lost", retry_after=1.0)

    # -- the end ------------------------------------------------------------------------------------------

    def _leave(self, session: NatsSession) -> None:
        ending = session.close()
        if ending is not None:
            self._endings.add(ending)
            ending.add_done_callback(self._endings.discard)

    def _let_nobody_in(self) -> None:
        for listener in self._listeners.values():
            listener.full = True

    async def close(self) -> None:
        await super().close()
        # A session that is still connecting has a socket too, and closes it when it is done.
        begun = [task for task in (self._starting, self._returning) if task is not None]
        for ending in (begun, self._endings):
            if ending:
                _, late = await asyncio.wait(set(ending), timeout=_CLOSE_SECONDS)
                for task in late:
                    task.cancel()
        await asyncio.sleep(0)  # the loop closes a socket in its next turn

    def abort(self) -> None:
        self._ended = True
        for task in (self._starting, self._returning):
            if task is not None and not task.done():
                task.cancel()
        for attempt in self._attempts.values():
            attempt.fail(Unavailable("the transport was closed"))
        if self._pump is not None:
            self._pump.abort()
        self._listeners.clear()
        if self._session is not None:
            self._leave(self._session)
            self._session = None
