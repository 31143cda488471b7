"""Observers: what a plugin may watch, and mark, on the way of a wave, without slowing waves that nobody watches."""

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
        """A particle, client or driver of this machine sends ``wave``. Returns headers to add to it, or None."""

    def wave_sent(self, wave: Directed, star: str) -> None:
        """The ``wave`` is handed to the ``star`` (the text of its key) that hosts its recipient. Not called for the
        copies of a Ripple."""

    def wave_retried(self, wave: Directed, attempt: int, reply: Pong) -> None:
        """The ``wave`` is sent again because of ``reply``; ``attempt`` is 2 for the first repeat."""

    def wave_answered(self, wave: Directed, reply: Pong, seconds: float) -> None:
        """The sender of ``wave`` has its answer. When nothing has come by the deadline of the wave, that is a reply
        with the status 408 and the outcome ``unknown``, also of a wave that ends with the handler that has sent it.

        Args:
            reply: the answer. Of a Signal it says whether the Signal was accepted; of a Ripple it is a Pong whose body
                is the number of echoes.
            seconds: how many seconds ago the wave was begun.
        """

    # -- the recipient's end ------------------------------------------------------------------------------

    def wave_refused(self, wave: Directed, reply: Pong) -> None:
        """The ``wave`` did not reach a handler, and ``reply`` says why: 408 with the outcome ``unknown`` when its turn
        had not come by the deadline. What a session of a client or gateway refuses is told as well."""

    def wave_delivered(self, wave: Directed, reply: Pong | None, seconds: float) -> None:
        """A handler on this machine has ended.

        Args:
            wave: the wave that it has handled.
            reply: its answer. A handler that was cut off at the deadline of the wave has status 408 and the outcome
                ``unknown``. For a Signal: None when the handler succeeded, else the failure.
            seconds: for how many seconds the handler ran, without the time that the wave waited for its turn.
        """

    def access_denied(self, agent: Point, target: Point, method: str, reason: str) -> None:
        """The policy has refused something.

        Args:
            agent: who was refused.
            target: the particle that it was about.
            method: the method of a wave, or a command: ``create``, ``delete``, ``select``, ``get``, ``set``, ``watch``.
            reason: why it was refused.
        """

    # -- the machine --------------------------------------------------------------------------------------

    def particle_provisioned(self, point: Point, star: StarKey) -> None:
        """The particle at ``point`` was activated on ``star``, a star of this machine."""

    def particle_released(self, point: Point, star: StarKey) -> None:
        """The particle at ``point`` has left the memory of this machine, where it lived on ``star``."""

    def lane_up(self, peer: str) -> None:
        """A machine or a client has connected; ``peer`` is its name."""

    def lane_down(self, peer: str, reason: str) -> None:
        """A machine or a client has disconnected or was lost; ``peer`` is its name, and ``reason`` says why."""
