"""The change feed: drops entries that have changed in the registry from every cache of this machine."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence

from ....contracts.registry import Change, ChangeKind, FeedRegistry
from ....errors import HyperverseError, described
from ....scheduling.backoff import Backoff
from ....scheduling.cancellation import ends_task
from ....scheduling.guarded_log import guarded_log
from ....scheduling.troubles import Troubles
from ...caches.listener import CacheListener
from ...cluster.directory_reader import DirectoryReader
from .feed_progress import FEED, WAIT, FeedProgress
from .residents import Residents

__all__ = ["ChangeFeed"]

_log = guarded_log("hyperverse.feed")
_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 1.0
_GATHER = 0.01
"""Seconds to wait for further changes, so that under load they are read together, at most a hundred times per
second."""


class ChangeFeed:
    """Follows the registry's changes for one machine.

    Args:
        registry: provides the changes.
        listeners: the caches, notified of each change in this order.
        residents: the particles of this machine, compared with their records after each reading.
        reader: reads again the stars that have changed.
        announce: called with the revision that this machine has committed, once others could read it.
        chance: randomizes the pauses.
        troubles: reports that the feed cannot be followed.
        progress: reports the current step.
        set_back: called if the registry has a different history than before, so that writes of this machine may be
            lost.
    """

    def __init__(
        self,
        registry: FeedRegistry,
        listeners: Sequence[CacheListener],
        residents: Residents,
        reader: DirectoryReader,
        announce: Callable[[int], None],
        chance: random.Random,
        troubles: Troubles,
        progress: FeedProgress,
        set_back: Callable[[], None],
    ) -> None:
        self._registry = registry
        self._troubles = troubles
        self._progress = progress
        self._set_back = set_back
        self._listeners = listeners
        self._residents = residents
        self._reader = reader
        self.announce = announce
        self._backoff = Backoff(first=_FIRST_PAUSE, longest=_LONGEST_PAUSE, jitter=0.0, chance=chance)
        self.revision = 0
        self._told = 0
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Starts to follow the changes after the newest revision."""
        self.revision = await self._registry.revision()
        self._task = asyncio.get_running_loop().create_task(self._follow(), name="change feed")

    async def _follow(self) -> None:
        while True:
            try:
                if await self._read_on():
                    await asyncio.sleep(_GATHER)
                self._backoff.reset()
                self._troubles.over(FEED)
            except HyperverseError as exc:  # the changes already read are read and applied again
                _log.warning("the change feed could not be followed: %s", exc)
                pause = self._backoff.next_pause()
                self._troubles.note(FEED, exc.message, again=pause)
                await asyncio.sleep(pause)
            except BaseException as exc:
                if ends_task(exc):
                    raise
                _log.exception("the change feed could not be followed: caches are dropped; please report it")
                self._troubles.note(FEED, described(exc), again=_LONGEST_PAUSE)
                self.lost()
                await asyncio.sleep(_LONGEST_PAUSE)

    async def _read_on(self) -> bool:
        """Reads the changes and drops stale cache entries. Returns whether there were any changes."""
        self._progress.begin("the registry has not answered")
        changes = await self._registry.changes(self.revision, timeout=WAIT)
        self._progress.begin(f"{len(changes.entries)} changes are being applied")
        if changes.lost:
            _log.warning("changes were missed: everything cached is dropped")
            self.lost()
            if changes.set_back:
                self._set_back()
            await self._reader.refresh()
            await self._residents.check_all()
        await self._apply(changes.entries)
        self.revision = changes.revision
        # What this process commits is announced before it can be read. So no change that was read here is missed, and
        # a change that was not read yet is announced once it is: others could not find it before.
        own = min(self._registry.committed, changes.revision)
        if own > self._told:
            self._told = own
            self.announce(own)
        return bool(changes.entries)

    async def _apply(self, entries: tuple[Change, ...]) -> None:
        for change in entries:
            for listener in self._listeners:
                listener.changed(change)
            self._residents.changed(change)
        await self._residents.settle()
        stars = {change.point.star_key for change in entries if change.kind is ChangeKind.STAR}
        if stars:
            await self._reader.read([key for key in stars if key is not None])

    def lost(self) -> None:
        """Drops every cache."""
        for listener in self._listeners:
            listener.lost()
        self._residents.lost()

    async def close(self) -> None:
        """Stops following."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None
            self._progress.end()
