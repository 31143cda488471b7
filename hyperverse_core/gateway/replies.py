"""Encodes replies to a client as frames, whatever a handler has returned."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

import msgspec

from ..errors import BadRequest, HandlerFailed, HyperverseError
from ..protocol.codec import encode_echoes, encode_pong
from ..scheduling.guarded_log import guarded_log
from ..universe.waves.wave import Echo, Outcome, Pong

__all__ = ["echo_frames", "reply_frame"]

_log = guarded_log("hyperverse.control")
_ECHOES = 256
P = TypeVar("P", bound=Pong)


def reply_frame(reply: Pong, largest: int) -> bytes:
    """Returns the frame of a reply or, if the reply cannot be sent, of an error that says why. ``largest`` is the
    greatest number of bytes in a frame."""
    try:
        frame = encode_pong(reply)
    except BadRequest as exc:
        return encode_pong(_instead(reply, exc))
    if len(frame) > largest:
        return encode_pong(_instead(reply, _too_large(len(frame), largest)))
    return frame


def echo_frames(wave: str, echoes: Sequence[Echo], largest: int, *, last: bool = True) -> Iterator[bytes]:
    """Yields the frames of a Ripple's echoes. The last one is marked as such, unless ``last`` is False: more follow."""
    for start in range(0, max(1, len(echoes)), _ECHOES):
        ends = last and start + _ECHOES >= len(echoes)
        yield from _fitting(wave, echoes[start : start + _ECHOES], largest, last=ends)


def _fitting(wave: str, echoes: Sequence[Echo], largest: int, *, last: bool) -> Iterator[bytes]:
    error: HyperverseError
    try:
        frame = encode_echoes(wave, echoes, last=last)
        if len(frame) <= largest:
            yield frame
            return
        error = _too_large(len(frame), largest)
    except BadRequest as exc:
        error = exc
    if len(echoes) > 1:  # find the one that cannot be sent, so that the others arrive
        half = len(echoes) // 2
        yield from _fitting(wave, echoes[:half], largest, last=False)
        yield from _fitting(wave, echoes[half:], largest, last=last)
        return
    yield encode_echoes(wave, [_instead(echo, error) for echo in echoes], last=last)


def _instead(reply: P, error: HyperverseError) -> P:
    failure = Pong.failure(error)
    return msgspec.structs.replace(reply, status=500, body=failure.body, outcome=Outcome.FAILED, headers=None)


def _too_large(size: int, largest: int) -> HandlerFailed:
    return HandlerFailed(
        f"the answer has {size} bytes, and a lane carries {largest}", hint="request it in parts, or raise max_frame"
    )
