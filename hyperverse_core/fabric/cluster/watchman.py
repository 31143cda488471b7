"""Watches a few other machines, and expires the stars of those that do not renew.

``membership.py`` explains how long a machine waits first, and why that is safe.
"""

from __future__ import annotations

import asyncio

import attrs

from ...contracts.registry import StarRecord, StarRegistry
from ...errors import HyperverseError
from ...scheduling.cancellation import ends_task
from ...scheduling.guarded_log import guarded_log
from ...universe.address.star_key import StarKey
from ..stars.topology import machine_key
from .directory import Directory
from .lane_states import LaneStates
from .neighbours import neighbours

__all__ = ["PATIENCE", "RENEW", "Watchman"]

RENEW = 1 / 5
"""Part of the lease between two renewals."""
PATIENCE = 0.85
"""Part of its lease after which a machine is expired if no renewal was seen."""
_log = guarded_log("hyperverse.membership")
_LOOK = 1 / 8
"""Part of the lease between two reads of the watched machines,"""
_CLOSE_LOOK = 1 / 20
"""and while the lane to one of them is down, so that its death is noticed soon."""
_STILL = 0.5
"""Part of its lease after which a machine without a renewal may have died, so that the machines after it are also
watched."""


@attrs.define
class _Seen:
    """The last observation of a machine: the record of the star that represents it, and when the record last
    changed."""

    record: StarRecord
    when: float

    def age(self, now: float) -> float:
        """Returns how long ago it renewed, as a part of its lease."""
        return (now - self.when) / self.record.lease


class Watchman:
    """Watches the neighbours of this machine (``neighbours.py``).

    Args:
        lease: seconds for which a renewal of this machine is valid.
        registry: stores the directory of stars.
        directory: the known machines.
        lanes: while the lane to a neighbour is down, that neighbour is read more often.

    Attributes:
        renewed: time of the event loop at which this machine last renewed its leases. Written by the membership.
    """

    def __init__(self, lease: float, *, registry: StarRegistry, directory: Directory, lanes: LaneStates) -> None:
        self._loop = asyncio.get_running_loop()
        self._lease = lease
        self._registry = registry
        self._directory = directory
        self._lanes = lanes
        self._seen: dict[str, _Seen] = {}
        self._looked = self.renewed = self._loop.time()

    async def run(self) -> None:
        """Expires the stars of machines that do not renew, until it is cancelled."""
        while True:
            close = any(map(self._lanes.is_down, self._seen))
            await asyncio.sleep(self._lease * (_CLOSE_LOOK if close else _LOOK))
            try:
                async with asyncio.timeout(self._lease):
                    await self._look()
                    for seen in self._overdue():
                        await self._expire(seen)
            except (HyperverseError, TimeoutError) as exc:
                _log.warning("the renewals of machines could not be read: %s", str(exc) or "no answer in time")
            except BaseException as exc:
                if ends_task(exc):
                    raise
                _log.exception("the renewals of machines could not be followed; please report it")

    async def _look(self) -> None:
        """Reads the renewal counters of the neighbours."""
        now = self._loop.time()
        still = [name for name, seen in self._seen.items() if seen.age(now) > _STILL]
        wanted = neighbours(self._directory.machine, self._directory.machines(), still)
        if not wanted:
            self._seen.clear()
            self._looked = now
            return
        found = {record.machine: record for record in await self._registry.stars(self._standing_for(wanted))}
        now = self._loop.time()  # read only now: a renewal may have arrived while we waited
        self._forgive(now)
        before, self._seen = self._seen, {}
        for name, record in found.items():
            seen = before.get(name)
            if seen is not None and _renewals(seen.record) == _renewals(record):
                self._seen[name] = seen
            else:
                self._seen[name] = _Seen(record, now)

    def _standing_for(self, machines: list[str]) -> list[StarKey]:
        """Returns one star of each machine, because all stars of a machine are renewed together."""
        records = ((name, self._directory.machine_record(name)) for name in machines)
        return [machine_key(name) if record is None else record.key for name, record in records]

    def _forgive(self, now: float) -> None:
        """Ignores time in which this machine could not observe the others (this process slept, the registry was
        unreachable) or could not renew its own leases (the registry accepts no writes)."""
        gap = now - self._looked
        self._looked = now
        if gap > self._lease / 2 or now - self.renewed > self._lease * RENEW * 2:
            for seen in self._seen.values():
                seen.when += gap

    def _overdue(self) -> list[_Seen]:
        now = self._loop.time()
        return [seen for seen in self._seen.values() if seen.age(now) > PATIENCE]

    async def _expire(self, seen: _Seen) -> None:
        """Expires every star of a machine, unless the machine has renewed meanwhile."""
        machine, keys = seen.record.machine, {seen.record.key}
        if seen.record.key == machine_key(machine):  # it is announced before all other stars of a machine
            keys.update(self._directory.stars_of(machine))
        found = [record for record in await self._registry.stars(keys) if record.machine == machine]
        if not any(record.key == seen.record.key and _renewals(record) == _renewals(seen.record) for record in found):
            return
        # A machine renews all of its stars together or none, so none was renewed since that one was seen unchanged. A
        # star that is renewed after this point does not expire.
        for record in found:
            _log.warning("%s of machine %s does not renew its lease", record.key, record.machine)
            await self._registry.expire(record)


def _renewals(record: StarRecord) -> tuple[int, int]:
    return record.incarnation, record.renewals
