"""Observers: what a plugin may watch, and annotate, on the way of a wave, without slowing waves that nobody watches."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ..universe.address.point import Point
from ..universe.address.star_key import StarKey
from ..universe.waves.wave import Directed, Pong
from .traffic import Traffic
from .wave_end import WaveEnd

__all__ = ["OLD_NAMES", "Observer"]

OLD_NAMES: Final[Mapping[str, str]] = {
    "wave_begun": "wave_begins",
    "wave_answered": "wave_ends",
    "wave_delivered": "handler_ends",
    "wave_refused": "handler_ends",
}
"""Methods of an earlier release, which this release still calls, and their replacements."""


class Observer:
    """Subclass it and override what you want to see. A method that no observer overrides costs nothing.

    The methods are called synchronously on the event loop, so they must be quick. An exception is logged with the
    observer's name, and the wave continues. Seconds are measured with ``time.perf_counter``.

    A wave has two ends. On its sender's machine it *begins*, is *sent*, perhaps *retried*, and *ends* with the result
    that its sender gets. On its recipient's machine its *handler begins* and *ends*; a wave that reaches no handler
    only ends. If both are the same machine, that machine reports both ends.

    Example::

        class SlowHandlers(Observer):
            def handler_begins(self, wave, waited):
                return None if wave.to.text.startswith("localhost:shop") else UNWANTED

            def handler_ends(self, wave, end, begun):
                if end.seconds > 1.0 or end.waited > 1.0:
                    print(wave.to, wave.method, end.seconds, end.waited)

        @hookimpl
        def hyperverse_register_observers(register):
            register(SlowHandlers())
    """

    # -- the sender's end ---------------------------------------------------------------------------------

    def wave_begins(self, wave: Directed, headers: dict[str, str]) -> Any:
        """A particle, client or driver of this machine sends ``wave``.

        Args:
            wave: the wave. Do not modify it.
            headers: empty; entries that you add become headers of the wave.

        Returns:
            any value, which is passed to :meth:`wave_ends`. ``UNWANTED`` when you do not want to see this end of the
            wave again, which then costs nothing more.
        """

    def wave_sent(self, wave: Directed, star: str) -> None:
        """The ``wave`` is handed to the ``star`` (the text of its key) that hosts its recipient. Not called for the
        copies of a Ripple."""

    def wave_retried(self, wave: Directed, attempt: int, reply: Pong) -> None:
        """The ``wave`` is sent again because of ``reply``; ``attempt`` is 2 for the first repeat."""

    def wave_ends(self, wave: Directed, end: WaveEnd, begun: Any) -> None:
        """The sender of ``wave`` has its answer, or no longer waits for it.

        Args:
            wave: the wave that was sent.
            end: how it has ended, as its sender knows it. When nothing has arrived by the deadline, that is the status
                408 and the outcome ``unknown``. For a Signal it says whether it was accepted; for a Ripple the body of
                ``end.reply`` is the number of echoes.
            begun: what :meth:`wave_begins` returned; None when it raised or is not overridden.
        """

    # -- the recipient's end ------------------------------------------------------------------------------

    def handler_begins(self, wave: Directed, waited: float) -> Any:
        """A handler on this machine begins.

        Args:
            wave: the wave that it handles.
            waited: seconds that the wave waited in its particle, for its turn and for the particle to start.

        Returns:
            any value, which is passed to :meth:`handler_ends`. ``UNWANTED`` when you do not want to see its end.
        """

    def handler_ends(self, wave: Directed, end: WaveEnd, begun: Any) -> None:
        """A handler on this machine has ended, or ``wave`` did not reach one.

        Args:
            wave: the wave.
            end: how it has ended, for a Signal too. A handler that was cut off has the outcome ``unknown``. A wave that
                no handler accepted has the outcome ``rejected``, or ``unknown`` when its turn had not come by its
                deadline, and 0.0 seconds. Waves that a session of a client or gateway refuses are reported as well.
            begun: what :meth:`handler_begins` returned; None when it was not called.
        """

    # -- both ends, failures alone ------------------------------------------------------------------------

    def wave_failed(self, wave: Directed, end: WaveEnd) -> None:
        """A wave has failed, as seen from either end. An observer that overrides this and not the ends above adds no
        cost to waves that succeed. It is called for each failure, also of waves that are ``UNWANTED``.

        Args:
            wave: the wave.
            end: how it has ended, and at which end. Its ``seconds`` may be None.
        """

    def access_denied(self, agent: Point, target: Point, method: str, reason: str) -> None:
        """The policy has refused a request.

        Args:
            agent: the agent that was refused.
            target: the particle that the request was about.
            method: the method of a wave, or a command: ``create``, ``delete``, ``select``, ``get``, ``set``, ``watch``.
            reason: why it was refused.
        """

    # -- particles ----------------------------------------------------------------------------------------

    def particle_provisioned(self, point: Point, star: StarKey) -> None:
        """The particle at ``point`` now lives on ``star``, a star of this machine."""

    def particle_loaded(self, point: Point, star: StarKey, size: int) -> None:
        """The saved state of the particle at ``point``, which lives on ``star``, was loaded: ``size`` bytes, 0 when it
        has none yet."""

    def particle_woken(self, point: Point, star: StarKey, seconds: float) -> None:
        """The particle at ``point``, which lives on ``star``, is ready for its next wave, after a start that took
        ``seconds``."""

    def particle_saved(self, point: Point, star: StarKey, size: int, seconds: float) -> None:
        """The state of the particle at ``point``, which lives on ``star``, was saved: ``size`` bytes in ``seconds``."""

    def particle_moved(self, point: Point, origin: StarKey, target: StarKey) -> None:
        """This machine has moved the particle at ``point`` from the star ``origin`` to the star ``target``; either may
        belong to another machine. A particle that comes back elsewhere because its machine was lost is only reported as
        provisioned."""

    def particle_released(self, point: Point, star: StarKey) -> None:
        """The particle at ``point`` has left the memory of this machine, where it lived on ``star``."""

    # -- the machine --------------------------------------------------------------------------------------

    def driver_changed(self, kind: str, state: str, cause: str) -> None:
        """The driver of ``kind`` on this machine has changed its state.

        Args:
            kind: the Kind that it serves.
            state: ``Ready``, ``Panic`` (it failed to start, and is retried), ``Fatal`` (it cannot be made) or ``Done``
                (it was stopped).
            cause: why it does not serve; empty when it does.
        """

    def lease_changed(self, held: bool, cause: str) -> None:
        """The stars of this machine now hold their leases, or hold them no longer.

        Args:
            held: whether they may serve.
            cause: why not; empty when they may.
        """

    def lane_up(self, peer: str) -> None:
        """A machine or a client has connected; ``peer`` is its name."""

    def lane_carried(self, peer: str, traffic: Traffic) -> None:
        """Traffic of the lanes between this machine and the machine ``peer``. Called about twice a second for each peer
        whose counts have changed, and before its :meth:`lane_down`.

        Args:
            peer: name of the other machine.
            traffic: waves and bytes in both directions since this machine started.
        """

    def lane_down(self, peer: str, reason: str) -> None:
        """A machine or a client has disconnected or was lost; ``peer`` is its name, and ``reason`` says why."""

    # -- names of an earlier release ----------------------------------------------------------------------

    def wave_begun(self, wave: Directed) -> Mapping[str, str] | None:
        """Deprecated: write :meth:`wave_begins`. The ``wave`` is sent. Returns headers to add to it, or None."""

    def wave_answered(self, wave: Directed, reply: Pong, seconds: float) -> None:
        """Deprecated: write :meth:`wave_ends`. The sender of ``wave`` has the answer ``reply`` after ``seconds``."""

    def wave_refused(self, wave: Directed, reply: Pong) -> None:
        """Deprecated: write :meth:`handler_ends`, or :meth:`wave_failed`. The ``wave`` did not reach a handler, and
        ``reply`` says why."""

    def wave_delivered(self, wave: Directed, reply: Pong | None, seconds: float) -> None:
        """Deprecated: write :meth:`handler_ends`. The handler of ``wave`` has ended after ``seconds``; ``reply`` is
        None for a Signal whose handler has succeeded."""
