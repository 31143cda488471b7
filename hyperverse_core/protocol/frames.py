"""Frames: what travels between two machines, and between a machine and a client, field by field.

Each is a MessagePack array whose first element, one byte, says what it is. Texts stand for values (points,
methods, scopes), times are seconds. A client asks with frames of its own, in which there is no
place for a sender, an agent, a chain or a scope: so it cannot forge them.
"""

from __future__ import annotations

from typing import Any

import msgspec

from ..universe.waves.wave import Outcome, Priority

__all__ = [
    "PROTOCOL",
    "AskFrame",
    "AskManyFrame",
    "AssignedFrame",
    "EchoesFrame",
    "GreetFrame",
    "KnockFrame",
    "PartFrame",
    "PingFrame",
    "PongFrame",
    "ProvisionFrame",
    "RefusalFrame",
    "SignalFrame",
    "TellFrame",
]

PROTOCOL = 1
"""Number of this protocol. It grows with every change that the other side would not understand."""


class _Frame(msgspec.Struct, array_like=True, gc=False):
    """Base of all frames."""


# -- between a machine and a client ----------------------------------------------------------------


class KnockFrame(_Frame, tag=1):
    """First frame of a client."""

    protocol: int
    token: str
    version: str

    def __repr__(self) -> str:  # a token must not get into a log line
        return f"KnockFrame(protocol={self.protocol!r}, version={self.version!r})"


class GreetFrame(_Frame, tag=2):
    """The machine's answer to a knock: who the client is here, and what it may send.

    Attributes:
        surface: of the particle that stands for the client.
        agent: in whose name its waves are sent.
        machine, star: where it has come in.
        version: of the machine's program.
        waves: how many of its waves may be in flight.
        body: the largest body (bytes).
        life: of the machine's process; another one does not remember what this one has handled.
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
    """The other side ends the connection, and why."""

    status: int
    error: str
    hint: str = ""


class AskFrame(_Frame, tag=4):
    """A client's Ping. ``wait``: seconds that it waits from now on."""

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


class TellFrame(_Frame, tag=5):
    """A client's Signal; answered when it was accepted or refused."""

    id: str
    to: str
    method: str
    body: Any
    path: str
    headers: dict[str, str] | None
    wait: float
    priority: Priority
    topic: str


class AskManyFrame(_Frame, tag=6):
    """A client's Ripple. ``to``: a word for the form of recipients, then their texts."""

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
    # ``left``: seconds until nobody waits for it any more; infinite when nobody ever does.

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
    """A Pong. From a client only ``id``, ``status``, ``body``, ``headers`` and ``outcome`` count."""

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
    """Echoes of one Ripple. ``last``: no more will come."""

    id: str
    echoes: list[PongFrame]
    last: bool


class ProvisionFrame(_Frame, tag=21):
    """A star is to take a particle.

    Attributes:
        expected: star, incarnation and epoch of the assignment that it would replace.
    """

    id: str
    star: str
    point: str
    expected: tuple[str, int, int] | None


class AssignedFrame(_Frame, tag=22):
    """The answer to a Provision: the assignment, or None and why not."""

    id: str
    assignment: tuple[str, int, int] | None
    status: int
    error: str
    hint: str
