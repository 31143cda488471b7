"""Counts the waves that one machine handles, while somebody watches."""

from __future__ import annotations

from bisect import bisect
from collections import Counter, deque
from collections.abc import Mapping
from time import monotonic, perf_counter
from typing import Any, Final

import attrs

from ....contracts.observer import Observer
from ....contracts.wave_end import WaveEnd
from ....universe.address.point import Point
from ....universe.address.star_key import StarKey
from ....universe.waves.wave import Directed, Pong
from ...particles.homes import Homes
from .wave_notes import WaveNotes

__all__ = ["BOUNDS", "STEP", "Meter", "counted"]

BOUNDS: Final = (0.001, 0.01, 0.1, 1.0)
"""Upper bounds of the histogram of a method, in seconds."""

STEP: Final = 2.0
"""Duration of one entry of the history, in seconds."""
_STEPS: Final = 60
_FAST: Final = BOUNDS[0]
_MOST: Final = 512
"""Greatest number of rows of one table; further rows are counted under an empty name. Of failures, the rarest half is
dropped."""
_HELD: Final = _MOST // 2
_KNOWN: Final = 8192
"""Number of recipients whose rows are remembered."""
_SHOWN: Final = 50
_LONGEST: Final = 300
"""Greatest number of characters of a cause."""


@attrs.define(eq=False)
class _Row:
    """Counts of one kind of wave, or one kind of failure."""

    count: int = 0
    failed: int = 0
    seconds: float = 0.0
    slowest: float = 0.0
    last: float = 0.0
    why: str = ""
    slow: list[int] = attrs.field(factory=lambda: [0] * len(BOUNDS))

    def histogram(self) -> list[int]:
        """Returns how many took less than the first bound, less than the second, and so on, and longer than all."""
        return [self.count - sum(self.slow), *self.slow]


class Meter(Observer):
    """Counts the waves of this machine. It watches handlers itself, because every wave passes through here.

    A status of 400 or more is a failure: a handler uses 302 to redirect a browser.

    Args:
        homes: the particles, to find the Kind of a recipient and its star.
        notes: get the waves in the sample.

    Attributes:
        failed: waves that have failed, in a handler or before one.
        refused: waves that the policy has refused.
        unhandled: the failed waves that reached no handler, by status.
    """

    def __init__(self, homes: Homes, notes: WaveNotes) -> None:
        self._homes = homes
        self._notes = notes
        self.began = monotonic()
        self.methods: dict[tuple[str, str, str], _Row] = {}
        self.pairs: dict[tuple[str, str], _Row] = {}
        self.faults: dict[tuple[str, str, str], _Row] = {}
        self.denied: dict[tuple[str, str, str], _Row] = {}
        self._history: deque[tuple[float, ...]] = deque(maxlen=_STEPS)
        self._told = (0, 0, 0, 0)
        self.failed = self.refused = 0
        self.unhandled: Counter[int] = Counter()
        # The two rows of a wave that succeeds, by recipient, method and origin: one look-up for each wave.
        self._rows: dict[tuple[str, str, str], tuple[_Row, _Row] | None] = {}

    def begin(self, wave: Directed, since: float) -> float:
        """Called when a handler starts."""
        return perf_counter()

    def end(self, wave: Directed, reply: Pong | None, watched: float) -> None:
        """Called when a handler that started at ``watched`` has ended."""
        seconds = perf_counter() - watched
        key = (wave.to.text, wave.method.text, wave.origin)
        try:
            rows = self._rows[key]
        except KeyError:
            rows = self._rows[key] = self._find(wave)
        if rows is None:
            return
        row, pair = rows
        pair.count += 1
        if reply is not None and reply.status >= 400:
            row = self._failure(wave, reply)
            self._notes.note("delivered", wave, reply, seconds)
        elif wave.id.endswith(self._notes.suffix):
            self._notes.note("delivered", wave, reply, seconds)
        row.count += 1
        row.seconds += seconds
        if seconds > row.slowest:
            row.slowest = seconds
        if seconds >= _FAST:
            row.slow[bisect(BOUNDS, seconds) - 1] += 1

    def _find(self, wave: Directed) -> tuple[_Row, _Row] | None:
        """Returns the rows of a wave; None for a wave to the platform's own particles."""
        if len(self._rows) >= _KNOWN:
            self._rows.clear()
        if not wave.to.route.is_local:
            return None
        active = self._homes.at_home(wave.to)
        kind, star = ("", "") if active is None else (active.record.kind.base, active.star.text)
        return _row(self.methods, (kind, wave.method.text, "ok")), _row(self.pairs, (wave.origin, star))

    def _failure(self, wave: Directed, reply: Pong) -> _Row:
        active = self._homes.at_home(wave.to)
        kind, method = "" if active is None else active.record.kind.base, wave.method.text
        self.failed += 1
        self._note(self.faults, (kind, method, _fault(wave, reply)), wave.to.text)
        row = _row(self.methods, (kind, method, str(reply.outcome)))
        row.failed += 1
        return row

    def particle_released(self, point: Point, star: StarKey) -> None:
        self._rows.clear()  # the particle may become active on another star

    def wave_failed(self, wave: Directed, end: WaveEnd) -> None:
        if end.ran or end.reply is None:
            return  # the sender's end of the wave, or a handler that is counted above
        if not wave.to.route.is_local or end.status in (401, 403):
            return  # refusals by the policy are counted as such
        if end.status == 404 and (wave.agent.text, wave.to.text, wave.method.text) in self.denied:
            return  # a wave to a hidden particle also counts as a refusal
        self.failed += 1
        self.unhandled[end.status] += 1
        self._note(self.faults, ("", wave.method.text, _fault(wave, end.reply)), wave.to.text)

    def access_denied(self, agent: Point, target: Point, method: str, reason: str) -> None:
        self.refused += 1
        self._note(self.denied, (agent.text, target.text, method), reason[:_LONGEST])

    @staticmethod
    def _note(rows: dict[tuple[str, str, str], _Row], key: tuple[str, str, str], why: str) -> None:
        if key not in rows and len(rows) >= _MOST:  # a caller that tries many methods must not hide failures
            for rare in sorted(rows, key=lambda each: (rows[each].count, rows[each].last))[:-_HELD]:
                del rows[rare]
        row = _row(rows, key)
        row.count += 1
        row.last, row.why = monotonic(), why

    def step(self) -> None:
        """Ends a step of the history."""
        self._history.append(self._now())
        self._told = self._totals()

    def history(self) -> list[list[float]]:
        """Returns each step: how many seconds ago it ended, waves, failures, refusals, waves that have come from
        another machine, and particles in memory at its end. The last step is still running."""
        steps = (*self._history, self._now())
        now = monotonic()  # read after the last step, so no step ends later
        return [[now - at, *counts] for at, *counts in steps]

    def _now(self) -> tuple[float, ...]:
        grown = (now - told for now, told in zip(self._totals(), self._told, strict=True))
        # Each star has its own particle; the star of the machine also has sessions and the platform's own particles.
        hostings = (hosting for hosting in self._homes.values() if hosting.star.kind.name != "Machine")
        particles = sum(max(0, len(hosting.active) - 1) for hosting in hostings)
        return monotonic(), *grown, particles

    def _totals(self) -> tuple[int, int, int, int]:
        here = self._homes.by_text
        crossed = sum(row.count for (origin, _), row in self.pairs.items() if origin not in here)
        return sum(row.count for row in self.methods.values()), self.failed, self.refused, crossed


def _fault(wave: Directed, reply: Pong) -> str:
    """Returns what has failed, without the name of the particle, so that a fault of many particles is one row."""
    return f"{reply.status} {reply.error.replace(repr(wave.to.text), '…')}"[:_LONGEST]


def _row(rows: dict[Any, _Row], key: tuple[str, ...]) -> _Row:
    row = rows.get(key)
    if row is None:
        if len(rows) >= _MOST:
            key = ("",) * len(key)
        row = rows.setdefault(key, _Row())
    return row


def counted(meter: Meter) -> dict[str, Any]:
    """Returns the counts as plain values."""
    now = monotonic()
    met = [entry for entry in meter.methods.items() if entry[1].count]
    methods = sorted(met, key=lambda entry: entry[1].count, reverse=True)
    return {
        "counted_for": now - meter.began,
        "step": STEP,
        "history": meter.history(),
        "waves": sum(row.count for row in meter.methods.values()),
        "failed": sum(row.failed for row in meter.methods.values()),
        "refused": meter.refused,
        "unhandled": {str(status): count for status, count in sorted(meter.unhandled.items())},
        "pairs": [[*pair, row.count] for pair, row in meter.pairs.items()],
        "methods": [
            {
                "kind": key[0],
                "method": key[1],
                "outcome": key[2],
                "count": row.count,
                "failed": row.failed,
                "seconds": row.seconds,
                "mean": row.seconds / row.count if row.count else 0.0,
                "slowest": row.slowest,
                "histogram": row.histogram(),
            }
            for key, row in methods
        ],
        "faults": _told(meter.faults, ("kind", "method", "what"), "point", now),
        "denied": _told(meter.denied, ("agent", "point", "method"), "why", now),
    }


def _told(
    rows: Mapping[tuple[str, str, str], _Row], names: tuple[str, ...], why: str, now: float
) -> list[dict[str, Any]]:
    """Returns the rows of a table of failures, the most frequent first."""
    often = sorted(rows.items(), key=lambda entry: entry[1].count, reverse=True)[:_SHOWN]
    return [
        {**dict(zip(names, key, strict=True)), why: row.why, "count": row.count, "ago": now - row.last}
        for key, row in often
    ]
