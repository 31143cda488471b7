"""The combined notes of all machines: single waves with their hops, the log, and one particle."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from ....contracts.registry import ParticleRecord
from ....errors import BadRequest
from ....universe.address.star_key import StarKey
from ...cluster.directory import Directory
from ...delivery.outbound import Outbound
from ...delivery.star_requests import ask_star
from .descriptions import Descriptions
from .figures import LiveFigures
from .log_notes import LogNotes

__all__ = ["Looking"]

_ASKED: Final = 2.0
"""Seconds that another machine may take to answer."""
_MOST: Final = 1000
"""Greatest number of waves or lines in one answer."""
_LEVELS: Final = ("debug", "info", "warning", "error")
_OF_WAVE: Final = ("wave", "kind", "to", "agent", "sender", "method", "path", "trace")
_OF_EVENT: Final = ("event", "at", "machine", "to", "star", "status", "outcome", "attempt", "seconds", "why")


class Looking:
    """Asks every machine for its notes.

    Args:
        figures: provides this machine's notes of waves.
        log: the notes of its log.
        outbound: sends from the star that represents this machine.
        directory: the other machines.
        descriptions: describes the particles of this machine.
    """

    def __init__(
        self,
        figures: LiveFigures,
        log: LogNotes,
        outbound: Outbound,
        directory: Directory,
        descriptions: Descriptions,
    ) -> None:
        self._descriptions = descriptions
        self._figures = figures
        self._log = log
        self._outbound = outbound
        self._directory = directory

    def here(self, what: str, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Returns this machine's notes: of ``waves``, of its ``log``, or of a ``particle`` that lives here. Raises
        BadRequest for anything else."""
        if what == "waves":
            return self._figures.waves(**asked)
        if what == "log":
            return {"lines": self._log.told(**asked)}
        if what == "particle":
            return self._descriptions.at_home(**asked)
        raise BadRequest(f"a machine has no notes of {what!r}", hint="known: waves, log, particle")

    async def described(self, record: ParticleRecord) -> dict[str, Any]:
        """Returns what is known about a particle, including what its own machine knows; see
        :meth:`Descriptions.describe`. A machine that does not answer, or runs an older release, adds nothing."""
        found = self._descriptions.describe(record)
        name = found["machine"]
        if name is not None and name != self._directory.machine and found["life"] != "unreachable":
            body = {"what": "particle", "asked": {"star": found["star"], "point": found["point"]}}
            star = StarKey("machine", name, 0)
            reply = await ask_star(self._outbound, star, "Hyp<Status>", body, wait=_ASKED)
            if reply.ok and isinstance(reply.body, Mapping):
                found |= reply.body
        return found

    async def waves(self, wave: str, point: str, limit: int, failed: bool) -> dict[str, Any]:
        """Returns the noted waves of all machines, the newest first: ``waves``, each with its ``events``; ``lives``,
        the arrivals and departures of the particle; ``one_in``, the sampling rate of successful waves (one in that
        many); and the ``silent`` machines.

        Args:
            wave: only the wave with this id, and the waves of its trace.
            point: only waves to or from this particle.
            limit: greatest number of rows.
            failed: only failures.

        Raises:
            BadRequest: the limit is outside its range.
        """
        _check(limit)
        found, silent = await self._ask("waves", {"wave": wave, "point": point, "limit": 2 * limit})
        rows = _waves_of({name: each["events"] for name, each in found.items()})
        lives = [{**life, "machine": name} for name, each in found.items() for life in each["lives"]]
        return {
            "waves": [row for row in rows if not failed or row["failed"]][:limit],
            "lives": sorted(lives, key=lambda life: float(life["at"]), reverse=True)[:limit],
            "one_in": max(each["one_in"] for each in found.values()),
            "silent": silent,
        }

    async def log(self, point: str, level: str, limit: int) -> dict[str, Any]:
        """Returns the last lines of the logs of all machines, the newest first: ``lines`` and ``silent``.

        Args:
            point: only lines of this particle.
            level: ``debug``, ``info``, ``warning`` or ``error``: only lines of this level or above.
            limit: greatest number of rows.

        Raises:
            BadRequest: the limit is outside its range, or the level is unknown.
        """
        _check(limit)
        if level not in _LEVELS:
            raise BadRequest(f"{level!r} is not a log level", hint=f"known: {', '.join(_LEVELS)}")
        least = logging.getLevelNamesMapping()[level.upper()]
        found, silent = await self._ask("log", {"point": point, "least": least, "limit": limit})
        lines = [{**line, "machine": name} for name, each in found.items() for line in each["lines"]]
        return {"lines": sorted(lines, key=lambda line: float(line["at"]), reverse=True)[:limit], "silent": silent}

    async def _ask(self, what: str, asked: Mapping[str, Any]) -> tuple[dict[str, Any], list[dict[str, str]]]:
        """Returns the notes of each machine, by its name, and the machines that have not answered."""
        names = sorted(self._directory.machines())
        body = {"what": what, "asked": dict(asked)}
        stars = [StarKey("machine", name, 0) for name in names]
        replies = await asyncio.gather(
            *(ask_star(self._outbound, star, "Hyp<Status>", body, wait=_ASKED) for star in stars)
        )
        told = dict(zip(names, replies, strict=True))
        silent = [{"machine": name, "why": reply.error} for name, reply in told.items() if not reply.ok]
        others = {name: reply.body for name, reply in told.items() if reply.ok}
        return {self._directory.machine: self.here(what, asked), **others}, silent


def _check(limit: int) -> None:
    if not 0 < limit <= _MOST:
        raise BadRequest(f"an answer cannot have {limit} rows", hint=f"the limit is from 1 to {_MOST}")


def _waves_of(machines: Mapping[str, Sequence[Mapping[str, Any]]]) -> list[dict[str, Any]]:
    """Groups the events of all machines into waves, the newest first."""
    waves: dict[str, list[dict[str, Any]]] = {}
    for machine, events in machines.items():
        for event in events:
            waves.setdefault(event["wave"], []).append({**event, "machine": machine})
    return sorted(map(_wave, waves.values()), key=lambda row: float(row["at"]), reverse=True)


def _wave(events: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Builds one wave. Its end is the answer that its sender got, or else what the machine of its recipient knows; the
    sender of a Signal only learns that it was accepted."""
    answered = [event for event in events if event["event"] == "answered" and event["kind"] != "Signal"]
    ends = answered or [event for event in events if event["event"] != "retried"] or list(events)
    worst = next((event for event in ends if event["why"]), ends[-1])
    return {
        **{key: worst[key] for key in _OF_WAVE},
        "at": max(event["at"] for event in events),
        "from": worst["origin"],
        "status": 200 if worst["status"] is None else worst["status"],
        "outcome": worst["outcome"],
        "why": worst["why"],
        "failed": worst["outcome"] != "ok" or (worst["status"] or 200) >= 400,
        "seconds": next((each["seconds"] for each in (worst, *ends, *events) if each["seconds"] is not None), None),
        "hops": max(event["hops"] for event in events),
        "events": [{key: event[key] for key in _OF_EVENT} for event in _in_order(events)],
    }


def _in_order(events: Sequence[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yields the events in order. Clocks of different machines are not compared, so events of the recipient's machine
    come before the answer."""
    last = ("delivered", "refused", "retried", "answered")
    yield from sorted(events, key=lambda event: (last.index(event["event"]) == 3, float(event["at"])))
