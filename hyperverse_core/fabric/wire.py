"""Waves to bytes and back.

Everything that machines say to each other, and to clients, is here. What the frames look like is said in
``wire_frames``. A time on the wire is the time that is left, so clocks of machines are never compared.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NoReturn, TypeAlias

import attrs
import msgspec

from ..contracts.registry import Assignment
from ..errors import BadRequest, HyperverseError, ProtocolError
from ..universe.point import ROOT, Point
from ..universe.scope import Scope
from ..universe.star_key import StarKey
from ..universe.wave import (
    DEFAULT_HANDLING,
    Body,
    Directed,
    Echo,
    Handling,
    Method,
    Ping,
    Pong,
    Priority,
    Ripple,
    Signal,
)
from .plain import foreign, may_hold_timestamp
from .wire_frames import (
    NO_DEADLINE,
    PROTOCOL,
    AskFrame,
    AskManyFrame,
    AssignedFrame,
    EchoesFrame,
    GreetFrame,
    KnockFrame,
    PartFrame,
    PingFrame,
    PongFrame,
    ProvisionFrame,
    RefusalFrame,
    SignalFrame,
    TellFrame,
)

__all__ = [
    "PROTOCOL",
    "Assigned",
    "ClientFrame",
    "Echoes",
    "Message",
    "Provision",
    "decode",
    "encode_assigned",
    "encode_echoes",
    "encode_frame",
    "encode_part",
    "encode_ping",
    "encode_pong",
    "encode_provision",
    "encode_signal",
]

_FOREVER = float("inf")
_SECOND = 1_000_000_000


@attrs.frozen
class Echoes:
    """Echoes of the Ripple with that id; ``last`` when no more will come."""

    id: str
    echoes: list[Echo]
    last: bool


@attrs.frozen
class Provision:
    """``star`` is asked to take ``point`` in place of the ``expected`` assignment."""

    id: str
    star: StarKey
    point: Point
    expected: Assignment | None


@attrs.frozen
class Assigned:
    """The answer to a Provision: where the particle lives now, or why it was not taken."""

    id: str
    assignment: Assignment | None
    status: int = 200
    error: str = ""
    hint: str = ""


ClientFrame: TypeAlias = KnockFrame | GreetFrame | RefusalFrame | AskFrame | TellFrame | AskManyFrame
"""Frames that are used as they are: texts in them have not been looked at."""

Message: TypeAlias = Ping | Signal | Ripple | Pong | Echoes | Provision | Assigned | ClientFrame

_Raw: TypeAlias = (
    KnockFrame
    | GreetFrame
    | RefusalFrame
    | AskFrame
    | TellFrame
    | AskManyFrame
    | PingFrame
    | SignalFrame
    | PartFrame
    | PongFrame
    | EchoesFrame
    | ProvisionFrame
    | AssignedFrame
)


# -- bodies ----------------------------------------------------------------------------------------


def _no_extension(code: int, data: memoryview) -> NoReturn:
    raise ProtocolError(f"a body holds an extension value of type {code}", hint="bodies are plain values")


_encoder = msgspec.msgpack.Encoder()
_decoder: msgspec.msgpack.Decoder[_Raw] = msgspec.msgpack.Decoder(_Raw, ext_hook=_no_extension)


def encode_frame(frame: _Raw) -> bytes:
    """A frame as bytes. Raises BadRequest that says which value of the body cannot be sent."""
    try:
        encoded = _encoder.encode(frame)
    except (TypeError, ValueError, OverflowError, RecursionError) as exc:
        raise _not_plain(foreign(_body(frame)) or str(exc)) from exc
    if may_hold_timestamp(encoded):
        said = foreign(_body(frame))
        if said:
            raise _not_plain(said)
    return encoded


def _body(raw: _Raw) -> Body:
    if isinstance(raw, EchoesFrame):
        return [echo.body for echo in raw.echoes]
    return getattr(raw, "body", None)


def _not_plain(said: str) -> BadRequest:
    return BadRequest(
        f"this cannot be sent: {said}",
        hint="a body is made of None, bool, int (64 bits), float, str, bytes, lists and maps",
    )


# -- there -----------------------------------------------------------------------------------------


def _fields(wave: Directed, now: float) -> tuple[Any, ...]:
    handling = wave.handling
    return (
        wave.id,
        wave.to.text,
        wave.method.text,
        wave.body,
        wave.path,
        wave.headers if wave.headers is None else dict(wave.headers),
        wave.sender.text,
        wave.agent.text,
        None if wave.scope is None else str(wave.scope),
        NO_DEADLINE if wave.deadline == _FOREVER else max(0, int((wave.deadline - now) * _SECOND)),
        int(handling.wait * _SECOND),
        handling.retries,
        handling.priority,
        wave.chain,
        wave.hops,
        wave.topic,
        wave.origin,
    )


def encode_ping(wave: Directed, now: float) -> bytes:
    """A Ping, or another wave as one. ``now``: time of the loop. Raises BadRequest when its body is not plain."""
    return encode_frame(PingFrame(*_fields(wave, now)))


def encode_signal(wave: Signal, now: float) -> bytes:
    """A Signal. Raises BadRequest when its body is not plain."""
    return encode_frame(SignalFrame(*_fields(wave, now)))


def encode_part(wave: Ripple, points: Sequence[Point], now: float) -> bytes:
    """The part of a Ripple that is for ``points``. Raises BadRequest when its body is not plain."""
    frame = PartFrame(*_fields(wave, now))
    frame.points = [point.text for point in points]
    frame.count = wave.count
    return encode_frame(frame)


def _pong_frame(pong: Pong) -> PongFrame:
    return PongFrame(
        pong.id,
        pong.status,
        pong.body,
        pong.sender.text,
        pong.outcome,
        pong.star,
        pong.hops,
        pong.remote,
        pong.attempts,
        pong.headers if pong.headers is None else dict(pong.headers),
    )


def encode_pong(pong: Pong) -> bytes:
    """A Pong. Raises BadRequest when its body is not plain."""
    return encode_frame(_pong_frame(pong))


def encode_echoes(wave: str, echoes: Iterable[Echo], *, last: bool = True) -> bytes:
    """Echoes of the Ripple with id ``wave``. Raises BadRequest when a body is not plain."""
    return encode_frame(EchoesFrame(wave, [_pong_frame(echo) for echo in echoes], last))


def encode_provision(message: Provision) -> bytes:
    """A request to take a particle."""
    expected = _assignment_fields(message.expected)
    return encode_frame(ProvisionFrame(message.id, str(message.star), message.point.text, expected))


def encode_assigned(message: Assigned) -> bytes:
    """The answer to one."""
    return encode_frame(
        AssignedFrame(message.id, _assignment_fields(message.assignment), message.status, message.error, message.hint)
    )


def _assignment_fields(assignment: Assignment | None) -> tuple[str, int, int] | None:
    return None if assignment is None else (str(assignment.star), assignment.incarnation, assignment.epoch)


# -- and back --------------------------------------------------------------------------------------


def decode(frame: bytes, now: float) -> Message:
    """What a frame says.

    Args:
        frame: as it came.
        now: time of the loop; deadlines are counted from it.

    Raises:
        ProtocolError: it does not follow the protocol.
    """
    try:
        raw = _decoder.decode(frame)
        if may_hold_timestamp(frame):
            _check_plain(raw)
        return _BUILD[type(raw)](raw, now)
    except (msgspec.MsgspecError, ValueError, RecursionError) as exc:
        raise ProtocolError(f"a frame of {len(frame)} bytes does not follow the protocol: {exc}") from exc
    except HyperverseError as exc:
        if isinstance(exc, ProtocolError):
            raise
        raise ProtocolError(f"a frame holds what it must not: {exc.message}") from exc


def _check_plain(raw: _Raw) -> None:
    said = foreign(_body(raw))
    if said:
        raise ProtocolError(f"a frame holds what it must not: {said}")


_handlings: dict[tuple[int, int, Priority], Handling] = {(15 * _SECOND, 0, Priority.MED): DEFAULT_HANDLING}


def _handling(wait: int, retries: int, priority: Priority) -> Handling:
    known = _handlings.get((wait, retries, priority))
    if known is None:
        known = Handling(wait / _SECOND, retries, priority)
        if len(_handlings) < 256:
            _handlings[wait, retries, priority] = known
    return known


def _wave_fields(raw: PingFrame | SignalFrame | PartFrame, now: float) -> tuple[Any, ...]:
    left = raw.left
    return (
        Method.parse(raw.method),
        raw.body,
        raw.path,
        raw.headers,
        Point.parse(raw.sender),
        Point.parse(raw.agent),
        None if raw.scope is None else Scope.parse(raw.scope),
        _handling(raw.wait, raw.retries, raw.priority),
        _FOREVER if left < 0 else now + left / _SECOND,
        raw.chain,
        raw.hops,
        raw.id,
        raw.topic,
        raw.origin,
    )


def _ping(raw: PingFrame, now: float) -> Ping:
    return Ping(Point.parse(raw.to), *_wave_fields(raw, now))


def _signal(raw: SignalFrame, now: float) -> Signal:
    return Signal(Point.parse(raw.to), *_wave_fields(raw, now))


def _part(raw: PartFrame, now: float) -> Ripple:
    ripple = Ripple(ROOT, *_wave_fields(raw, now))
    ripple.recipients = tuple(Point.parse(text) for text in raw.points)
    ripple.count = raw.count
    return ripple


def _pong_fields(raw: PongFrame) -> tuple[Any, ...]:
    return (
        raw.status,
        raw.body,
        Point.parse(raw.sender),
        raw.outcome,
        raw.id,
        raw.star,
        raw.hops,
        raw.remote,
        raw.attempts,
        raw.headers,
    )


def _pong(raw: PongFrame, _: float) -> Pong:
    return Pong(*_pong_fields(raw))


def _echoes(raw: EchoesFrame, _: float) -> Echoes:
    return Echoes(raw.id, [Echo(*_pong_fields(echo)) for echo in raw.echoes], raw.last)


def _assignment(fields: tuple[str, int, int] | None) -> Assignment | None:
    return None if fields is None else Assignment(StarKey.parse(fields[0]), fields[1], fields[2])


def _provision(raw: ProvisionFrame, _: float) -> Provision:
    return Provision(raw.id, StarKey.parse(raw.star), Point.parse(raw.point), _assignment(raw.expected))


def _assigned(raw: AssignedFrame, _: float) -> Assigned:
    return Assigned(raw.id, _assignment(raw.assignment), raw.status, raw.error, raw.hint)


def _as_it_is(raw: ClientFrame, _: float) -> ClientFrame:
    return raw


_BUILD: dict[type, Callable[[Any, float], Message]] = {
    KnockFrame: _as_it_is,
    GreetFrame: _as_it_is,
    RefusalFrame: _as_it_is,
    AskFrame: _as_it_is,
    TellFrame: _as_it_is,
    AskManyFrame: _as_it_is,
    PingFrame: _ping,
    SignalFrame: _signal,
    PartFrame: _part,
    PongFrame: _pong,
    EchoesFrame: _echoes,
    ProvisionFrame: _provision,
    AssignedFrame: _assigned,
}
