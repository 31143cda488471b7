"""Pump: moves the messages of all links that share one socket, and notices which of them are dead."""

from __future__ import annotations

import abc
import asyncio
import logging
import struct

import zmq

from hyperverse_core.errors import ProtocolError, Unavailable
from hyperverse_core.transport import Peer, tell

from .edge import EdgeSocket
from .link import Link
from .protocol import ACK, BYE, DATA, GONE, HEAD
from .settings import ZmqSettings

__all__ = ["CLOSE_SECONDS", "Pump", "Roster"]

Roster = dict[Peer, tuple["Pump", Link]]
"""All living peers of a transport."""

CLOSE_SECONDS = 1.0
"""How long a connection that we end may take to deliver what was sent."""

_RETRY_SECONDS = 0.005  # see _retry_soon

_log = logging.getLogger("hyperverse.lane.zmq")


class Pump(abc.ABC):
    """What endpoints and connections have in common.

    Whether a peer lives, ZeroMQ's own thread finds out by its heartbeats. So a peer whose event loop is busy for a
    while is not taken for dead, and we are not either.
    """

    def __init__(self, socket: zmq.Socket[bytes], settings: ZmqSettings, roster: Roster) -> None:
        self._settings = settings
        self._roster = roster
        self._loop = asyncio.get_running_loop()
        self._awake: list[Link] = []
        self._flush_planned = False
        self._heard = False
        self._blocked: dict[Link, None] = {}
        self._retry: asyncio.TimerHandle | None = None
        self._edge = EdgeSocket(socket, self._receive, self._rested)

    @abc.abstractmethod
    def _receive(self) -> None:
        """Reads one message and handles it; raises ``zmq.Again``."""

    @abc.abstractmethod
    def _put(self, route: bytes, message: bytes) -> None:
        """Gives a message to ZeroMQ, or raises ``zmq.ZMQError``."""

    @abc.abstractmethod
    def _forget(self, link: Link, *, heard_bye: bool) -> None:
        """``link`` has ended."""

    @abc.abstractmethod
    def links(self) -> list[Link]:
        """All links that live."""

    def wake(self, link: Link) -> None:
        """Looks at ``link`` at the end of this turn of the loop: so that what is sent in one turn goes as one."""
        if link.awake:
            return
        link.awake = True
        self._awake.append(link)
        if not self._flush_planned and not self._edge.busy:
            self._plan_flush()

    def _plan_flush(self) -> None:
        self._flush_planned = True
        self._loop.call_soon(self._flush)

    def _rested(self) -> bool:
        """Everything that had come is read. Whoever was woken by it runs next, and what they say leaves right behind
        them: one turn of the loop less for each answer."""
        if self._heard:
            self._heard = False
            if not self._flush_planned:
                self._plan_flush()
        if self._awake or self._blocked:
            self._push_awake()
        return self._flush_planned

    def _flush(self) -> None:
        self._flush_planned = False
        if self._awake:
            self._push_awake()
        self._edge.look()

    def _push_awake(self) -> None:
        while self._awake:  # those who are told of an end may send again
            awake, self._awake = self._awake, []
            for link in awake:
                link.awake = False
                self._push(link)
        for link in tuple(self._blocked):
            self._push(link)

    def _push(self, link: Link) -> None:
        while not link.gone:
            message = link.unsent or link.next_message()
            if message is None or not self._offer(link, message):
                return

    def _offer(self, link: Link, message: bytes) -> bool:
        try:
            self._put(link.route, message)
        except zmq.Again:
            link.unsent = message
            self._blocked[link] = None
            self._retry_soon()
            return False
        except zmq.ZMQError as exc:
            _log.debug("%s: %s", link.peer, exc)
            self.end(link, "the connection is lost")
            return False
        link.unsent = None
        self._blocked.pop(link, None)
        return True

    def _retry_soon(self) -> None:
        """The command that says "there is room again" may be fetched by a call for another peer, and then the
        descriptor is silent about it: so as long as something is blocked, look again on our own."""
        if self._retry is None:
            self._retry = self._loop.call_later(_RETRY_SECONDS, self._retry_now)

    def _retry_now(self) -> None:
        self._retry = None
        self._push_awake()
        self._edge.look()

    def _handle(self, link: Link, message: bytes) -> None:
        frames: list[bytes] = []
        try:
            kind, count = HEAD.unpack_from(message)
            if kind in (DATA, ACK):
                link.confirmed(count)
            if kind == DATA:
                frames = link.frames(message)
            elif kind not in (ACK, BYE, GONE):
                raise ProtocolError(f"no message begins with {kind}")
        except (struct.error, ProtocolError) as exc:
            _log.warning("%s sends what is not agreed and is disconnected: %s", link.peer, exc)
            self.end(link, f"it sent what is not agreed: {exc}")
            return
        if frames and not link.closing:
            tell(_log, link.receiver.lane_frames, link.peer, frames)
            self._heard = True
        if kind == BYE:
            self._answer_bye(link)
            self.end(link, message[HEAD.size :].decode(errors="replace"), heard_bye=True)
        elif kind == GONE:
            self.end(link, "closed", heard_bye=True)
        elif link.has_work and not link.gone:
            self.wake(link)

    def _answer_bye(self, link: Link) -> None:
        try:
            self._put(link.route, HEAD.pack(GONE, 0))
        except zmq.ZMQError as exc:
            _log.debug("%s said goodbye and is gone already: %s", link.peer, exc)

    def end(self, link: Link, reason: str, *, heard_bye: bool = False) -> None:
        """Ends a link at once; tells its receiver unless we wanted it ourselves. May be called twice."""
        if link.gone:
            return
        link.gone = True
        self._roster.pop(link.peer, None)
        self._blocked.pop(link, None)
        self._forget(link, heard_bye=heard_bye)
        link.outbox.fail(Unavailable(f"the lane to {link.peer.name!r} has ended: {reason}"))
        if link.ended is not None and not link.ended.done():
            link.ended.set_result(None)
        if not link.closing:
            tell(_log, link.receiver.lane_down, link.peer, reason)

    async def disconnect(self, link: Link) -> None:
        """Ends a link after what was sent has arrived, or after :data:`CLOSE_SECONDS`."""
        if link.gone:
            return
        if link.ended is None:
            link.ended = self._loop.create_future()
        link.closing = True
        self.wake(link)
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                await asyncio.shield(link.ended)
        except TimeoutError:
            _log.info("%s did not take what was left for it", link.peer)
        finally:
            self.end(link, "closed")

    def probe(self) -> None:
        """Called now and then: what nobody was told of, because a descriptor was silent, is found here."""
        self._edge.look()

    def abort(self) -> None:
        """Ends all links and closes the socket, at once. May be called twice."""
        for link in self.links():
            link.closing = True
            self.end(link, "closed")
        if self._retry is not None:
            self._retry.cancel()
            self._retry = None
        self._edge.close()
