"""Notes of single waves on one machine, while somebody watches: every failure, and a sample of the rest.

The end of the id of a wave alone decides whether it is in the sample, so the machines of its sender and its recipient
choose the same waves: an id ends in a hexadecimal number, and the sample has the ids with a certain number of zeros at
the end. Bodies are never recorded.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from time import monotonic, perf_counter
from typing import Any, Final, TypeAlias

from ....contracts.observer import Observer
from ....contracts.wave_end import WaveEnd
from ....universe.address.point import ROOT, Point
from ....universe.address.star_key import StarKey
from ....universe.selectors.selector import Selector
from ....universe.waves.wave import Directed, MethodKind, Pong, Ripple

__all__ = ["Note", "SampledSenders", "WaveNotes"]

_FAILURES: Final = 1000
"""Number of notes of failures that one machine keeps."""
_SAMPLE: Final = 1000
"""Number of notes of other waves that it keeps."""
_LIVES: Final = 500
"""Number of arrivals and departures of particles that it keeps."""
_OFTEN: Final = 10.0
"""Sampled notes per second above which only one in sixteen of them is recorded from then on."""
_LEAST: Final = 4
"""Greatest number of zeros at the end of an id that the sample requires: one wave in 65,536."""
_WINDOW: Final = 1.0
"""Seconds over which the sampled notes are counted."""
_LONGEST: Final = 300
"""Greatest number of characters that are kept of a text from elsewhere."""
_HYP: Final = MethodKind.HYP

Note: TypeAlias = "dict[str, Any]"
"""One event of a wave, as plain values: ``event`` (``answered``, ``delivered``, ``refused`` or ``retried``), ``at``
(seconds of the Unix epoch), the ``wave`` with its details, and ``status``, ``outcome``, ``why``, ``star``, ``seconds``,
``attempt``, ``hops`` if the event has them."""


class WaveNotes(Observer):
    """Records single waves: failures as an observer, and the sample from the parts that pass it on.

    Attributes:
        suffix: a wave is in the sample if its id ends with this.
    """

    def __init__(self) -> None:
        self.suffix = ""
        self._failures: deque[Note] = deque(maxlen=_FAILURES)
        self._sample: deque[Note] = deque(maxlen=_SAMPLE)
        self._lives: deque[dict[str, Any]] = deque(maxlen=_LIVES)
        self._since, self._count = monotonic(), 0

    @property
    def one_in(self) -> int:
        """The sample contains one wave in this many; the number grows and shrinks with the load."""
        return int(16 ** len(self.suffix))

    # -- what is recorded ---------------------------------------------------------------------------------

    def wave_failed(self, wave: Directed, end: WaveEnd) -> None:
        if end.at_sender:
            self._note("answered", wave, end.reply, end.seconds)
        elif not end.ran:  # failures in a handler arrive through :meth:`note`, with their seconds
            self._note("refused", wave, end.reply, None)

    def note(self, event: str, wave: Directed, reply: Pong | None, seconds: float) -> None:
        """Records that a handler has failed, or that a wave of the sample has succeeded."""
        self._note(event, wave, reply, seconds)

    def wave_retried(self, wave: Directed, attempt: int, reply: Pong) -> None:
        self._note("retried", wave, reply, None, attempt)

    def particle_provisioned(self, point: Point, star: StarKey) -> None:
        self._lives.append({"at": time.time(), "event": "came", "point": point.text, "star": str(star)})

    def particle_released(self, point: Point, star: StarKey) -> None:
        self._lives.append({"at": time.time(), "event": "left", "point": point.text, "star": str(star)})

    def _note(
        self, event: str, wave: Directed, reply: Pong | None, seconds: float | None, attempt: int | None = None
    ) -> None:
        if wave.method.kind is _HYP or _is_platforms(wave):
            return  # watching is not load, and stars send such waves all the time
        ok = reply is None or reply.status < 400
        note = {
            "event": event,
            "at": time.time(),
            **_of_wave(wave),
            "status": None if reply is None else reply.status,
            "outcome": "ok" if reply is None else str(reply.outcome),
            "why": "" if reply is None or ok else reply.error[:_LONGEST],
            "star": "" if reply is None else reply.star,
            "seconds": seconds,
            "attempt": attempt if attempt is not None else 1 if reply is None else reply.attempts,
            "hops": wave.hops if reply is None else max(wave.hops, reply.hops),
        }
        (self._sample if ok else self._failures).append(note)
        if ok:
            self._adapt()

    def _adapt(self) -> None:
        """Samples fewer waves if there are too many, and more once the load allows it again."""
        self._count += 1
        passed = monotonic() - self._since
        if passed < _WINDOW and self._count < 2 * _OFTEN:
            return
        rate = self._count / max(passed, 1e-3)
        if rate > _OFTEN and len(self.suffix) < _LEAST:
            self.suffix += "0"
        elif rate < _OFTEN / 32:
            self.suffix = self.suffix[1:]
        self._since, self._count = monotonic(), 0

    # -- what is returned ---------------------------------------------------------------------------------

    def told(self, *, wave: str = "", point: str = "", limit: int = 400) -> dict[str, Any]:
        """Returns the notes, the newest last: ``events``, ``lives`` (arrivals and departures of particles), ``one_in``.

        Args:
            wave: only notes of the wave with this id.
            point: only notes of waves to or from this particle, and of its arrivals and departures.
            limit: greatest number of events of failures, of other waves, and of lives.
        """
        fits = _fitting(wave, point)
        failures = _last((note for note in reversed(self._failures) if fits(note)), limit)
        sample = _last((note for note in reversed(self._sample) if fits(note)), limit)
        lives = (life for life in reversed(self._lives) if life["point"] == point)
        return {
            "events": sorted((*failures, *sample), key=lambda note: float(note["at"])),
            "lives": _last(lives, limit) if point else [],
            "one_in": self.one_in,
        }


class SampledSenders:
    """Watches the senders' ends of the waves in the sample; each other wave costs one call.

    Args:
        notes: receive the waves.
    """

    __slots__ = ("_notes",)

    def __init__(self, notes: WaveNotes) -> None:
        self._notes = notes

    def begin(self, wave: Directed) -> float | None:
        """Called when a wave begins. Returns the time if it is in the sample."""
        return perf_counter() if wave.id.endswith(self._notes.suffix) else None

    def sent(self, wave: Directed, star: str, watched: float) -> None:
        """Called when it is sent to a star, which its answer also names."""

    def end(self, wave: Directed, reply: Pong, watched: float, answered: bool) -> None:
        """Called when its sender has an answer; failures are recorded elsewhere."""
        if reply.status < 400:
            self._notes.note("answered", wave, reply, perf_counter() - watched)


def _is_platforms(wave: Directed) -> bool:
    """Whether it is for a particle of the platform itself. A Ripple that has no copies yet is not."""
    return not wave.to.route.is_local and not (type(wave) is Ripple and wave.to == ROOT)


def _of_wave(wave: Directed) -> Note:
    parts = wave.headers.get("traceparent", "").split("-") if wave.headers else ()
    return {
        "wave": wave.id[:_LONGEST],
        "kind": type(wave).__name__,
        "to": _recipient(wave)[:_LONGEST],
        "agent": wave.agent.text,
        "sender": wave.sender.text,
        "method": wave.method.text,
        "path": wave.path[:_LONGEST],
        "origin": wave.origin,
        "trace": parts[1] if len(parts) >= 4 and len(parts[1]) == 32 else "",
    }


def _recipient(wave: Directed) -> str:
    if type(wave) is Ripple and wave.to == ROOT:
        return str(wave.recipients) if isinstance(wave.recipients, Selector) else ""
    return wave.to.text


def _fitting(wave: str, point: str) -> Callable[[Mapping[str, Any]], bool]:
    if wave:
        return lambda note: note["wave"] == wave or (bool(note["trace"]) and note["trace"] == wave)
    if point:
        return lambda note: point in (note["to"], note["sender"])
    return lambda note: True


def _last(newest_first: Iterable[dict[str, Any]], limit: int) -> list[dict[str, Any]]:
    """Returns the newest ones, the oldest of them first."""
    found = [each for _, each in zip(range(limit), newest_first, strict=False)]
    return found[::-1]
