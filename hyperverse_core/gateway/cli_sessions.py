"""Command-line sessions of a particle. See docs/reference/commands.md#sessions.

A session keeps the point that relative points start from. Only the particle that opened it may use it. A session that
has not been used for an hour ends.
"""

from __future__ import annotations

import asyncio
import random

import attrs

from ..errors import Forbidden, NotFound, TooMany
from ..universe.address.layer import Layer
from ..universe.address.point import ROOT, Point
from ..universe.address.surface import Surface
from ..universe.address.topic import Topic, TopicKind

__all__ = ["CliSession", "CliSessions"]

_KEPT_SECONDS = 3600.0
_MOST = 64


@attrs.define(eq=False)
class CliSession:
    """One session.

    Attributes:
        surface: the address of its commands.
        working: the point that relative points start from.
        used: time of the event loop when it was last used.
    """

    surface: Surface
    working: Point
    used: float


class CliSessions:
    """The sessions of one particle.

    Args:
        owner: the particle; waves from any other are refused.
        chance: source of randomness for the names of sessions.
    """

    def __init__(self, owner: Point, chance: random.Random) -> None:
        self._owner = owner
        self._chance = chance
        self._loop = asyncio.get_running_loop()
        self._open: dict[str, CliSession] = {}

    def __len__(self) -> int:
        self._sweep()
        return len(self._open)

    def open(self, sender: Point, working: Point = ROOT) -> CliSession:
        """Opens a session. Raises Forbidden for any particle but the owner, and TooMany if the owner already has 64."""
        self._check(sender)
        self._sweep()
        if len(self._open) >= _MOST:
            raise TooMany(f"{self._owner.text!r} has {_MOST} sessions open", hint="use one of them")
        topic = Topic(TopicKind.UUID, f"{self._chance.getrandbits(128):032x}")
        session = CliSession(Surface(self._owner, Layer.SHELL, topic), working, self._loop.time())
        self._open[str(topic)] = session
        return session

    def find(self, sender: Point, topic: str) -> CliSession:
        """Returns the session that a wave with ``topic`` addresses. Raises Forbidden, and NotFound if it has ended."""
        self._check(sender)
        self._sweep()
        session = self._open.get(topic)
        if session is None:
            raise NotFound(f"no session {topic!r}", hint="it has ended: open a new one with Ext<NewCliSession>")
        session.used = self._loop.time()
        return session

    def _check(self, sender: Point) -> None:
        if sender != self._owner:
            raise Forbidden(f"only {self._owner.text!r} may use its sessions", hint="open a session of your own")

    def _sweep(self) -> None:
        over = self._loop.time() - _KEPT_SECONDS
        for topic in [topic for topic, session in self._open.items() if session.used < over]:
            del self._open[topic]
