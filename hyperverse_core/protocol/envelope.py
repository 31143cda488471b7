"""Envelopes: what goes over a lane between two machines, around the frames of ``wire``.

An envelope names the star it is for, so that a machine on the way passes it on without opening it.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

from ..errors import ProtocolError
from ..universe.waves.wave import Priority

__all__ = ["Envelope", "Hello", "News", "Refused", "decode_lane", "encode_lane"]


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
    """The other side does not want this lane, why, and what would help."""

    status: int
    error: str
    hint: str = ""


class Envelope(msgspec.Struct, array_like=True, gc=False, tag=3):
    """A frame on its way.

    Attributes:
        star: the star it is for.
        left: how many machines may still pass it on.
        number: of the request, given by the asking machine and repeated in the answer.
        origin: the star that is to get the answer; empty for an answer.
        priority: with which it goes over each lane.
        passed: machines that have had it: it goes to none of them again.
        payload: a frame of ``wire``.
    """

    star: str
    left: int
    number: int
    origin: str
    priority: Annotated[int, msgspec.Meta(ge=int(min(Priority)), le=int(max(Priority)))]
    passed: tuple[str, ...]
    payload: msgspec.Raw


class News(msgspec.Struct, array_like=True, gc=False, tag=4):
    """The machine has committed that revision of the registry: what others hold in their caches may be wrong."""

    revision: int


_encoder = msgspec.msgpack.Encoder()
_decoder: msgspec.msgpack.Decoder[Hello | Refused | Envelope | News] = msgspec.msgpack.Decoder(
    Hello | Refused | Envelope | News
)


def encode_lane(frame: Hello | Refused | Envelope | News) -> bytes:
    """A lane frame as bytes."""
    return _encoder.encode(frame)


def decode_lane(frame: bytes) -> Hello | Refused | Envelope | News:
    """What a lane frame says. Raises ProtocolError."""
    try:
        return _decoder.decode(frame)
    except (msgspec.MsgspecError, ValueError, RecursionError) as exc:
        raise ProtocolError(f"a lane frame of {len(frame)} bytes does not follow the protocol: {exc}") from exc
