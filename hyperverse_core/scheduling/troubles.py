"""Current problems of a machine, for its status: each with its cause, its start, and the time of the next attempt."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

import attrs

from ..contracts.registry import Trouble
from ..errors import described
from .guarded_log import guarded_log

__all__ = ["Troubles"]

_log = guarded_log("hyperverse.machine")
_MOST: Final = 100
_SHOWN: Final = 600.0
"""Seconds for which a problem that occurred once is shown."""


@attrs.define(eq=False)
class _Trouble:
    what: str
    cause: str
    since: float
    until: float
    again: float | None
    times: int = 1


class Troubles:
    """Collects problems from every part that retries something or has to abandon something.

    Args:
        clock: returns the seconds since the epoch.
        sources: functions, by name, that return further problems whenever they are shown. A function that raises is
            itself shown as a problem.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.time,
        *,
        sources: Mapping[str, Callable[[], Iterable[Trouble]]] | None = None,
    ) -> None:
        self._clock = clock
        self._by_what: dict[str, _Trouble] = {}
        self._sources = {} if sources is None else sources

    def note(self, what: str, cause: str, *, again: float | None = None, lasts: float = float("inf")) -> None:
        """Notes a problem that lasts until :meth:`over` is called. Noting it again keeps its start time.

        Args:
            what: the part and what it does, such as ``"the change feed"``.
            cause: the reason, on one line.
            again: seconds until it is retried; None if it is not.
            lasts: seconds after which it is over automatically.
        """
        now = self._clock()
        known = self._by_what.get(what)
        if known is None or known.until <= now:
            self._make_room(now)
            known = self._by_what[what] = _Trouble(what, cause, now, now, None, 0)
        known.cause = cause
        known.until = now + lasts
        known.again = None if again is None else now + again
        known.times += 1

    def happened(self, what: str, cause: str) -> None:
        """Notes a problem that occurred once. It is shown for ten minutes."""
        self.note(what, cause, lasts=_SHOWN)

    def __bool__(self) -> bool:
        """Whether any problem is noted."""
        return bool(self._by_what)

    def over(self, what: str) -> None:
        """Notes that a problem is over."""
        self._by_what.pop(what, None)

    def rows(self) -> list[dict[str, Any]]:
        """Returns each problem as plain values, the oldest first: ``what``, ``cause``, ``since`` and ``again`` in
        seconds since the epoch (``again`` may be None), and ``times``, how often it was noted."""
        now = self._clock()
        rows = [
            {"what": t.what, "cause": t.cause, "since": t.since, "again": t.again, "times": t.times}
            for t in self._by_what.values()
            if t.until > now
        ]
        rows += [
            {"what": t.what, "cause": t.cause, "since": t.since, "again": t.again, "times": 1} for t in self._asked(now)
        ]
        return sorted(rows, key=lambda row: row["since"])

    def _asked(self, now: float) -> list[Trouble]:
        found: list[Trouble] = []
        for name, source in self._sources.items():
            try:
                found += source()
            except Exception as exc:
                _log.exception("%s cannot report its troubles", name)
                found.append(Trouble(name, f"it cannot report its troubles: {described(exc)}", now))
        return found

    def _make_room(self, now: float) -> None:
        if len(self._by_what) < _MOST:
            return
        for trouble in [t for t in self._by_what.values() if t.until <= now]:
            del self._by_what[trouble.what]
        if len(self._by_what) >= _MOST:  # the one that was noted last says the most
            del self._by_what[min(self._by_what.values(), key=lambda t: t.since).what]
