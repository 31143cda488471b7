"""Membership: announces, renews and withdraws this machine's stars.

A star holds its place in the directory by renewing it. Clocks of machines are not compared. A star stops serving when
three quarters of its lease have passed, by its own clock, since it *began* its last good renewal. A machine that sees a
star's renewal counter unchanged for 0.85 of its lease, by its own clock, may expire the star (``watchman.py``).
A machine notices a renewal only after it began, so the star has stopped by then, unless one of the clocks runs a tenth
faster than the other.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping, Sequence

import attrs

from ...contracts.registry import StarRecord, StarRegistry
from ...errors import Conflict, HyperverseError, NotHostedHere
from ...scheduling.cancellation import ends_task
from ...scheduling.guarded_log import guarded_log
from ...scheduling.troubles import Troubles
from ...universe.address.star_key import StarKey
from ..interception.interceptors import Interceptors
from ..particles.homes import Homes
from ..stars.star import Star
from ..stars.topology import announced_links, machine_key
from .directory import Directory
from .directory_reader import DirectoryReader
from .facts import OwnFacts
from .name_claim import claim_name
from .watchman import PATIENCE, RENEW, Watchman

__all__ = ["Listening", "Membership", "StarTaken"]

_RENEWAL = "the renewal of leases"
_ANNOUNCEMENT = "the announcement of the stars"
_log = guarded_log("hyperverse.membership")
_MARGIN = 0.75
"""Part of the lease after which a star whose renewals fail stops serving."""


@attrs.frozen
class Listening:
    """The place where other machines find this machine.

    Attributes:
        address: address of its listener, as the transport writes it.
        key: the public key that its listener proves to hold.
    """

    address: str = ""
    key: str = ""


class StarTaken(Conflict):
    """Another machine holds a star of this one. Status 409.

    Attributes:
        star: the star.
    """

    star: StarKey

    @classmethod
    def told_by(cls, error: Conflict, star: StarKey) -> StarTaken:
        """Returns the same error with the star added."""
        taken = cls(error.message, hint=error.hint)
        taken.star = star
        return taken


class Membership:
    """This machine's stars in the directory: announces, renews and withdraws them.

    Args:
        name, constellation: those of this machine.
        lease: seconds for which a renewal is valid.
        stars: the stars of this machine; their ``incarnation`` and ``serve_until`` are written here.
        homes: the particles in these stars.
        registry: gets the announcements.
        directory: all known stars.
        reader: reads the directory.
        watchman: expires stars of other machines.
        facts: what this machine reports about itself.
        lease_lost: called when this machine has lost its stars, so that particles that live here must not continue.
        taken: called when it cannot announce them again because another machine holds one of them.
        troubles: shows failed renewals and announcements.
        interceptors: notified when the leases are gained or lost.

    Attributes:
        draining: whether this machine accepts no new particles.
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
        registry: StarRegistry,
        directory: Directory,
        reader: DirectoryReader,
        watchman: Watchman,
        facts: OwnFacts,
        lease_lost: Sequence[Callable[[], None]],
        taken: Callable[[StarTaken], None],
        troubles: Troubles,
        interceptors: Interceptors,
    ) -> None:
        self.loop = asyncio.get_running_loop()
        self.draining = False
        self.serve_until = 0.0
        self._name = name
        self._constellation = constellation
        self._lease = lease
        self._stars = stars
        self._homes = homes
        self._registry = registry
        self._troubles = troubles
        self._interceptors = interceptors
        self._told_held = False
        self._directory = directory
        self._reader = reader
        self._watchman = watchman
        self._facts = facts
        self._lease_lost = lease_lost
        self._taken = taken
        self._listening = Listening()
        self._tasks: list[asyncio.Task[None]] = []
        self._renew_now = asyncio.Event()
        self._set_back = False

    # -- own stars ----------------------------------------------------------------------------------------

    async def join(self, listening: Listening) -> None:
        """Announces this machine's stars and starts to renew them. Raises StarTaken if another machine holds one of
        them, and Conflict if another machine has the same name.

        Args:
            listening: the place where other machines find this machine.
        """
        self._listening = listening
        await claim_name(self._registry, self._name, self._listening.key, PATIENCE)
        await self._announce()
        self._tasks = [
            self.loop.create_task(self._renewing(), name="renew leases"),
            self.loop.create_task(self._watchman.run(), name="watch machines"),
        ]

    async def _announce(self) -> None:
        begun = self.loop.time()
        announced: dict[StarKey, StarRecord] = {}
        facts = self._facts.look()
        for star in sorted(self._stars.values(), key=self._stands_for_us, reverse=True):
            try:
                record = await self._registry.announce(self._record(star, facts))
            except Conflict as exc:
                raise StarTaken.told_by(exc, star.key) from exc
            star.incarnation = record.incarnation
            announced[star.key] = record
            hosting = self._homes[star.key]
            for active in hosting.table.of_the_past():
                hosting.table.lose(active)  # activated here while the lease was lost
        self._directory.update(announced)
        self._hold_until(begun + self._lease * _MARGIN)
        await self._reader.refresh()
        self._reader.tell_changed((self._name,))
        await self._leave_to_nobody()

    def _stands_for_us(self, star: Star) -> bool:
        """Whether a star represents this machine. It is announced first, because others watch it instead of all stars,
        and must not mistake the present stars for those of an earlier run of this machine."""
        return star.key == machine_key(self._name)

    async def _leave_to_nobody(self) -> None:
        """Withdraws stars that this machine had in an earlier run with another config, and no longer renews."""
        records = self._directory.records.values()
        left = [record for record in records if record.machine == self._name and record.key not in self._stars]
        if left:
            await self._registry.withdraw(left)

    def _hold_until(self, when: float) -> None:
        """Lets the stars serve until that time, before which no machine may take them."""
        self.serve_until = when
        for star in self._stars.values():
            star.serve_until = when
            star.cannot_renew = ""
        if when and not self._told_held:
            self._tell_lease(True, "")

    def _tell_lease(self, held: bool, cause: str) -> None:
        """Notifies observers about the leases if that has changed."""
        if held is not self._told_held:
            self._told_held = held
            self._interceptors.tell(self._interceptors.lease_changed, held, cause)

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
            links=announced_links(star.links, self._constellation),
            particles=len(hosting),
            incarnation=star.incarnation,
            lease=self._lease,
            draining=self.draining,
            pid=os.getpid(),
            facts=facts if self._stands_for_us(star) else "",
        )

    def _records(self) -> list[StarRecord]:
        facts = self._facts.look()
        return [self._record(star, facts) for star in self._stars.values()]

    async def announce_changes(self) -> None:
        """Announces changes of this machine's stars to the others immediately. Raises Unavailable."""
        await self._registry.renew(self._records())
        await self._reader.read(tuple(self._stars))

    async def listen_at(self, listening: Listening) -> None:
        """Announces that this machine listens at another address, with another key, while its stars continue. Raises
        Unavailable."""
        self._listening = listening
        await self.announce_changes()

    async def take_no_more(self) -> None:
        """Announces that this machine accepts no new particles. Raises Unavailable."""
        self.draining = True
        await self.announce_changes()

    def changed(self) -> None:
        """Soon announces that the abilities of this machine's stars have changed."""
        self._directory.touch()
        self._renew_now.set()

    def set_back(self) -> None:
        """Announces the stars again immediately, because the registry has a different history than before, and may not
        know this machine's stars or the particles that live here."""
        self._set_back = True
        self._renew_now.set()

    async def _renewing(self) -> None:
        while True:
            begun = self.loop.time()
            try:
                if self._set_back:
                    _log.warning(
                        "the registry has a different history than before: this machine announces its stars again"
                    )
                    self._set_back = False
                    self._set_back = not await self._rejoin() or self._set_back
                    begun = self.loop.time()
                records = self._records()
                async with asyncio.timeout(self._lease):
                    await self._registry.renew(records)
                self._hold_until(begun + self._lease * _MARGIN)
                self._watchman.renewed = self.loop.time()
                self._troubles.over(_RENEWAL)
                self._directory.renewed({r.key: attrs.evolve(r, renewals=-1) for r in records})
            except NotHostedHere as exc:
                _log.warning("this machine has lost its stars and announces them again: %s", exc)
                self._tell_lease(False, exc.message)
                await self._rejoin()
            except (HyperverseError, TimeoutError) as exc:
                said = _said(exc)
                for star in self._stars.values():
                    star.cannot_renew = said
                self._troubles.note(_RENEWAL, said, again=self._lease * RENEW)
                _log.warning("the leases could not be renewed: %s", said)
                if not self.may_serve:
                    self._tell_lease(False, said)
            except BaseException as exc:
                if ends_task(exc):
                    raise
                _log.exception("the leases could not be renewed; please report it")
            self._renew_now.clear()
            try:
                async with asyncio.timeout(self._lease * RENEW):
                    await self._renew_now.wait()
            except TimeoutError:
                continue

    async def _rejoin(self) -> bool:
        """Ends the particles here, which are no longer valid, and announces the stars in a new incarnation. Returns
        whether that succeeded."""
        self._hold_until(0.0)
        for lost in self._lease_lost:
            lost()
        try:
            await self._announce()
        except HyperverseError as exc:
            _log.error("this machine's stars cannot be announced: %s", exc)
            self._troubles.note(_ANNOUNCEMENT, exc.message, again=self._lease * RENEW)
            for star in self._stars.values():
                star.cannot_renew = exc.message
            if isinstance(exc, StarTaken):
                self._taken(exc)
            return False
        self._troubles.over(_ANNOUNCEMENT)
        return True

    async def leave(self) -> None:
        """Stops renewing, and removes this machine's stars from the directory."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []
        self._hold_until(0.0)
        self._tell_lease(False, "this machine is stopping")
        own = [self._record(star) for star in self._stars.values() if star.incarnation]
        try:
            if own:
                await self._registry.withdraw(own)
        except HyperverseError as exc:
            _log.warning("this machine's stars could not be withdrawn and stay until their leases expire: %s", exc)


def _said(error: HyperverseError | TimeoutError) -> str:
    """Returns why a renewal failed, for callers that get 503 because of it."""
    return error.message if isinstance(error, HyperverseError) else "the registry does not answer in time"
