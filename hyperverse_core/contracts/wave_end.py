"""How a wave has ended, as reported to observers."""

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
"""What an observer returns from ``wave_begins`` or ``handler_begins`` when it does not want to see that wave again."""


class WaveEnd(msgspec.Struct, frozen=True):
    """How a wave has ended, at one of its two ends.

    Attributes:
        outcome: ``ok``: it succeeded. ``failed``: its handler failed. ``unknown``: it was cut off, at its deadline or
            because a machine was lost, and its handler may have run. ``rejected``: no handler ran.
        status: as in HTTP. For a Signal, 200 when its handler succeeded, and 202 at its sender's end when it was
            accepted.
        why: what went wrong; empty when nothing did.
        seconds: at the sender's end how long it waited for the answer, otherwise how long the handler ran; 0.0 when
            none ran. None when nobody measured it: for observers of failures only.
        waited: seconds that the wave waited in its particle, for its turn and for the particle to start; 0.0 at the
            sender's end.
        at_sender: whether this is the end at the sender's machine.
        reply: the answer; None for a Signal whose handler succeeded.
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
        """Whether the wave succeeded."""
        return self.outcome is Outcome.OK and self.status < 400

    @property
    def ran(self) -> bool:
        """Whether a handler has begun. At the sender's end that is unknown, and this is True."""
        return self.at_sender or self.seconds is None or self.seconds > 0.0

    @classmethod
    def of(cls, reply: Pong | None, seconds: float | None, *, waited: float = 0.0, at_sender: bool = False) -> WaveEnd:
        """Returns the end that a reply reports.

        Args:
            reply: None for a Signal whose handler has succeeded.
            seconds: how many seconds it took; None when nobody measured it.
            waited: seconds that it waited for its turn.
            at_sender: whether this is its sender's end.
        """
        if reply is None:
            return cls(Outcome.OK, 200, "", seconds, waited, at_sender, None)
        status = reply.status
        why = "" if status < 400 else reply.error
        return cls(reply.outcome, status, why, seconds, waited, at_sender, reply)
