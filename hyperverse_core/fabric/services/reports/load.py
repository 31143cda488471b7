"""The load of a machine: waves per second, slow handlers and failures, measured only on request."""

from __future__ import annotations

import asyncio
from time import perf_counter, thread_time
from typing import Any, Final

import attrs

from ....contracts.observer import Observer
from ....contracts.wave_end import WaveEnd
from ....errors import BadRequest
from ....universe.waves.wave import Directed
from ...interception.interceptors import Interceptors

__all__ = ["Load"]

_LONGEST: Final = 10.0
_ROWS: Final = 10
_MOST: Final = 1024


@attrs.define
class _Method:
    count: int = 0
    failed: int = 0
    slowest: float = 0.0
    total: float = 0.0
    last: str = ""


class _Meter(Observer):
    """Counts the handlers that end, by particle and method."""

    def __init__(self) -> None:
        self.methods: dict[tuple[str, str], _Method] = {}

    def handler_ends(self, wave: Directed, end: WaveEnd, begun: object) -> None:
        if not end.ran:
            return
        seconds, reply = end.seconds or 0.0, end.reply
        key = (wave.to.text, wave.method.text)
        row = self.methods.get(key)
        if row is None:
            if len(self.methods) >= _MOST:
                key = ("", wave.method.text)
            row = self.methods.setdefault(key, _Method())
        row.count += 1
        row.total += seconds
        row.slowest = max(row.slowest, seconds)
        if reply is not None and reply.status >= 400:
            row.failed += 1
            row.last = f"{reply.status} {reply.error}"


class Load:
    """Measures the load of a machine. Nothing is counted unless somebody asks."""

    def __init__(self, interceptors: Interceptors) -> None:
        self._interceptors = interceptors

    async def measure(self, seconds: float) -> dict[str, Any]:
        """Returns the handlers that ended in the next ``seconds``: how many per second, the slowest ones, and those
        that failed. ``loop`` is the share of that time in which the event loop was busy. Raises BadRequest for more
        than ten seconds."""
        if not 0.0 < seconds <= _LONGEST:
            raise BadRequest(f"the load cannot be measured for {seconds!r} seconds", hint=f"up to {_LONGEST:g}")
        meter = _Meter()
        began, worked = perf_counter(), thread_time()
        self._interceptors.add(meter)
        try:
            await asyncio.sleep(seconds)
        finally:
            self._interceptors.remove(meter)
        passed, worked = perf_counter() - began, thread_time() - worked
        rows = meter.methods.items()
        slow = sorted(rows, key=lambda row: row[1].slowest, reverse=True)[:_ROWS]
        failed = sorted((row for row in rows if row[1].failed), key=lambda row: row[1].failed, reverse=True)[:_ROWS]
        return {
            "seconds": passed,
            "loop": min(1.0, worked / passed),
            "waves": sum(row.count for _, row in rows) / passed,
            "failures": sum(row.failed for _, row in rows),
            "slow": [_plain(key, row) for key, row in slow],
            "failed": [_plain(key, row) for key, row in failed],
        }


def _plain(key: tuple[str, str], row: _Method) -> dict[str, Any]:
    return {
        "point": key[0],
        "method": key[1],
        "count": row.count,
        "slowest": row.slowest,
        "mean": row.total / row.count,
        "failed": row.failed,
        "last": row.last,
    }
