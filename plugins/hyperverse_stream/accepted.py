"""AcceptedLink: a connection that a peer made to one of our endpoints."""

from __future__ import annotations

import logging
from collections.abc import Callable

import attrs

from hyperverse_core.transport import Endpoint, LaneReceiver, NotProven, Peer, RefusalLog, guarded_call, messages

from . import greeting
from .link import LARGEST_GREETING, StreamLink
from .noise import KEYS, Responder
from .pump import StreamPump
from .room import Room
from .settings import StreamSettings

__all__ = ["AcceptedLink", "OpenEndpoint"]

_log = logging.getLogger("hyperverse.lane.stream")


@attrs.define(eq=False)
class OpenEndpoint:
    """An open endpoint.

    Attributes:
        endpoint: the address, and the machine that it belongs to.
        secret: secret part of its key.
        receiver: notified of new peers, and gets their messages.
        settings: the limits.
        name_peer: makes a name for a new peer.
        room: whether the process has file descriptors left for one more.
        strangers: connections without a proven key.
        guests: connections with a proven key.
        full: whether the endpoint accepts no more peers.
        refusals: refused peers, for the log.
    """

    endpoint: Endpoint
    secret: bytes
    receiver: LaneReceiver
    settings: StreamSettings
    name_peer: Callable[[str], str]
    room: Room
    strangers: int = 0
    guests: int = 0
    full: bool = False
    refusals: RefusalLog = attrs.field(
        init=False, default=attrs.Factory(lambda self: RefusalLog(_log, self.endpoint.name), takes_self=True)
    )


class AcceptedLink(StreamLink):
    """The listening side of a connection."""

    def __init__(self, pump: StreamPump, listening: OpenEndpoint, *, encrypted: bool) -> None:
        super().__init__(pump, encrypted=encrypted)
        self._listening = listening
        self._responder = Responder(listening.secret)
        self._expect = self._first
        self._stranger = False
        self._guest = False
        self._address = ""

    def _begin(self) -> None:
        listening = self._listening
        if (
            listening.strangers >= listening.settings.max_strangers
            or not listening.room.for_one_more()
            or not self.process.is_ours()
        ):
            self.abort()
            return
        listening.strangers += 1
        self._stranger = True
        assert self._stream is not None
        host = self._stream.get_extra_info("peername")
        self._address = str(host[0]) if isinstance(host, tuple) else ""  # a socket file has none

    def _first(self, message: bytes) -> None:
        try:
            answer = self._responder.first(message)
        except NotProven:
            self.put(greeting.WRONG_KEY)
            raise
        self.put(answer)
        self._expect = self._third

    def _third(self, message: bytes) -> None:
        listening, endpoint = self._listening, self._listening.endpoint
        key, payload, seal, opens = self._responder.third(message)
        text = KEYS.text_of(key)
        fault = messages.hello_fault(payload)
        if endpoint.allow is not None and text not in endpoint.allow:
            verdict, fault = greeting.not_allowed(), "its key is not allowed"
        elif fault:
            verdict = greeting.unusable(fault)
        elif listening.full or listening.guests >= listening.settings.max_peers:
            fault = "it has reached its limit of peers (max_peers)"
            verdict = greeting.full(fault)
        else:
            verdict = greeting.WELCOME
        self.put(seal.seal(verdict))
        if fault:
            listening.refusals.note(f"the peer with the key {text!r}: {fault}")
            self.close()
            return
        self.proven(seal, opens)
        self._welcome(Peer(listening.name_peer(endpoint.name), text, endpoint.name, self._address))

    def _welcome(self, peer: Peer) -> None:
        listening = self._listening
        self._no_stranger_any_more()
        self._guest = True
        listening.guests += 1
        channel = listening.settings.new_channel(peer, listening.receiver, self)
        self.channel = channel.bounded(listening.endpoint.unanswered)
        if listening.endpoint.unanswered:
            self._largest = min(self._largest, listening.endpoint.unanswered + LARGEST_GREETING)
        self.carry(self.channel)
        self._pump.add(self.channel)
        guarded_call(_log, listening.receiver.lane_up, peer)

    def fault(self, what: str) -> None:
        if self.channel is None:
            self._listening.refusals.note(what)
        super().fault(what)

    def close(self) -> None:
        self._left()
        super().close()

    def abort(self) -> None:
        self._left()
        super().abort()

    def _lost(self) -> None:
        self._left()

    def connection_lost(self, exc: Exception | None) -> None:
        self._left()
        super().connection_lost(exc)

    def _left(self) -> None:
        self._no_stranger_any_more()
        if self._guest:
            self._guest = False
            self._listening.guests -= 1

    def _no_stranger_any_more(self) -> None:
        if self._stranger:
            self._stranger = False
            self._listening.strangers -= 1
