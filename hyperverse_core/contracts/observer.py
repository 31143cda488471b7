"""Observers: what a plugin may watch without slowing waves."""

from __future__ import annotations

from ..universe.address.point import Point
from ..universe.address.star_key import StarKey
from ..universe.waves.wave import Directed, Pong

__all__ = ["Observer"]


class Observer:
    """Base of observers. Subclass it, override the methods that you want, and register an object with the hook
    ``hyperverse_register_observers``.

    The methods are called on the event loop, before the wave goes on: return quickly, and never block. What an observer
    raises is logged with its name, and the wave goes on.
    """

    def wave_delivered(self, wave: Directed, reply: Pong | None, seconds: float) -> None:
        """A handler on this machine has finished.

        Args:
            wave: the wave that it has handled.
            reply: the answer; None for a Signal.
            seconds: how long the handler took.
        """

    def particle_provisioned(self, point: Point, star: StarKey) -> None:
        """The particle at ``point`` was activated on ``star``, a star of this machine."""

    def particle_released(self, point: Point, star: StarKey) -> None:
        """The particle at ``point`` has left the memory of this machine, where it lived on ``star``."""

    def access_denied(self, agent: Point, target: Point, method: str, reason: str) -> None:
        """The policy has refused a wave.

        Args:
            agent: in whose name it was sent.
            target: the particle that it was for.
            method: what it asked for, as text.
            reason: why it was refused.
        """

    def lane_up(self, peer: str) -> None:
        """A machine or a client has connected; ``peer`` is its name."""

    def lane_down(self, peer: str, reason: str) -> None:
        """A machine or a client has disconnected or was lost; ``peer`` is its name,
        and ``reason`` says why."""
