"""Converts frames to bytes and back, and checks what a body may contain. :mod:`.codec` makes frames from waves."""

from __future__ import annotations

from typing import NoReturn, TypeAlias

import msgspec

from ..errors import BadRequest, ProtocolError
from ..universe.waves.wave import Body
from .frames import (
    ClientPingFrame,
    ClientRippleFrame,
    ClientSignalFrame,
    EchoesFrame,
    HelloFrame,
    PartFrame,
    PingFrame,
    PongFrame,
    ProvisionReplyFrame,
    ProvisionRequestFrame,
    RefusalFrame,
    SignalFrame,
    WelcomeFrame,
)
from .plain_values import DEEPEST, SCALARS, first_offender, is_too_deep, may_be_too_deep, may_hold_timestamp

__all__ = ["Frame", "body_of", "body_size", "decode_frame", "encode_frame", "encoded_body"]

Frame: TypeAlias = (
    HelloFrame
    | WelcomeFrame
    | RefusalFrame
    | ClientPingFrame
    | ClientSignalFrame
    | ClientRippleFrame
    | PingFrame
    | SignalFrame
    | PartFrame
    | PongFrame
    | EchoesFrame
    | ProvisionRequestFrame
    | ProvisionReplyFrame
)


def _no_extension(code: int, data: memoryview) -> NoReturn:
    raise ProtocolError(f"a body holds an extension value of type {code}", hint="bodies are plain values")


_encode = msgspec.msgpack.Encoder().encode
_decoder: msgspec.msgpack.Decoder[Frame] = msgspec.msgpack.Decoder(Frame, ext_hook=_no_extension)
decode_frame = _decoder.decode
"""Decodes a frame. Raises the exceptions in ``UNREADABLE`` of :mod:`.frames`."""


_SHALLOW = 2 * DEEPEST
"""Number of bytes, in addition to those of every frame, up to which a frame cannot have too many levels."""


def encode_frame(frame: Frame) -> bytes:
    """Encodes a frame. Raises BadRequest, which names the value of the body that cannot be sent."""
    try:
        encoded = _encode(frame)
    except (TypeError, ValueError, OverflowError, RecursionError) as exc:
        raise _not_plain(first_offender(body_of(frame)) or str(exc)) from exc
    if type(getattr(frame, "body", frame)) in SCALARS:
        return encoded
    if may_hold_timestamp(encoded):
        said = first_offender(body_of(frame))
        if said:
            raise _not_plain(said)
    if len(encoded) > _SHALLOW and may_be_too_deep(encoded):
        bodies = [echo.body for echo in frame.echoes] if isinstance(frame, EchoesFrame) else [body_of(frame)]
        if any(map(is_too_deep, bodies)):
            raise _not_plain(f"the body has more than {DEEPEST} levels of lists and maps")
    return encoded


def body_size(body: Body) -> int:
    """Returns the size of an encoded body in bytes. Raises BadRequest, which names the value that cannot be sent."""
    try:
        encoded = _encode(body)
    except (TypeError, ValueError, OverflowError, RecursionError) as exc:
        raise _not_plain(first_offender(body) or str(exc)) from exc
    if type(body) not in SCALARS:
        if may_hold_timestamp(encoded) and (said := first_offender(body)):
            raise _not_plain(said)
        if may_be_too_deep(encoded) and is_too_deep(body):
            raise _not_plain(f"the body has more than {DEEPEST} levels of lists and maps")
    return len(encoded)


def encoded_body(body: Body) -> bytes:
    """Encodes a body as in a frame. If no frame can carry it, which is possible for a wave inside a machine, encodes a
    string that describes it."""
    try:
        return _encode(body)
    except (TypeError, ValueError, OverflowError, RecursionError):
        return repr(body).encode("utf-8", "surrogatepass")


def body_of(raw: Frame) -> Body:
    """Returns the body of a frame, or the bodies of its echoes; None if it has none."""
    if isinstance(raw, EchoesFrame):
        return [echo.body for echo in raw.echoes]
    return getattr(raw, "body", None)


def _not_plain(said: str) -> BadRequest:
    return BadRequest(
        f"the body cannot be sent: {said}",
        hint="a body consists of None, bool, int (64 bits), float, str, bytes, lists and maps",
    )
