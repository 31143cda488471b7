"""Figures for Prometheus: those of the portal, and those of every machine if the agent may see them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, Final

from hyperverse_core.gateway import Session

from .answer import HttpAnswer
from .api import MACHINE
from .prometheus import Family, text_of

__all__ = ["Figures", "families_of"]

_BOUNDS: Final = ("0.001", "0.01", "0.1", "1.0", "+Inf")
"""Upper bounds of the buckets of a method's histogram, in seconds, as ``GLOBAL::machine`` counts them."""
_METHOD: Final = ("kind", "method", "outcome")


class Figures:
    """Counts the answers."""

    def __init__(self) -> None:
        self._answers: Counter[int] = Counter()

    def count(self, status: int) -> None:
        """Notes that a request was answered."""
        self._answers[status] += 1

    async def answer(self, session: Session, wait: float) -> HttpAnswer:
        """Returns all figures in the text format of Prometheus.

        The figures of the machines need the privilege ``machine:figures``. Agents without it get the portal's own
        figures, and a comment instead of the others.

        Args:
            session: the session of the agent that asks.
            wait: seconds that the machines may take.
        """
        own = Family("hyperverse_portal_requests_total", "counter", "Requests that were answered.")
        for status, count in sorted(self._answers.items()):
            own.add(count, status=str(status))
        pong = await session.ping(MACHINE, "Ext<Figures>", wait=wait)
        if pong.ok and isinstance(pong.body, Mapping):
            text = text_of([own, *families_of(pong.body)], whole=True)
        else:
            why = " ".join(pong.error.split())
            text = text_of([own], whole=False) + f"# the figures of the machines: {pong.status} {why}\n".encode()
        return HttpAnswer(200, text, ((b"content-type", b"text/plain; version=0.0.4; charset=utf-8"),))


def families_of(told: Mapping[str, Any]) -> Iterator[Family]:
    """Turns the answer of ``Ext<Figures>`` into families of samples. A machine that nobody has asked for five minutes
    counts from 0 again, which Prometheus allows for a counter."""
    machines: Mapping[str, Mapping[str, Any]] = told["machines"]
    up = Family("hyperverse_machine_up", "gauge", "Whether the machine answers.")
    for name in machines:
        up.add(1, machine=name)
    for silent in told["silent"]:
        up.add(0, machine=silent["machine"])
    yield up
    for title, kind, what, value in _OF_MACHINE:
        family = Family(f"hyperverse_{title}", kind, what)
        for name, machine in machines.items():
            family.add(value(machine), machine=name)
        yield family
    yield from _of_methods(machines)
    pairs = Family("hyperverse_pair_waves_total", "counter", "Waves handled, by the stars at both ends.")
    particles = Family("hyperverse_particles", "gauge", "Particles in memory.")
    denied = Family("hyperverse_refusals_total", "counter", "Waves that the policy refused.")
    unhandled = Family(
        "hyperverse_unhandled_waves_total", "counter", "Other waves that failed before they reached a handler."
    )
    for name, machine in machines.items():
        for origin, star, count in machine["pairs"]:
            pairs.add(count, machine=name, origin=origin, star=star)
        for star in machine["stars"]:
            if star["kind"] != "Machine":  # a machine's own star hosts sessions and the platform's particles
                particles.add(
                    max(0, star["particles"] - 1), machine=name, star=star["star"]
                )  # minus the star's own particle
        denied.add(machine.get("refused", 0), machine=name)  # a machine of an earlier release does not count them
        for status, count in machine.get("unhandled", {}).items():
            unhandled.add(count, machine=name, status=status)
    yield from (pairs, particles, denied, unhandled)


_OF_MACHINE: Final = (
    ("memory_bytes", "gauge", "Memory of the machine's process.", lambda m: m["memory"]),
    ("cpu_seconds_total", "counter", "Processor time of the machine's process.", lambda m: m["cpu"]),
    ("loop_cpu_seconds_total", "counter", "Processor time of the event loop.", lambda m: m["loop"]["cpu"]),
    ("loop_late_seconds", "gauge", "Recent lag of the event loop, in seconds.", lambda m: m["loop"]["late"]),
    ("waves_waiting", "gauge", "Waves waiting for their turn.", lambda m: m["waiting"]),
    ("troubles", "gauge", "Particles that cannot run.", lambda m: len(m["troubles"])),
)


def _of_methods(machines: Mapping[str, Mapping[str, Any]]) -> Iterator[Family]:
    """Counts, failures and a histogram for each Kind, method and outcome."""
    failed = Family("hyperverse_wave_failures_total", "counter", "Waves whose handlers failed.")
    times = Family("hyperverse_wave_seconds", "histogram", "Time that handlers took.")
    for name, machine in machines.items():
        for row in machine["methods"]:
            labels = {"machine": name, **{label: row[label] for label in _METHOD}}
            failed.add(row["failed"], **labels)
            so_far = 0
            for bound, count in zip(_BOUNDS, row["histogram"], strict=True):
                so_far += count
                times.add(so_far, "_bucket", **labels, le=bound)
            times.add(row["count"], "_count", **labels)
            times.add(row["seconds"], "_sum", **labels)
    yield from (failed, times)
