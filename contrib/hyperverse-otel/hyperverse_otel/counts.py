"""Metrics: counted in a dictionary while waves pass, and read by the SDK when it exports.

A counter of the SDK costs more than a wave between two particles, so no wave touches one.
"""

from __future__ import annotations

from collections.abc import Iterable

from opentelemetry.metrics import CallbackOptions, Meter, Observation

from hyperverse_core import Observer, Traffic, WaveEnd
from hyperverse_core.values import Directed, Point

__all__ = ["Counts"]

_KEYS = 1000
"""Maximum number of pairs of method and outcome that are counted separately. If a particle accepts any method, clients
can send an unlimited number of them."""
_OTHERS = ("other", "other")


class Counts(Observer):
    """Counts handled and refused waves of this process, and the lanes that are up.

    Args:
        meter: receives the instruments.
    """

    def __init__(self, meter: Meter) -> None:
        self._handled: dict[tuple[str, str], list[float]] = {}
        self._refused: dict[int, int] = {}
        self._denied = 0
        self._lanes: dict[str, int] = {}
        self._carried: dict[str, Traffic] = {}
        waves = "{wave}"
        meter.create_observable_counter(
            "hyperverse.waves.handled", [self._counts], waves, "waves that a handler handled"
        )
        meter.create_observable_counter("hyperverse.waves.time", [self._seconds], "s", "seconds in handlers")
        meter.create_observable_counter("hyperverse.waves.refused", [self._refusals], waves, "waves without a handler")
        meter.create_observable_counter(
            "hyperverse.access.denied", [self._denials], "{refusal}", "refused by the policy"
        )
        meter.create_observable_gauge("hyperverse.lanes", [self._lanes_up], "{lane}", "machines and clients connected")
        meter.create_observable_counter("hyperverse.lane.waves", [self._lane_waves], waves, "carried by lanes")
        meter.create_observable_counter("hyperverse.lane.bytes", [self._lane_bytes], "By", "carried by lanes")

    def handler_ends(self, wave: Directed, end: WaveEnd, begun: object) -> None:
        """Counts a wave whose handler has ended, or that no handler received."""
        seconds = end.seconds or 0.0
        if not seconds:
            self._refused[end.status] = self._refused.get(end.status, 0) + 1
            return
        key = (wave.method.text, end.outcome)
        counted = self._handled.get(key)
        if counted is None:
            counted = self._handled.setdefault(key if len(self._handled) < _KEYS else _OTHERS, [0, 0.0])
        counted[0] += 1
        counted[1] += seconds

    def access_denied(self, agent: Point, target: Point, method: str, reason: str) -> None:
        """Counts a refusal of the policy."""
        self._denied += 1

    def lane_up(self, peer: str) -> None:
        """Notes that a machine or a client has connected."""
        self._lanes[peer] = self._lanes.get(peer, 0) + 1

    def lane_carried(self, peer: str, traffic: Traffic) -> None:
        """Records the traffic of the lanes to and from another machine."""
        self._carried[peer] = traffic

    def lane_down(self, peer: str, reason: str) -> None:
        """Notes that a machine or a client has disconnected."""
        self._lanes[peer] = self._lanes.get(peer, 1) - 1
        if self._lanes[peer] < 1:
            del self._lanes[peer]

    # -- read by the SDK, in a thread of its own ------------------------------------------------------------

    def _counts(self, _: CallbackOptions) -> Iterable[Observation]:
        return [Observation(int(count), _named(key)) for key, (count, _) in list(self._handled.items())]

    def _seconds(self, _: CallbackOptions) -> Iterable[Observation]:
        return [Observation(seconds, _named(key)) for key, (_, seconds) in list(self._handled.items())]

    def _refusals(self, _: CallbackOptions) -> Iterable[Observation]:
        return [Observation(count, {"hyperverse.status": status}) for status, count in list(self._refused.items())]

    def _denials(self, _: CallbackOptions) -> Iterable[Observation]:
        return [Observation(self._denied)]

    def _lanes_up(self, _: CallbackOptions) -> Iterable[Observation]:
        return [Observation(len(self._lanes))]

    def _lane_waves(self, _: CallbackOptions) -> Iterable[Observation]:
        for peer, traffic in list(self._carried.items()):
            yield Observation(traffic.waves_out, {"hyperverse.peer": peer, "network.io.direction": "transmit"})
            yield Observation(traffic.waves_in, {"hyperverse.peer": peer, "network.io.direction": "receive"})

    def _lane_bytes(self, _: CallbackOptions) -> Iterable[Observation]:
        for peer, traffic in list(self._carried.items()):
            yield Observation(traffic.bytes_out, {"hyperverse.peer": peer, "network.io.direction": "transmit"})
            yield Observation(traffic.bytes_in, {"hyperverse.peer": peer, "network.io.direction": "receive"})


def _named(key: tuple[str, str]) -> dict[str, str]:
    return {"rpc.method": key[0], "hyperverse.outcome": key[1]}
