"""How a wave has ended, as observers are told it."""

from __future__ import annotations

from typing import Final

import msgspec

from ..universe.waves.wave import Outcome, Pong

__all__ = ["UNWANTED", "WaveEnd"]


class _Unwanted:
    """The type of :data:`UNWANTED`."""

    def __repr__(self) -> str:
        return "UNWANTED"


UNWANTED: Final = _Unwanted()
"""What an observer returns from ``wave_begins`` or ``handler_begins`` when it does not want to hear of that wave."""


class WaveEnd(msgspec.Struct, frozen=True):
    """How a wave has ended, at one of its two ends.

    Attributes:
        outcome: ``ok``: it is done. ``failed``: its handler has failed. ``unknown``: it was cut off, at its deadline or
            because a machine was lost, and its handler may have run. ``rejected``: no handler ran.
        status: as in HTTP. Of a Signal whose handler has succeeded 200, and at its sender's end 202 when it was
            accepted.
        why: what went wrong; empty when nothing did.
        seconds: at the sender's end how long it waited for the answer, else how long the handler ran; 0.0 when none
            ran. None when nobody has measured it: for those who listen to failures alone.
        waited: seconds that the wave waited in its particle, for its turn and for the particle to start; 0.0 at the
            sender's end.
        at_sender: whether this is the end at the sender's machine.
        reply: the answer; None of a Signal whose handler has succeeded.
    """

    outcome: Outcome
    status: int
    why: str
    seconds: float | None
    waited: float
    at_sender: bool
    reply: Pong | None

    @property
    def ok(self) -> bool:
        """Whether the wave is done."""
        return self.outcome is Outcome.OK and self.status < 400

    @property
    def ran(self) -> bool:
        """Whether a handler has begun. At the sender's end nobody knows, and it is True."""
        return self.at_sender or self.seconds is None or self.seconds > 0.0

    @classmethod
    def of(cls, reply: Pong | None, seconds: float | None, *, waited: float = 0.0, at_sender: bool = False) -> WaveEnd:
        """The end that a reply tells of.

        Args:
            reply: None for a Signal whose handler has succeeded.
            seconds: how many seconds it took; None when nobody has measured it.
            waited: seconds that it waited for its turn.
            at_sender: whether this is its sender's end.
        """
        if reply is None:
            return cls(Outcome.OK, 200, "", seconds, waited, at_sender, None)
        status = reply.status
        why = "" if status < 400 else reply.error
        return cls(reply.outcome, status, why, seconds, waited, at_sender, reply)
