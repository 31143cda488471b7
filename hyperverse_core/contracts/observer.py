"""Observer: what may be watched, and marked, on a wave's way without slowing a wave that nobody watches."""

from __future__ import annotations

from collections.abc import Mapping

from ..universe.address.point import Point
from ..universe.address.star_key import StarKey
from ..universe.waves.wave import Directed, Pong

__all__ = ["Observer"]


class Observer:
    """Subclass it and override what you want to see. A method that no observer overrides costs nothing.

    The methods are called on the event loop, in line, so they must be quick. What one raises is logged with the
    observer's name, and the wave goes on. Seconds are measured by ``time.perf_counter``.

    A wave has two ends. At its sender's machine it is *begun*, *sent*, perhaps *retried*, and *answered*. At the
    machine of its recipient it is *refused* or *delivered*. Where both are one machine, that machine tells all of it.

    Example::

        class SlowHandlers(Observer):
            def wave_delivered(self, wave, reply, seconds):
                if seconds > 1.0:
                    print(wave.to, wave.method, seconds)

        @hookimpl
        def hyperverse_register_observers(register):
            register(SlowHandlers())
    """

    # -- the sender's end ---------------------------------------------------------------------------------

    def wave_begun(self, wave: Directed) -> Mapping[str, str] | None:
        """A particle, client or driver of this machine sends a wave. The headers that this returns are added to the
        wave; None adds none."""

    def wave_sent(self, wave: Directed, star: str) -> None:
        """The wave is handed to the star (the text of its key) that hosts its recipient. Not told for the copies of
        a Ripple."""

    def wave_retried(self, wave: Directed, attempt: int, reply: Pong) -> None:
        """The wave is sent again because of ``reply``; ``attempt`` is 2 for the first repeat."""

    def wave_answered(self, wave: Directed, reply: Pong, seconds: float) -> None:
        """The sender has its answer: for a Signal whether it was accepted, for a Ripple a Pong whose body is the
        number of echoes."""

    # -- the recipient's end ------------------------------------------------------------------------------

    def wave_refused(self, wave: Directed, reply: Pong) -> None:
        """The wave did not reach a handler: ``reply`` says why."""

    def wave_delivered(self, wave: Directed, reply: Pong | None, seconds: float) -> None:
        """A handler on this machine has ended.

        Args:
            reply: what it answered. Of a handler that was cut off at the wave's deadline: status 408, outcome
                ``unknown``. Of a Signal: None when its handler succeeded, else its failure.
            seconds: how long the handler ran, without the time that the wave waited for its turn.
        """

    def access_denied(self, agent: Point, target: Point, method: str, reason: str) -> None:
        """The policy has refused something to ``agent``: a wave (``method`` is its method), or a command
        (``create``, ``delete``, ``select``, ``get``, ``set``, ``watch``)."""

    # -- the machine --------------------------------------------------------------------------------------

    def particle_provisioned(self, point: Point, star: StarKey) -> None:
        """A particle has become active on this machine."""

    def particle_released(self, point: Point, star: StarKey) -> None:
        """A particle has left this machine's memory."""

    def lane_up(self, peer: str) -> None:
        """A machine or a client has connected."""

    def lane_down(self, peer: str, reason: str) -> None:
        """A machine or a client is gone."""
