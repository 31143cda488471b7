"""Reads the directory of stars from the registry, and expires stars of other machines that stand still.

``membership.py`` says how long a machine waits before it expires a star, and why that is safe.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence

from ...contracts.registry import Registry, StarRecord
from ...errors import HyperverseError
from ...scheduling.cancellation import ends_task
from ...scheduling.guarded_log import guarded_log
from ...universe.address.star_key import StarKey
from .directory import Directory
from .facts import as_announced
from .lane_states import LaneStates
from .ways import Ways

__all__ = ["PATIENCE", "RENEW", "DirectoryReader"]

RENEW = 1 / 5
"""Part of the lease between two renewals."""
PATIENCE = 0.85
"""Part of its lease after which a star that was not seen to renew is expired."""
_log = guarded_log("hyperverse.membership")
_LOOK = 1 / 8
"""Part of the lease between two looks at the directory,"""
_CLOSE_LOOK = 1 / 20
"""and while a lane is down, so that a machine behind it that has died is noticed soon."""


class DirectoryReader:
    """Reads the directory of stars, tells those who rest on it what has changed, and expires stars that stand still.

    Args:
        lease: seconds for which a renewal of this machine is good.
        own: the stars of this machine; it never expires them.
        registry: has the directory.
        directory: takes what was read.
        ways: worked out anew when stars, links or machines have changed.
        lanes: while one is down, the directory is read more often.
        star_gone: called with the text of a star's key when it is not announced any more, or in another incarnation:
            nothing lives there.
        layout_changed: called when stars, their links or their machines have changed, after ``ways``.

    Attributes:
        renewed: time of the event loop at which this machine has renewed its leases last. Written by the membership.
    """

    def __init__(
        self,
        lease: float,
        *,
        own: Collection[StarKey],
        registry: Registry,
        directory: Directory,
        ways: Ways,
        lanes: LaneStates,
        star_gone: Sequence[Callable[[str], None]],
        layout_changed: Sequence[Callable[[], None]],
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._lease = lease
        self._own = own
        self._registry = registry
        self._directory = directory
        self._ways = ways
        self._lanes = lanes
        self._star_gone = star_gone
        self._layout_changed = layout_changed
        self._seen: dict[StarKey, tuple[int, int, float]] = {}
        self._layout: Mapping[StarKey, object] = {}
        self._reading = asyncio.Lock()
        self._asked = 0
        self._answered = 0
        self._looked = self.renewed = self._loop.time()

    async def run(self) -> None:
        """Expires stars of other machines that stand still, until it is cancelled."""
        while True:
            await asyncio.sleep(self._lease * (_CLOSE_LOOK if self._lanes.any_down() else _LOOK))
            try:
                async with asyncio.timeout(self._lease):
                    await self.refresh()
                    for record in self._overdue():
                        _log.warning("%s of machine %s does not renew its lease", record.key, record.machine)
                        await self._registry.expire(record)
            except (HyperverseError, TimeoutError) as exc:
                _log.warning("the directory of stars could not be read: %s", str(exc) or "no answer in time")
            except BaseException as exc:
                if ends_task(exc):
                    raise
                _log.exception("the directory of stars could not be followed; please report it")

    async def refresh(self) -> None:
        """Reads the directory: what was announced before the call is known when it returns. Raises Unavailable."""
        self._asked += 1
        mine = self._asked
        async with self._reading:
            if self._answered >= mine:
                return  # a reading that began after our call has just ended
            upto = self._asked
            records = {record.key: as_announced(record) for record in await self._registry.stars()}
            self._answered = upto
            self._take(records, self._loop.time())  # not before: a renewal may have come while we waited

    def _take(self, records: dict[StarKey, StarRecord], now: float) -> None:
        """The directory has been read."""
        self._forgive(now)
        for key, record in records.items():
            seen = self._seen.get(key)
            if seen is None or seen[:2] != (record.incarnation, record.renewals):
                self._seen[key] = (record.incarnation, record.renewals, now)
        before = self._directory.records
        for key, known in before.items():
            record_now = records.get(key)
            if record_now is None:
                self._seen.pop(key, None)
            if record_now is None or record_now.incarnation != known.incarnation:
                for gone in self._star_gone:
                    gone(str(key))
        self._directory.replace(records)
        layout = {k: (r.incarnation, r.links, r.machine, r.kind, r.address, r.server_key) for k, r in records.items()}
        if layout != self._layout:
            self._layout = layout
            self._ways.find()
            for changed in self._layout_changed:
                changed()

    def _forgive(self, now: float) -> None:
        """Ignores time in which this machine could not observe the others (this process slept, the registry was away)
        or could not renew leases itself (the registry takes no writes)."""
        gap = now - self._looked
        self._looked = now
        if gap > self._lease / 2 or now - self.renewed > self._lease * RENEW * 2:
            self._seen = {key: (*seen[:2], seen[2] + gap) for key, seen in self._seen.items()}

    def _overdue(self) -> list[StarRecord]:
        now = self._loop.time()
        return [
            record
            for key, record in self._directory.records.items()
            if key not in self._own and now - self._seen[key][2] > record.lease * PATIENCE
        ]

    async def has_left(self, key: StarKey, incarnation: int) -> bool:
        """Whether a star that cannot be reached is not announced any more, as far as that can be known now."""
        if self._directory.incarnation_of(key) == incarnation:
            try:
                await self.refresh()
            except HyperverseError:
                return False
        return self._directory.incarnation_of(key) != incarnation
