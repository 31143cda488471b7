"""Membership: stars that join, stay and leave.

A star holds its place in the directory by renewing it. Clocks of machines are not compared. A star stops serving when
three quarters of its lease have passed, by its own clock, since it *began* its last good renewal. A machine that sees a
star's renewal counter unchanged for 0.85 of its lease, by its own clock, may expire the star. What is seen was begun
before, so the star has stopped by then, unless one of the clocks runs a tenth faster than the other.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable, Mapping

import attrs

from ...contracts.registry import Registry, StarRecord
from ...errors import HyperverseError, NotHostedHere
from ...scheduling.cancellation import ends_task
from ...scheduling.troubles import Troubles
from ...universe.address.star_key import StarKey
from ..particles.homes import Homes
from ..stars.star import Star
from ..stars.topology import linked
from .directory import Directory
from .facts import OwnFacts
from .lane_states import LaneStates
from .name_claim import claim_name
from .ways import Ways

__all__ = ["Listening", "Membership"]

_RENEWAL = "the renewal of leases"
_log = logging.getLogger("hyperverse.membership")
_MARGIN = 0.75
"""Part of the lease after which a star that could not renew stops serving."""
_PATIENCE = 0.85
"""Part of the lease after which a star that was not seen to renew is expired."""
_RENEW = 1 / 5
"""Part of the lease between two renewals."""
_LOOK = 1 / 8
"""Part of the lease between two looks at the directory,"""
_CLOSE_LOOK = 1 / 20
"""and while a lane is down, so that a machine behind it that has died is noticed soon."""


@attrs.frozen
class Listening:
    """Where other machines find this one.

    Attributes:
        address: of its listener, as the transport writes it.
        key: the public key that its listener proves to hold.
    """

    address: str = ""
    key: str = ""


class Membership:
    """This machine's stars among those of the others: it announces and renews them, and expires those that stand still.

    Args:
        name, constellation: of this machine.
        lease: seconds for which a renewal is good.
        stars: of this machine; their ``incarnation`` and ``serve_until`` are written here.
        homes: what lives in them.
        registry: has the directory.
        directory, ways, lanes: what is known of the others.
        troubles: shows leases that cannot be renewed.

    Attributes:
        star_gone: called with the text of a star's key when it is not announced any more, or in another incarnation:
            nothing lives there.
        layout_changed: called when stars, their links or their machines have changed; the ways are worked out anew
            already.
        lease_lost: called when this machine's stars were given up on: nothing that lives here may go on.
        draining: whether this machine takes no new particles.
        serve_until: time of the event loop until which this machine's stars may serve.
    """

    def __init__(
        self,
        name: str,
        constellation: str,
        lease: float,
        *,
        stars: Mapping[StarKey, Star],
        homes: Homes,
        registry: Registry,
        directory: Directory,
        ways: Ways,
        lanes: LaneStates,
        facts: OwnFacts,
        troubles: Troubles | None = None,
    ) -> None:
        self.loop = asyncio.get_running_loop()
        self.star_gone: list[Callable[[str], None]] = []
        self.layout_changed: list[Callable[[], None]] = []
        self.lease_lost: list[Callable[[], None]] = []
        self.draining = False
        self.serve_until = 0.0
        self._name = name
        self._constellation = constellation
        self._lease = lease
        self._stars = stars
        self._homes = homes
        self._registry = registry
        self._troubles = Troubles() if troubles is None else troubles
        self._directory = directory
        self._ways = ways
        self._lanes = lanes
        self._facts = facts
        self._listening = Listening()
        self._seen: dict[StarKey, tuple[int, int, float]] = {}
        self._layout: Mapping[StarKey, object] = {}
        self._links: dict[StarKey, tuple[StarKey, ...]] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._renew_now = asyncio.Event()
        self._reading = asyncio.Lock()
        self._asked = 0
        self._answered = 0
        self._looked = self._renewed = self.loop.time()

    # -- own stars ----------------------------------------------------------------------------------------

    async def join(self, listening: Listening) -> None:
        """Announces this machine's stars and begins to renew them. Raises Conflict when another machine holds one, or
        goes by the same name.

        Args:
            listening: where other machines find this one.
        """
        self._listening = listening
        await claim_name(self._registry, self._name, self._listening.key, _PATIENCE)
        await self._announce()
        self._tasks = [
            self.loop.create_task(self._renewing(), name="renew leases"),
            self.loop.create_task(self._watching(), name="watch stars"),
        ]

    async def _announce(self) -> None:
        begun = self.loop.time()
        announced, facts = dict(self._directory.records), self._facts.look()
        for star in self._stars.values():
            record = await self._registry.announce(self._record(star, facts))
            star.incarnation = record.incarnation
            announced[star.key] = record
            hosting = self._homes[star.key]
            for active in hosting.table.of_the_past():
                hosting.table.lose(active)  # it became active here while the lease was lost
        self._directory.replace(announced)
        self._hold_until(begun + self._lease * _MARGIN)
        await self.refresh()

    def _hold_until(self, when: float) -> None:
        """Until then no machine may take the places of this machine's stars, so they may serve."""
        self.serve_until = when
        for star in self._stars.values():
            star.serve_until = when

    @property
    def may_serve(self) -> bool:
        """Whether this machine's stars still hold their leases."""
        return self.loop.time() < self.serve_until

    def _record(self, star: Star, facts: str = "") -> StarRecord:
        hosting = self._homes[star.key]
        return StarRecord(
            key=star.key,
            kind=star.kind.name,
            machine=self._name,
            address=self._listening.address,
            server_key=self._listening.key,
            kinds=tuple(hosting.hostable()),
            links=self._links_of(star),
            particles=len(hosting),
            incarnation=star.incarnation,
            lease=self._lease,
            draining=self.draining,
            pid=os.getpid(),
            facts=facts,
        )

    def _records(self) -> list[StarRecord]:
        facts = self._facts.look()
        return [self._record(star, facts) for star in self._stars.values()]

    def _links_of(self, star: Star) -> tuple[StarKey, ...]:
        links = self._links.get(star.key)
        if links is None:
            known = {*self._stars, *self._directory.records}
            links = self._links[star.key] = linked(star.key, star.links, known, self._constellation)
        return links

    async def announce_changes(self) -> None:
        """Tells the others at once what has changed about this machine's stars. Raises Unavailable."""
        await self._registry.renew(self._records())
        await self.refresh()

    async def take_no_more(self) -> None:
        """Tells the others that this machine takes no new particles. Raises Unavailable."""
        self.draining = True
        await self.announce_changes()

    def changed(self) -> None:
        """What this machine's stars can do has changed: the others are told soon."""
        self._directory.touch()
        self._renew_now.set()

    async def _renewing(self) -> None:
        while True:
            begun = self.loop.time()
            try:
                records = self._records()
                async with asyncio.timeout(self._lease):
                    await self._registry.renew(records)
                self._hold_until(begun + self._lease * _MARGIN)
                self._renewed = self.loop.time()
                self._troubles.over(_RENEWAL)
                self._directory.renewed({r.key: attrs.evolve(r, renewals=-1) for r in records})
            except NotHostedHere as exc:
                _log.warning("this machine's stars were given up on, it takes its places again: %s", exc)
                await self._rejoin()
            except (HyperverseError, TimeoutError) as exc:
                said = str(exc) or "no answer in time"
                self._troubles.note(_RENEWAL, said, again=self._lease * _RENEW)
                _log.warning("the leases could not be renewed: %s", said)
            except BaseException as exc:
                if ends_task(exc):
                    raise
                _log.exception("the leases could not be renewed; please report it")
            self._renew_now.clear()
            try:
                async with asyncio.timeout(self._lease * _RENEW):
                    await self._renew_now.wait()
            except TimeoutError:
                continue

    async def _rejoin(self) -> None:
        """The others have released our particles: ours end here, and the stars come back as a new incarnation."""
        self._hold_until(0.0)
        for lost in self.lease_lost:
            lost()
        try:
            await self._announce()
        except HyperverseError as exc:
            _log.error("this machine's stars cannot take their places: %s", exc)

    async def leave(self) -> None:
        """Stops renewing and takes this machine's stars from the directory."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []
        self._hold_until(0.0)
        own = [self._record(star) for star in self._stars.values() if star.incarnation]
        try:
            if own:
                await self._registry.withdraw(own)
        except HyperverseError as exc:
            _log.warning("this machine's stars could not be withdrawn, so their leases have to run out: %s", exc)

    # -- the others ---------------------------------------------------------------------------------------

    async def _watching(self) -> None:
        """Expires stars of other machines that stand still."""
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
            records = {record.key: record for record in await self._registry.stars()}
            self._answered = upto
            self._take(records, self.loop.time())  # not before: a renewal may have come while we waited

    def _take(self, records: dict[StarKey, StarRecord], now: float) -> None:
        """The directory has been read."""
        self._forgive(now)
        for key, record in records.items():
            seen = self._seen.get(key)
            if seen is None or seen[:2] != (record.incarnation, record.renewals):
                self._seen[key] = (record.incarnation, record.renewals, now)
        before = self._directory.records
        if before.keys() != records.keys():
            self._links.clear()
        for key, known in before.items():
            record_now = records.get(key)
            if record_now is None:
                self._seen.pop(key, None)
            if record_now is None or record_now.incarnation != known.incarnation:
                for gone in self.star_gone:
                    gone(str(key))
        self._directory.replace(records)
        layout = {k: (r.incarnation, r.links, r.machine, r.kind) for k, r in records.items()}
        if layout != self._layout:
            self._layout = layout
            self._ways.find()
            for changed in self.layout_changed:
                changed()

    def _forgive(self, now: float) -> None:
        """Ignores time in which this machine could not observe the others (this process slept, the registry was away)
        or could not renew leases itself (the registry takes no writes)."""
        gap = now - self._looked
        self._looked = now
        if gap > self._lease / 2 or now - self._renewed > self._lease * _RENEW * 2:
            self._seen = {key: (*seen[:2], seen[2] + gap) for key, seen in self._seen.items()}

    def _overdue(self) -> list[StarRecord]:
        now = self.loop.time()
        return [
            record
            for key, record in self._directory.records.items()
            if key not in self._stars and now - self._seen[key][2] > record.lease * _PATIENCE
        ]

    async def has_left(self, key: StarKey, incarnation: int) -> bool:
        """Whether a star that cannot be reached is not announced any more, as far as that can be known now."""
        if self._directory.incarnation_of(key) == incarnation:
            try:
                await self.refresh()
            except HyperverseError:
                return False
        return self._directory.incarnation_of(key) != incarnation
