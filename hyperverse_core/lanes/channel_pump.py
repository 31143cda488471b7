"""ChannelPump: moves the messages of channels over a network, and closes channels in an orderly way."""

from __future__ import annotations

import abc
import asyncio
import logging
import struct
from typing import TypeAlias

from ..contracts.lane import Peer
from ..errors import ProtocolError, Unavailable
from .guarded_call import guarded_call, log_failure
from .messages import ACK, BYE, DATA, GONE, HEAD, goodbye_reason
from .peer_channel import PeerChannel

__all__ = ["CLOSE_SECONDS", "ChannelPump", "PeerTable"]

CLOSE_SECONDS = 1.0
"""Seconds that a channel that this side ends may take to deliver what was sent."""

_GONE = HEAD.pack(GONE, 0)

PeerTable: TypeAlias = "dict[Peer, tuple[ChannelPump, PeerChannel]]"
"""The living peers of a transport, each with its channel and the pump that moves its messages."""


class ChannelPump(abc.ABC):
    """Sends and handles the messages of channels.

    A subclass connects it to the network. It implements four methods, calls :meth:`handle` with each message that
    arrives, and calls :meth:`end` when the network reports a lost connection. A transport puts frames into the outbox
    of a channel and calls :meth:`wake`::

        def send(self, peer, frame, *, priority=3):
            pump, channel = self._living(peer)
            channel.outbox.put(frame, priority)
            pump.wake(channel)

    Args:
        log: where failures of receivers and of peers are written.
        peers: the transport's table of peers. :meth:`end` removes a peer from it; the maker of a channel adds it.
    """

    def __init__(self, log: logging.Logger, peers: PeerTable) -> None:
        self._log = log
        self._peers = peers
        self._loop = asyncio.get_running_loop()
        self._awake: list[PeerChannel] = []
        self._flush_planned = False
        self._heard = False
        """Whether frames were handed to a receiver since the flag was last set to False."""

    # -- what a subclass implements ------------------------------------------------------------------------

    @abc.abstractmethod
    def _offer(self, channel: PeerChannel, message: bytes) -> bool:
        """Hands a message to the network. Returns whether the network took it.

        If the network is full, keeps the message in ``channel.unsent`` and calls :meth:`wake` or :meth:`_push_awake`
        once there is room again. If the connection is lost, calls :meth:`end`.
        """

    @abc.abstractmethod
    def _say(self, channel: PeerChannel, message: bytes) -> None:
        """Sends a message ahead of everything that waits, if the network accepts it immediately. It never raises."""

    @abc.abstractmethod
    def _forget(self, channel: PeerChannel, *, heard_bye: bool) -> None:
        """Releases the resources of an ended channel in the network.

        Args:
            channel: the channel.
            heard_bye: whether the other side knows that it has ended.
        """

    @abc.abstractmethod
    def channels(self) -> list[PeerChannel]:
        """Returns all channels that have not ended."""

    # -- out ----------------------------------------------------------------------------------------------

    def wake(self, channel: PeerChannel) -> None:
        """Schedules ``channel`` for the end of this turn of the loop, so that everything sent in one turn travels
        together. May be called any number of times."""
        if channel.awake:
            return
        channel.awake = True
        self._awake.append(channel)
        if not self._flush_planned:
            self._plan_flush()

    def _plan_flush(self) -> None:
        self._flush_planned = True
        self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        self._flush_planned = False
        self._push_awake()

    def _push_awake(self) -> None:
        while self._awake:  # a receiver that is notified of an end may send again
            awake, self._awake = self._awake, []
            for channel in awake:
                channel.awake = False
                self._push(channel)

    def _push(self, channel: PeerChannel) -> None:
        while not channel.gone:
            unsent = channel.unsent
            message = unsent or channel.next_message()
            if message is None or not self._offer(channel, message):
                return
            # The message just made carries every acknowledgement that was due: only frames may be left, or the goodbye.
            if unsent is None and not channel.outbox.frames_waiting and not channel.closing:
                return

    # -- in -----------------------------------------------------------------------------------------------

    def handle(self, channel: PeerChannel, message: bytes) -> None:
        """Handles a message that arrives after HELLO and WELCOME. A peer that breaks the protocol is disconnected: this
        method never raises ProtocolError.

        Args:
            channel: the channel on which it arrived.
            message: its bytes.
        """
        frames: list[bytes] = []
        try:
            kind, count = HEAD.unpack_from(message)
            if kind == DATA:
                frames = channel.taken(count, message)
            elif kind == ACK:
                channel.confirmed(count)
            elif kind not in (BYE, GONE):
                raise ProtocolError(f"no message begins with {kind}")
        except (struct.error, ProtocolError) as exc:
            self._log.warning("%s breaks the protocol and is disconnected: %s", channel.peer, exc)
            self.end(channel, f"it broke the protocol: {exc}")
            return
        if frames and not channel.closing:
            self._heard = True
            try:  # inlines `guarded_call`: every wave passes here
                channel.receiver.lane_frames(channel.peer, frames)
            except BaseException:
                log_failure(self._log, channel.receiver.lane_frames)
        if kind == BYE:
            self._say(channel, _GONE)
            self.end(channel, goodbye_reason(message), heard_bye=True)
        elif kind == GONE:
            self.end(channel, "closed", heard_bye=True)
        elif channel.has_work and not channel.gone:
            self.wake(channel)

    # -- the end ------------------------------------------------------------------------------------------

    def end(self, channel: PeerChannel, reason: str, *, heard_bye: bool = False) -> None:
        """Ends a channel immediately. Notifies its receiver, unless this side ended it. May be called twice.

        Args:
            channel: the channel.
            reason: why, for the receiver and the log.
            heard_bye: whether the peer said goodbye, so that it needs no message.
        """
        if channel.gone:
            return
        channel.gone = True
        self._peers.pop(channel.peer, None)
        self._forget(channel, heard_bye=heard_bye)
        channel.outbox.fail(Unavailable(f"the lane to {channel.peer.name!r} has ended: {reason}"))
        if channel.ended is not None and not channel.ended.done():
            channel.ended.set_result(None)
        if not channel.closing:
            guarded_call(self._log, channel.receiver.lane_down, channel.peer, reason)

    async def disconnect(self, channel: PeerChannel) -> None:
        """Ends a channel once everything sent has arrived, or after :data:`CLOSE_SECONDS`.

        Args:
            channel: the channel.
        """
        if channel.gone:
            return
        if channel.ended is None:
            channel.ended = self._loop.create_future()
        channel.closing = True
        self.wake(channel)
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                await asyncio.shield(channel.ended)
        except TimeoutError:
            self._log.info("%s did not receive the remaining messages", channel.peer)
        finally:
            self.end(channel, "closed")

    def abort(self) -> None:
        """Ends all channels immediately. May be called twice."""
        for channel in self.channels():
            channel.closing = True
            self.end(channel, "closed")
