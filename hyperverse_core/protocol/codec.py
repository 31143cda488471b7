"""Converts everything that machines send to one another and to clients to frames, and back.

:mod:`.frames` defines the frames, and :mod:`.frame_bytes` converts them to bytes. A frame carries the remaining time,
never a time of day, so the clocks of machines are not compared.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, Final, TypeVar, cast

import msgspec

from ..contracts.registry import Assignment
from ..errors import HyperverseError, ProtocolError
from ..universe.access.scope import Scope
from ..universe.address.point import ROOT, Point, seen_points
from ..universe.address.star_key import StarKey
from ..universe.waves.method import known_methods
from ..universe.waves.origin import Origin, WaveOptions
from ..universe.waves.wave import (
    DEFAULT_HANDLING,
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
from .body_weight import is_too_heavy
from .client_budget import LONGEST_TEXT, check_headers, check_recipients, too_long
from .frame_bytes import Frame, body_of, decode_frame, encode_frame
from .frames import (
    UNREADABLE,
    ClientPingFrame,
    ClientRippleFrame,
    ClientSignalFrame,
    EchoesFrame,
    PartFrame,
    PingFrame,
    PongFrame,
    ProvisionReplyFrame,
    ProvisionRequestFrame,
    SignalFrame,
)
from .messages import ClientFrame, Echoes, Message, ProvisionReply, ProvisionRequest
from .plain_values import SCALARS, first_offender, may_hold_timestamp
from .recipients_text import read_recipients, write_recipients

__all__ = [
    "client_frame",
    "decode",
    "encode_echoes",
    "encode_part",
    "encode_ping",
    "encode_pong",
    "encode_provision_reply",
    "encode_provision_request",
    "encode_signal",
    "wave_of_client",
]

_MED: Final = Priority.MED
_WAIT: Final = DEFAULT_HANDLING.wait
_F = TypeVar("_F", PingFrame, SignalFrame, PartFrame)
_W = TypeVar("_W", Ping, Signal, Ripple)
_P = TypeVar("_P", Pong, Echo)


# -- encoding --------------------------------------------------------------------------------------


def _wave_frame(kind: type[_F], wave: Directed, now: float) -> _F:
    handling, headers, scope, left = wave.handling, wave.headers, wave.scope, wave.deadline - now
    return kind(
        wave.id,
        wave.to.text,
        wave.method.text,
        wave.body,
        wave.path,
        headers if headers is None else dict(headers),
        wave.sender.text,
        wave.agent.text,
        scope if scope is None else str(scope),
        left if left > 0 else 0.0,
        handling.wait,
        handling.retries,
        handling.priority,
        wave.chain,
        wave.hops,
        wave.topic,
        wave.origin,
    )


def client_frame(wave: Directed) -> ClientPingFrame | ClientSignalFrame | ClientRippleFrame:
    """Returns the frame of a client's wave. The machine adds the sender."""
    headers = wave.headers if wave.headers is None else dict(wave.headers)
    handling, text = wave.handling, wave.method.text
    if type(wave) is Ping:
        to, wait, retries = wave.to.text, handling.wait, handling.retries
        return ClientPingFrame(
            wave.id, to, text, wave.body, wave.path, headers, wait, retries, handling.priority, wave.topic
        )
    if type(wave) is Signal:
        to = wave.to.text
        return ClientSignalFrame(
            wave.id, to, text, wave.body, wave.path, headers, handling.wait, handling.priority, wave.topic
        )
    assert isinstance(wave, Ripple)
    recipients, count = write_recipients(wave.recipients), wave.count
    return ClientRippleFrame(
        wave.id, recipients, text, wave.body, wave.path, headers, handling.wait, count, handling.priority, wave.topic
    )


def wave_of_client(
    frame: ClientPingFrame | ClientSignalFrame | ClientRippleFrame, origin: Origin, longest_wait: float
) -> Ping | Signal | Ripple:
    """Returns the wave that a client has sent.

    Args:
        origin: creates waves of that client.
        longest_wait: greatest number of seconds that it may wait.

    Raises ParseError, BadRequest, Forbidden, TooLarge."""
    if frame.headers:
        check_headers(frame.headers)
    length = len(frame.path) + len(frame.topic) + len(frame.method)
    if type(frame) is ClientRippleFrame:
        check_recipients(frame.to)
    else:
        length += len(frame.to)
    if length > LONGEST_TEXT:
        raise too_long("the address with path, topic and method", length)
    options: WaveOptions = {
        "path": frame.path,
        "headers": frame.headers,
        "priority": frame.priority,
        "topic": frame.topic,
    }
    if type(frame) is ClientSignalFrame:
        return origin.wave(Signal, frame.to, frame.method, frame.body, options, wave_id=frame.id)
    options["wait"] = min(frame.wait, longest_wait)
    if type(frame) is ClientPingFrame:
        options["retries"] = frame.retries
        return origin.wave(Ping, frame.to, frame.method, frame.body, options, wave_id=frame.id)
    assert isinstance(frame, ClientRippleFrame)
    ripple = origin.wave(Ripple, ROOT, frame.method, frame.body, options, wave_id=frame.id)
    ripple.recipients, ripple.count = read_recipients(frame.to), frame.count
    return ripple


def encode_ping(wave: Directed, now: float) -> bytes:
    """Encodes a Ping, or another wave as a Ping.

    Args:
        wave: the wave.
        now: time of the event loop.

    Raises BadRequest if its body does not consist of plain values.
    """
    return encode_frame(_wave_frame(PingFrame, wave, now))


def encode_signal(wave: Signal, now: float) -> bytes:
    """Encodes a Signal; see :func:`encode_ping`."""
    return encode_frame(_wave_frame(SignalFrame, wave, now))


def encode_part(wave: Ripple, points: Sequence[Point], now: float) -> bytes:
    """Encodes the part of a Ripple that is for ``points``; see :func:`encode_ping`."""
    frame = _wave_frame(PartFrame, wave, now)
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
    """Encodes a Pong. Raises BadRequest if its body does not consist of plain values."""
    return encode_frame(_pong_frame(pong))


def encode_echoes(wave: str, echoes: Iterable[Echo], *, last: bool = True) -> bytes:
    """Encodes echoes of the Ripple with the id ``wave``. Raises BadRequest if a body does not consist of plain
    values."""
    return encode_frame(EchoesFrame(wave, [_pong_frame(echo) for echo in echoes], last))


def encode_provision_request(message: ProvisionRequest) -> bytes:
    """Encodes a request to adopt a particle."""
    expected = _assignment_fields(message.expected)
    return encode_frame(ProvisionRequestFrame(message.id, str(message.star), message.point.text, expected))


def encode_provision_reply(message: ProvisionReply) -> bytes:
    """Encodes the reply to such a request."""
    return encode_frame(
        ProvisionReplyFrame(
            message.id, _assignment_fields(message.assignment), message.status, message.error, message.hint
        )
    )


def _assignment_fields(assignment: Assignment | None) -> tuple[str, int, int] | None:
    return None if assignment is None else (str(assignment.star), assignment.incarnation, assignment.epoch)


# -- decoding --------------------------------------------------------------------------------------


_FROM_CLIENTS = (ClientPingFrame, ClientSignalFrame, ClientRippleFrame)


def decode(frame: bytes | msgspec.Raw, now: float, *, weighed_later: bool = False) -> Message:
    """Decodes a frame to the message that it contains.

    Args:
        frame: the frame as it arrived.
        now: time of the event loop; deadlines are counted from it.
        weighed_later: whether the caller checks the weight of a wave's body (:func:`.body_weight.frame_weight`) before
            anything else. Then a body that is too heavy is not examined here, which could take seconds.

    Raises:
        ProtocolError: the frame does not follow the protocol.
    """
    try:
        raw = decode_frame(frame)
    except UNREADABLE as exc:
        raise _does_not_follow(frame, exc) from exc
    try:
        if type(getattr(raw, "body", raw)) not in SCALARS and may_hold_timestamp(bytes(frame)):
            if weighed_later and isinstance(raw, _FROM_CLIENTS) and is_too_heavy(raw.body, bytes(frame)):
                return raw
            _check_plain(raw)
        build = _BUILD.get(type(raw))
        return build(raw, now) if build is not None else cast(ClientFrame, raw)
    except (ValueError, RecursionError) as exc:
        raise _does_not_follow(frame, exc) from exc
    except HyperverseError as exc:
        if isinstance(exc, ProtocolError):
            raise
        raise ProtocolError(f"a frame holds a value that is not allowed: {exc.message}") from exc


def _does_not_follow(frame: bytes | msgspec.Raw, why: Exception) -> ProtocolError:
    return ProtocolError(f"a frame of {len(bytes(frame))} bytes does not follow the protocol: {why}")


def _check_plain(raw: Frame) -> None:
    said = first_offender(body_of(raw))
    if said:
        raise ProtocolError(f"a frame holds a value that is not allowed: {said}")


_handlings: dict[tuple[float, int, int], Handling] = {}


def _handling(wait: float, retries: int, priority: Priority) -> Handling:
    key = (wait, retries, int(priority))
    known = _handlings.get(key)
    if known is None:
        known = Handling(wait, retries, priority)
        if len(_handlings) < 256:
            _handlings[key] = known
    return known


def _wave(kind: type[_W], raw: PingFrame | SignalFrame | PartFrame, now: float) -> _W:
    # Texts that were parsed before are looked up as in `parse`, without the call.
    known, scope, left, retries, priority = seen_points.get, raw.scope, raw.left, raw.retries, raw.priority
    sender = known(raw.sender) or Point.parse(raw.sender)
    plain = retries == 0 and priority is _MED and raw.wait == _WAIT
    if not left >= 0:
        raise ProtocolError(f"a wave has {left} s left")
    return kind(
        ROOT if kind is Ripple else known(raw.to) or Point.parse(raw.to),
        known_methods.get(raw.method) or Method.parse(raw.method),
        raw.body,
        raw.path,
        raw.headers,
        sender,
        sender if raw.agent == raw.sender else known(raw.agent) or Point.parse(raw.agent),
        scope if scope is None else Scope.parse(scope),
        DEFAULT_HANDLING if plain else _handling(raw.wait, retries, priority),
        now + left,
        raw.chain,
        raw.hops,
        raw.id,
        raw.topic,
        raw.origin,
    )


def _part(raw: PartFrame, now: float) -> Ripple:
    ripple = _wave(Ripple, raw, now)
    ripple.recipients = tuple(Point.parse(text) for text in raw.points)
    ripple.count = raw.count
    return ripple


def _reply(kind: type[_P], raw: PongFrame, _: float = 0.0) -> _P:
    return kind(
        raw.status,
        raw.body,
        seen_points.get(raw.sender) or Point.parse(raw.sender),
        raw.outcome,
        raw.id,
        raw.star,
        raw.hops,
        raw.remote,
        raw.attempts,
        raw.headers,
    )


def _echoes(raw: EchoesFrame, _: float) -> Echoes:
    return Echoes(raw.id, [_reply(Echo, echo) for echo in raw.echoes], raw.last)


def _assignment(fields: tuple[str, int, int] | None) -> Assignment | None:
    return None if fields is None else Assignment(StarKey.parse(fields[0]), fields[1], fields[2])


def _provision(raw: ProvisionRequestFrame, _: float) -> ProvisionRequest:
    return ProvisionRequest(raw.id, StarKey.parse(raw.star), Point.parse(raw.point), _assignment(raw.expected))


def _assigned(raw: ProvisionReplyFrame, _: float) -> ProvisionReply:
    return ProvisionReply(raw.id, _assignment(raw.assignment), raw.status, raw.error, raw.hint)


_BUILD: dict[type, Callable[[Any, float], Message]] = {
    PingFrame: partial(_wave, Ping),
    SignalFrame: partial(_wave, Signal),
    PartFrame: _part,
    PongFrame: partial(_reply, Pong),
    EchoesFrame: _echoes,
    ProvisionRequestFrame: _provision,
    ProvisionReplyFrame: _assigned,
}
"""The frames of a client are missing here, because they are used unchanged."""
