"""Envelopes: the messages on a lane between two machines, which contain the frames of :mod:`.frames`.

An envelope names its destination star, so a machine on the way forwards it without decoding the frame inside.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Final, TypeAlias

import msgspec

from ..errors import ProtocolError
from ..universe.waves.wave import Priority
from .frames import UNREADABLE

__all__ = ["Envelope", "Hello", "LaneFrame", "Refused", "RevisionNotice", "decode_lane", "encode_lane"]


class Hello(msgspec.Struct, array_like=True, gc=False, tag=1):
    """First frame of a machine on a lane, and the answer to it.

    Attributes:
        protocol: highest number of the wire protocol that the machine understands.
        machine: name of the machine.
        version: version of its program.
        constellation: the constellation of its stars.
        understands: lowest number of the wire protocol that it understands; 0 if it understands only one.
        credentials: what the machine presents if the transport does not prove its key; empty otherwise.
    """

    protocol: int
    machine: str
    version: str
    constellation: str
    understands: int = 0
    credentials: str = ""

    def __repr__(self) -> str:  # credentials must not get into a log line
        return f"Hello(protocol={self.protocol!r}, machine={self.machine!r}, version={self.version!r})"


class Refused(msgspec.Struct, array_like=True, gc=False, tag=2):
    """The other side refuses this lane.

    Attributes:
        status: status as in a reply, such as 401.
        error: the reason.
        hint: what to do about it; may be empty.
    """

    status: int
    error: str
    hint: str = ""


class Envelope(msgspec.Struct, array_like=True, gc=False, tag=3):
    """A frame on its way to a star.

    Attributes:
        star: the destination star.
        left: number of machines that may still forward it.
        number: number of the request, which the asking machine assigns and the answer repeats.
        origin: the star that receives the answer; empty in an answer.
        priority: priority with which it is sent over each lane.
        passed: the machines that have forwarded it. It is not sent to any of them again.
        payload: an encoded frame of :mod:`.frames`.
        incarnation: required incarnation of the star, because only that one would remember the wave that is repeated; 0
            for any.
    """

    star: str
    left: int
    number: int
    origin: str
    priority: Annotated[int, msgspec.Meta(ge=int(min(Priority)), le=int(max(Priority)))]
    passed: tuple[str, ...]
    payload: msgspec.Raw
    incarnation: int = 0


class RevisionNotice(msgspec.Struct, array_like=True, gc=False, tag=4):
    """The machine has committed a revision of the registry, so caches of other machines may be out of date.

    Attributes:
        revision: the newest revision that the machine has committed.
    """

    revision: int


LaneFrame: TypeAlias = Hello | Refused | Envelope | RevisionNotice

_decoder: msgspec.msgpack.Decoder[LaneFrame] = msgspec.msgpack.Decoder(LaneFrame)

encode_lane: Final[Callable[[LaneFrame], bytes]] = msgspec.msgpack.Encoder().encode
"""Returns a lane frame as bytes."""


def decode_lane(frame: bytes) -> LaneFrame:
    """Decodes a lane frame. Raises ProtocolError if it does not follow the protocol."""
    try:
        return _decoder.decode(frame)
    except UNREADABLE as exc:
        raise ProtocolError(f"a lane frame of {len(frame)} bytes does not follow the protocol: {exc}") from exc
