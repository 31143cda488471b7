"""NatsSession: one connection to a server, from its first byte to its loss. Each new connection is a new session:
nothing of the old one is valid any more."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any, Final

import nats.errors

from hyperverse_core.errors import Unauthorized, Unavailable

from .address import Subjects
from .client import connected
from .presence import Beats, Watched
from .settings import NatsSettings

__all__ = ["FULL", "ID_BYTES", "NatsSession"]

_log = logging.getLogger("hyperverse.lane.nats")
ID_BYTES: Final = 16
FULL: Final = 1024 * 1024
"""Bytes that may wait for the socket. Beyond that, messages wait in the queues of the peers, where priorities count."""
_CLOSE_SECONDS: Final = 0.5
_SMALLEST_PAYLOAD: Final = 1024
"""Bytes of the largest message that a server must carry: a handshake and the reason of a goodbye fit in."""
_MOST_REFUSALS: Final = 16

Handle = Callable[[bytes, bytes, str, str], None]
"""Takes a message: the id of the link, the bytes, the subject for an answer, and the status that the server set."""


class NatsSession:
    """One connection to a server.

    Args:
        settings: settings of the transport.
        subjects: subjects of the transport.
        before: called before messages leave; it may add some.
        after: called when they have left.
        rested: called after each message that arrived.
        lost: called once when the connection has ended, with the session.

    Attributes:
        id: id of this session, in subjects.
        beats: our signs of life.
        waiting: bytes that were not yet handed to the socket.
    """

    def __init__(
        self,
        settings: NatsSettings,
        subjects: Subjects,
        *,
        before: Callable[[], None],
        after: Callable[[], None],
        lost: Callable[[NatsSession], None],
    ) -> None:
        self.id = secrets.token_bytes(ID_BYTES)
        self.beats = Beats(self.id)
        self.waiting = 0
        self.alive = False
        self._settings = settings
        self._subjects = subjects
        self._before, self._after, self._lost = before, after, lost
        self._loop = asyncio.get_running_loop()
        self._client: Any = None
        self._outgoing: deque[tuple[str, bytes, str]] = deque()
        self._orders: deque[Callable[[], Awaitable[None]]] = deque()
        self._wake = asyncio.Event()
        self._writer: asyncio.Task[None] | None = None
        self._ending: asyncio.Task[None] | None = None
        self._watched: dict[bytes, tuple[Watched, list[Any]]] = {}
        self._refused: list[str] = []
        self._warned = False

    @property
    def where(self) -> str:
        """The servers that it was to connect to, without their passwords."""
        return self._settings.where

    @property
    def max_payload(self) -> int:
        """Bytes of the largest message that the server carries for us."""
        return int(self._client.largest)

    @property
    def why_lost(self) -> str:
        """What the server or the system said when the connection ended; empty when nothing was said."""
        said = self._client.last_error if self._client is not None else None
        return "" if said is None else str(said) or type(said).__name__

    # -- begin --------------------------------------------------------------------------------------------

    async def begin(self, take: Handle) -> None:
        """Connects, and listens at the inboxes.

        Args:
            take: gets the messages that arrive.

        Raises:
            Unavailable: no server is there, or the largest message that it carries is too small.
            Unauthorized: the server rejects our credentials, or does not permit a subject that we need.
        """
        self._client = await connected(self._settings, "cosmic-hyperverse", self._ended, self._refuse)
        try:
            await self._try_rights()
            await self.listen(self._subjects.inboxes(self.id), take)
            if self.max_payload < _SMALLEST_PAYLOAD:  # known for certain only now
                said = f"the NATS server at {self.where} carries messages of at most {self.max_payload} bytes for us"
                hint = f"set max_payload, and the limit of our account, to {_SMALLEST_PAYLOAD} at least; 1 MiB is usual"
                raise Unavailable(said, hint=hint)
        except BaseException:
            self._client.cut()
            raise
        self.alive = True
        self._writer = self._loop.create_task(self._write())

    async def _try_rights(self) -> None:
        """Uses each sort of subject once, so that a missing right is known from now on: the server only says so when
        a subject is used. :meth:`listen` finds the answers."""
        subjects, nobody = self._subjects, secrets.token_bytes(ID_BYTES)

        async def ignore(message: Any) -> None:
            pass

        here = await self._client.subscribe(subjects.here(self.id), cb=ignore)
        await here.unsubscribe()
        for subject in (subjects.here(self.id), subjects.inbox(self.id, nobody), subjects.listener(nobody.hex())):
            await self._client.publish(subject, b"")

    def _refuse(self, said: str) -> None:
        """Called when the server denies something."""
        self._refused.append(said)
        del self._refused[:-_MOST_REFUSALS]
        if self.alive and not self._warned:
            self._warned = True
            _log.warning(
                "the NATS server at %s refuses what this machine needs: %s; permit it to publish and subscribe to %s.>",
                self.where,
                said,
                self._subjects.prefix,
            )

    async def listen(self, subject: str, take: Handle) -> None:
        """Subscribes to a subject. Raises Unauthorized when the server does not permit it, and Unavailable when it ends
        the connection. Once the session is alive, neither what it denied earlier nor another subject counts: a stranger
        may want an answer where we may not send."""
        named = f'"{subject.lower()}"' if self.alive else ""  # nats-py hands on errors in small letters
        if self.alive:
            self._refused = [said for said in self._refused if named not in said.lower()]

        async def taken(message: Any) -> None:
            status = (message.headers or {}).get("Status", "") if not message.data else ""
            link = message.subject.rpartition(".")[2]
            take(_id_of(link), message.data, message.reply, status)

        await self._client.subscribe(subject, cb=taken)
        await self._settle()
        if self._client.is_closed:
            said = f"the connection to the NATS server at {self.where} is lost: {self.why_lost}"
            raise Unavailable(said, retry_after=1.0)
        refused = next((said for said in self._refused if named in said.lower()), None)
        if refused is not None:
            hint = f"permit it to publish and subscribe to {self._subjects.prefix}.>"
            raise Unauthorized(f"the NATS server at {self.where} refuses this user: {refused}", hint=hint)

    async def _settle(self) -> None:
        """Returns once the server has handled everything sent so far. nats-py writes a ping ahead of its pending data,
        so only the second answer shows that the rest was handled."""
        with contextlib.suppress(nats.errors.Error):
            for _ in range(2):
                await self._client.flush(self._settings.limits.connect_timeout)

    # -- out ----------------------------------------------------------------------------------------------

    def wake(self) -> None:
        """Requests a write at the end of this turn of the loop."""
        self._wake.set()

    def put(self, subject: str, message: bytes, reply: str = "") -> None:
        """Publishes a message at the end of this turn of the loop.

        Args:
            subject: the subject to publish to.
            message: its bytes.
            reply: the subject for an answer.
        """
        if self.alive:
            self._outgoing.append((subject, message, reply))
            self.waiting += len(message)
            self._wake.set()

    async def _write(self) -> None:
        """Writes messages in the order in which they were put. Nothing else writes."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            self._before()
            await self._write_all()
            self._after()

    async def _write_all(self) -> None:
        client, outgoing, orders = self._client, self._outgoing, self._orders
        while outgoing or orders:
            try:
                while orders:
                    await orders.popleft()()
                while outgoing and not orders:
                    subject, message, reply = outgoing.popleft()
                    self.waiting -= len(message)
                    await client.publish(subject, message, reply=reply)
            except (nats.errors.Error, OSError) as exc:
                _log.debug("a message could not be sent: %s", exc)
                if client.is_closed:
                    self._end()
                    return

    # -- signs of life ----------------------------------------------------------------------------------------

    def watch(self, session: bytes, key: bytes, number: int) -> Watched:
        """Listens to the signs of life of another session, until :meth:`unwatch`. Raises ValueError when its key is not
        valid."""
        found = self._watched.get(session)
        if found is None:
            watched = Watched.make(session, key, number, self._loop.time())
            subscription: list[Any] = []
            found = self._watched[session] = watched, subscription

            async def beat(message: Any) -> None:
                self._beat(watched, message.data)

            async def subscribe() -> None:
                if session in self._watched:
                    subscription.append(await self._client.subscribe(self._subjects.here(session), cb=beat))

            self._order(subscribe)
        found[0].users += 1
        return found[0]

    def unwatch(self, watched: Watched) -> None:
        """Removes one user of a watched session."""
        watched.users -= 1
        if watched.users or not self.alive:
            return
        found = self._watched.pop(watched.session, None)
        if found is None:
            return

        async def unsubscribe() -> None:
            for subscription in found[1]:
                await subscription.unsubscribe()

        self._order(unsubscribe)

    def _order(self, order: Callable[[], Awaitable[None]]) -> None:
        self._orders.append(order)
        self._wake.set()

    def _beat(self, watched: Watched, message: bytes) -> None:
        if not watched.hears(message, self._loop.time()) and not watched.warned:
            watched.warned = True
            _log.warning("ignored a message from an impostor of a machine that we have a connection to")

    def beat(self) -> None:
        """Publishes a sign of life."""
        self.put(self._subjects.here(self.id), self.beats.next())

    # -- the end ------------------------------------------------------------------------------------------

    async def _ended(self) -> None:
        self._end()

    def _end(self) -> None:
        if not self.alive:
            return
        self.alive = False
        if self._writer is not None and self._writer is not asyncio.current_task():
            self._writer.cancel()
        self._outgoing.clear()
        self._orders.clear()
        self._lost(self)

    def close(self) -> asyncio.Task[None] | None:
        """Ends the session. Messages that were put still leave if the server takes them at once. May be called twice.

        Returns:
            the task that does this; None when there is nothing to do.
        """
        if self._client is None or self._ending is not None:
            return self._ending
        if self._writer is not None:
            self._writer.cancel()
        client = self._client
        self._ending = self._loop.create_task(self._say_the_rest(self.alive))
        self.alive = False
        self._ending.add_done_callback(lambda _: client.cut())
        return self._ending

    async def _say_the_rest(self, alive: bool) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_CLOSE_SECONDS):
                if alive:
                    self._orders.clear()
                    await self._write_all()
                await self._client.close()


def _id_of(text: str) -> bytes:
    """Returns the id of the link in a subject; empty when there is none."""
    try:
        return bytes.fromhex(text)
    except ValueError:  # the name of a listener, or a subject of a stranger
        return b""
