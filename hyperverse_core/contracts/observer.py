"""Observer: what may be watched without slowing a wave."""

from __future__ import annotations

from ..universe.address.point import Point
from ..universe.address.star_key import StarKey
from ..universe.waves.wave import Directed, Pong

__all__ = ["Observer"]


class Observer:
    """Subclass and override what you want to see. Called on the event loop, in line: be quick. What an observer
    raises is logged with its name, and the wave goes on."""

    def wave_delivered(self, wave: Directed, reply: Pong | None, seconds: float) -> None:
        """A handler on this machine has finished; ``reply`` is None for a Signal."""

    def particle_provisioned(self, point: Point, star: StarKey) -> None:
        """A particle has come to life on this machine."""

    def particle_released(self, point: Point, star: StarKey) -> None:
        """A particle has left this machine's memory."""

    def access_denied(self, agent: Point, target: Point, method: str, reason: str) -> None:
        """The policy has refused a wave."""

    def lane_up(self, peer: str) -> None:
        """A machine or a client has connected."""

    def lane_down(self, peer: str, reason: str) -> None:
        """A machine or a client is gone."""
