"""Describes a particle: its record, its place, and why it cannot run."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import attrs

from ....contracts.registry import ParticleRecord, Status
from ...cluster.directory import Directory
from ...cluster.ways import Ways
from ...particles.homes import Homes
from ...particles.served import ServedKinds
from ...placement.strategies import Strategies

__all__ = ["Descriptions"]


class Descriptions:
    """Describes particles, from the record, the directory of stars, and the drivers of this machine.

    Args:
        machine: the name of this machine.
        served: the Kinds with drivers here.
        directory, ways: the stars, and the routes to them.
        homes: the particles of this machine.
        strategies: the placement strategies of Kinds.
    """

    def __init__(
        self,
        machine: str,
        served: ServedKinds,
        directory: Directory,
        ways: Ways,
        homes: Homes,
        strategies: Strategies,
    ) -> None:
        self._machine = machine
        self._strategies = strategies
        self._served = served
        self._directory = directory
        self._ways = ways
        self._homes = homes

    def life(self, record: ParticleRecord) -> str:
        """Returns the state of a particle in one word: ``active``, ``idle`` (its next wave activates it), ``failed``
        (it could not start, and its next wave tries again), ``unreachable`` (its star cannot be reached), or ``stuck``
        (no star can host it)."""
        assignment = record.assignment
        if assignment is not None and self._directory.holds(assignment):
            if assignment.star not in self._homes and str(assignment.star) not in self._ways.table():
                return "unreachable"
            if record.status in (Status.PANIC, Status.FATAL):
                return "failed"
            hosting = self._homes.get(assignment.star)
            active = hosting.active.get(record.point.text) if hosting is not None else None
            if hosting is not None:
                return "active" if active is not None and active.particle is not None else "idle"
            return "active" if record.status is Status.READY else "idle"
        if not self._can_be_placed(record.kind.base):
            return "stuck"
        return "failed" if record.status in (Status.PANIC, Status.FATAL) else "idle"

    def _can_be_placed(self, kind: str) -> bool:
        return any(kind in record.kinds and not record.draining for record in self._directory.records.values())

    def describe(self, record: ParticleRecord) -> dict[str, Any]:
        """Returns what is known about a particle, as plain values; ``chain`` has the causes why it cannot run, each
        followed by its own cause. Values that only the machine of the particle knows are None on other machines; see
        :meth:`at_home`."""
        active = self._homes.at_home(record.point)
        if active is not None and active.assignment is not None:  # the record may have been read before it was placed
            record = attrs.evolve(record, assignment=active.assignment)
        assignment = record.assignment
        star = None if assignment is None else self._directory.records.get(assignment.star)
        life = self.life(record)
        found: dict[str, Any] = {
            "point": record.point.text,
            "kind": str(record.kind),
            "owner": record.owner.text,
            "status": str(record.status),
            "life": life,
            "star": None if assignment is None else str(assignment.star),
            "machine": None if star is None else star.machine,
            "answered_by": self._machine,
            "chain": list(self._chain(record, life)),
            "placement": self._strategies.name_of(record.kind.base) if record.kind.base in self._served else None,
            "failure": None,
            "saved": None,
        }
        if assignment is not None and assignment.star in self._homes:
            found |= self.at_home(str(assignment.star), record.point.text)
        return found

    def at_home(self, star: str, point: str) -> dict[str, Any]:
        """Returns the values that only the machine of a particle knows: its last ``failure``, and in ``saved`` how many
        seconds ago its state was written; None if it was not written since the particle started there. The result is
        empty if the star is not here.

        Args:
            star: text of the star that hosts it.
            point: text of its point.
        """
        hosting = self._homes.by_text.get(star)
        if hosting is None:
            return {}
        failure, active = hosting.home.failures.of(point), hosting.active.get(point)
        saves = None if active is None else active.saves
        ago = None if failure is None else {"ago": max(0.0, time.time() - failure.at), "what": failure.what}
        saved = None if saves is None or not saves.durable else time.monotonic() - saves.at
        return {"failure": ago, "saved": saved}

    def _chain(self, record: ParticleRecord, life: str) -> Iterator[str]:
        point, kind, assignment = record.point.text, record.kind.base, record.assignment
        if life == "failed":
            yield f"{point!r} could not start; its next wave tries again"
            hosting = self._homes.get(assignment.star) if assignment is not None else None
            for row in hosting.home.troubles.rows() if hosting is not None else ():
                if point in row["what"].split():  # not the row of a particle whose point merely begins with this one
                    yield row["cause"]
        elif life == "unreachable" and assignment is not None:
            yield f"its star {assignment.star} cannot be reached from machine {self._machine}"
            yield "the lanes to that machine are down; `hyperverse status` shows why"
        elif life == "stuck":
            yield f"no star accepts particles of Kind {kind!r}"
            yield from self._why_no_star(kind)

    def _why_no_star(self, kind: str) -> Iterator[str]:
        draining = sorted({r.machine for r in self._directory.records.values() if kind in r.kinds and r.draining})
        if draining:
            yield f"machine {', '.join(draining)} is drained; restart it, or start another machine"
            return
        served = self._served.get(kind)
        if served is None:
            yield f"no plugin of machine {self._machine} provides a driver for it{self._served.why_missing(kind)}"
            yield "install the plugin; the record and the state of the particle are kept"
        elif not served.serves:
            yield f"its driver (plugin {served.plugin!r}) is {served.status}: {served.cause or 'no reason is known'}"
            if served.again is not None:
                yield f"it is tried again in {max(0.0, served.again - time.time()):.0f} s"
        else:
            yield f"its driver (plugin {served.plugin!r}) is ready, and accepts none of the kinds of stars that run"
