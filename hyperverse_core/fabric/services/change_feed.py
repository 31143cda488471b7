"""The change feed: what the registry says has changed is dropped from every cache of this machine."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from ...contracts.registry import Change, ChangeKind
from ...errors import HyperverseError
from ..delivery.location import Place
from ..particles.active import Active
from ..placement.provisioner import tell_drivers

if TYPE_CHECKING:
    from ..machine import Machine

__all__ = ["ChangeFeed"]

_log = logging.getLogger("hyperverse.feed")
_WAIT = 5.0
_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 1.0
_GATHER = 0.01
"""Seconds in which further changes gather: under load they are read together, a hundred times a second at most."""
_ACCESS = frozenset({ChangeKind.OWNER, ChangeKind.GRANTED, ChangeKind.REVOKED, ChangeKind.DELETED})
_ENDS = frozenset({ChangeKind.ASSIGNED, ChangeKind.RELEASED, ChangeKind.DELETED})


class ChangeFeed:
    """Follows the registry's changes for one machine."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.revision = 0
        self._told = 0
        self._task: asyncio.Task[None] | None = None
        self._taken: dict[str, Active] = {}

    async def start(self) -> None:
        """Begins behind the newest revision."""
        self.revision = await self.machine.registry.revision()
        self._task = asyncio.get_running_loop().create_task(self._follow(), name="change feed")

    async def _follow(self) -> None:
        pause = _FIRST_PAUSE
        while True:
            try:
                if await self._read_on():
                    await asyncio.sleep(_GATHER)
                pause = _FIRST_PAUSE
            except HyperverseError as exc:  # what was read is read and applied again
                _log.warning("the change feed could not be followed: %s", exc)
                await asyncio.sleep(pause)
                pause = min(pause * 2, _LONGEST_PAUSE)
            except Exception:
                _log.exception("the change feed could not be followed: caches are dropped; please report it")
                self.machine.forget_everything()
                await asyncio.sleep(_LONGEST_PAUSE)

    async def _read_on(self) -> bool:
        """Reads what has changed and drops what it makes wrong; whether there was something."""
        changes = await self.machine.registry.changes(self.revision, timeout=_WAIT)
        if changes.lost:
            _log.warning("changes were missed: everything cached is dropped")
            await self._start_anew()
        await self._apply(changes.entries)
        self.revision = changes.revision
        # What this process commits is announced before it can be read. So nothing that was read here is missed, and
        # what was not read yet is told when it is: others could not find it before.
        own = min(self.machine.registry.committed, changes.revision)
        if own > self._told:
            self._told = own
            self.machine.switchboard.tell_all(own)
        return bool(changes.entries)

    async def _start_anew(self) -> None:
        """Nothing that was read before can be relied on, also not that what lives here still does."""
        self.machine.forget_everything()
        await self.machine.membership.refresh()
        for star in self.machine.stars.values():
            await self.machine.check_live(tuple(live.point for live in star.hosting.live.values()))
        taken, self._taken = self._taken, {}
        left = await self.machine.registry.records(tuple(live.point for live in taken.values()))
        self._tell([live for live in taken.values() if live.point not in left])

    def expect(self, live: Active) -> None:
        """A particle has been taken from here, and why is in entries that have not been read yet."""
        self._taken[live.text] = live

    def _ended(self, change: Change, place: Place | None) -> Active | None:
        """The particle of this machine that was deleted, if that is what the entry says. It is gone from here on."""
        live = self._taken.get(change.point.text) or place
        if not isinstance(live, Active) or live.assignment is None or live.assignment.epoch >= change.revision:
            return None  # what has come to life since then is another one
        self._taken.pop(live.text, None)
        if change.kind is not ChangeKind.DELETED:
            return None
        live.star.hosting.lost(live)
        return live

    def _tell(self, deleted: list[Active]) -> None:
        """Tells the drivers, who may take their time: the feed does not wait for them."""
        if deleted:
            self.machine.crew.put_accepted(tell_drivers, deleted)

    async def _apply(self, entries: tuple[Change, ...]) -> None:
        machine = self.machine
        access = stars = False
        stale = []
        deleted: list[Active] = []
        for change in entries:
            access = access or change.kind in _ACCESS
            stars = stars or change.kind is ChangeKind.STAR
            if change.kind in (ChangeKind.REGISTERED, ChangeKind.DELETED):
                machine.selections.forget()
            if change.kind in machine.policy.change_kinds:
                machine.policy.changed(change)
            if change.kind is not ChangeKind.STAR:
                machine.records.drop(change.point)
                machine.binds.drop(change.point)
            place = machine.gravity.places.get(change.point.text) or machine.at_home(change.point)
            ended = self._ended(change, place) if change.kind in _ENDS else None
            if ended is not None:
                deleted.append(ended)
            if place is None:
                if change.kind in (ChangeKind.ASSIGNED, ChangeKind.RELEASED, ChangeKind.DELETED):
                    machine.gravity.forget(change.point)
            elif place.remote:
                if change.kind in (ChangeKind.ASSIGNED, ChangeKind.RELEASED, ChangeKind.DELETED):
                    machine.gravity.drop(change.point)
            elif place is not ended and not self._is_ours(change, place):
                stale.append(change.point)
            machine.watches.changed(change)
        self._tell(deleted)
        if access:
            machine.rights.forget()
            for star in machine.stars.values():
                star.field.forget()
        if stale:
            await machine.check_live(tuple(dict.fromkeys(stale)))
        if stars:
            await machine.membership.refresh()

    @staticmethod
    def _is_ours(change: Change, place: Place) -> bool:
        """Whether it only says what this machine did itself: saved a state, took the particle."""
        if change.kind is ChangeKind.STATE:
            return True
        assignment = place.assignment if isinstance(place, Active) else None
        return change.kind is ChangeKind.ASSIGNED and assignment is not None and assignment.epoch == change.revision

    async def close(self) -> None:
        """Stops following."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None
