"""Frames: the messages between two machines, and between a machine and a client, field by field.

Each is a MessagePack array whose first element, one byte, identifies the frame. Points, methods and scopes travel as
strings, times in seconds. Clients have separate frames without fields for a sender, an agent, a chain or a scope, so a
client cannot forge those.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from ..universe.waves.wave import Outcome, Priority
from .versions import PROTOCOLS

__all__ = [
    "PROTOCOL",
    "UNREADABLE",
    "ClientPingFrame",
    "ClientRippleFrame",
    "ClientSignalFrame",
    "EchoesFrame",
    "HelloFrame",
    "PartFrame",
    "PingFrame",
    "PongFrame",
    "ProvisionReplyFrame",
    "ProvisionRequestFrame",
    "RefusalFrame",
    "SignalFrame",
    "WelcomeFrame",
]

PROTOCOL = PROTOCOLS.speaks
"""Version number of the protocol that these frames belong to."""

UNREADABLE: Final = (msgspec.MsgspecError, ValueError, TypeError, RecursionError)
"""The exceptions of msgspec for bytes that are not a frame. Before 0.21, a map as a key of a map raises TypeError."""


class _Frame(msgspec.Struct, array_like=True, gc=False):
    """Base of all frames."""


# -- between a machine and a client ----------------------------------------------------------------


class HelloFrame(_Frame, tag=1):
    """First frame of a client.

    Attributes:
        protocol: highest number of the wire protocol that the client understands.
        token: its credentials.
        version: version of its program.
        understands: lowest number of the wire protocol that it understands; 0 if it understands only one.
    """

    protocol: int
    token: str
    version: str
    understands: int = 0

    def __repr__(self) -> str:  # a token must not get into a log line
        return f"HelloFrame(protocol={self.protocol!r}, version={self.version!r}, understands={self.understands!r})"


class WelcomeFrame(_Frame, tag=2):
    """The machine's answer to a client's first frame: the client's identity on the machine, and its limits.

    Attributes:
        protocol: number of the wire protocol that both use from now on.
        surface: surface of the particle that represents the client.
        agent: the agent on whose behalf the client's waves are sent.
        machine, star: the machine and the star to which the client is connected.
        version: version of the machine's program.
        waves: greatest number of the client's waves in flight.
        body: size limit of a body, in bytes.
        life: identifies the machine's process. Another process does not remember which waves this one has handled.
    """

    protocol: int
    surface: str
    agent: str
    machine: str
    star: str
    version: str
    waves: int
    body: int
    life: str = ""


class RefusalFrame(_Frame, tag=3):
    """The machine ends the connection.

    Attributes:
        status: status as in a reply, such as 401.
        error: the reason.
        hint: what to do about it; may be empty.
    """

    status: int
    error: str
    hint: str = ""


class ClientPingFrame(_Frame, tag=4):
    """A client's Ping. ``wait`` is the number of seconds that it waits from now on."""

    id: str
    to: str
    method: str
    body: Any
    path: str
    headers: dict[str, str] | None
    wait: float
    retries: int
    priority: Priority
    topic: str


class ClientSignalFrame(_Frame, tag=5):
    """A client's Signal. It is answered once it is accepted or refused."""

    id: str
    to: str
    method: str
    body: Any
    path: str
    headers: dict[str, str] | None
    wait: float
    priority: Priority
    topic: str


class ClientRippleFrame(_Frame, tag=6):
    """A client's Ripple. ``to`` has a word for the form of the recipients, followed by their texts; see
    :mod:`.recipients_text`."""

    id: str
    to: list[str]
    method: str
    body: Any
    path: str
    headers: dict[str, str] | None
    wait: float
    count: int | None
    priority: Priority
    topic: str


# -- between machines, and from a machine to a client ----------------------------------------------


class _WaveFrame(_Frame):
    # ``left``: seconds until nobody waits for the wave any more; infinite when nobody waits at all.

    id: str
    to: str
    method: str
    body: Any
    path: str
    headers: dict[str, str] | None
    sender: str
    agent: str
    scope: str | None
    left: float
    wait: float
    retries: int
    priority: Priority
    chain: tuple[str, ...]
    hops: int
    topic: str
    origin: str


class PingFrame(_WaveFrame, tag=16):
    """A Ping."""


class SignalFrame(_WaveFrame, tag=17):
    """A Signal."""


class PartFrame(_WaveFrame, tag=18):
    """The part of a Ripple that is for the particles of one star. ``to`` is empty."""

    points: list[str] = []
    count: int | None = None


class PongFrame(_Frame, tag=19):
    """A Pong. Of a client's Pong only ``id``, ``status``, ``body``, ``headers`` and ``outcome`` are used."""

    id: str
    status: int
    body: Any
    sender: str
    outcome: Outcome
    star: str
    hops: int
    remote: bool
    attempts: int
    headers: dict[str, str] | None


class EchoesFrame(_Frame, tag=20):
    """Echoes of one Ripple. ``last`` is true if there are no more."""

    id: str
    echoes: list[PongFrame]
    last: bool


class ProvisionRequestFrame(_Frame, tag=21):
    """A request to a star to adopt a particle.

    Attributes:
        expected: star, incarnation and epoch of the assignment that the new one would replace.
    """

    id: str
    star: str
    point: str
    expected: tuple[str, int, int] | None


class ProvisionReplyFrame(_Frame, tag=22):
    """The reply to such a request: star, incarnation and epoch of the assignment; or None and the reason."""

    id: str
    assignment: tuple[str, int, int] | None
    status: int
    error: str
    hint: str
