"""Envelopes: what goes over a lane between two machines, around the frames of :mod:`.frames`.

An envelope names the star that it is for, so a machine on the way passes it on without opening it.
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
        constellation: the constellation that its stars belong to.
        understands: lowest number of the wire protocol that it understands; 0 when it understands one only.
        credentials: what the machine shows where the transport does not prove its key; empty elsewhere.
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
        status: as that of a reply, such as 401.
        error: the reason.
        hint: what would help; may be empty.
    """

    status: int
    error: str
    hint: str = ""


class Envelope(msgspec.Struct, array_like=True, gc=False, tag=3):
    """A frame on its way to a star.

    Attributes:
        star: the star that it is for.
        left: how many machines may still pass it on.
        number: number of the request. The asking machine gives it, and the answer repeats it.
        origin: the star that gets the answer; empty in an answer.
        priority: the priority with which it goes over each lane.
        passed: the machines that have had it. It goes to none of them again.
        payload: an encoded frame of :mod:`.frames`.
        incarnation: the incarnation that the star must have: only that one would remember what this repeats. 0 for
            whichever it has.
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
    """Returns the lane frame in ``frame``. Raises ProtocolError when it does not follow the protocol."""
    try:
        return _decoder.decode(frame)
    except UNREADABLE as exc:
        raise ProtocolError(f"a lane frame of {len(frame)} bytes does not follow the protocol: {exc}") from exc
