"""Ripples: one wave to many recipients. This module finds the recipients; :mod:`.gathering` reaches them."""

from __future__ import annotations

import asyncio

from ...contracts.gateway import HandOn
from ...errors import TimedOut
from ...scheduling.worker_pool import WorkerPool
from ...universe.address.point import Point
from ...universe.selectors.selector import Selector
from ...universe.waves.wave import Echo, Ripple, Stars, Watchers
from ..caches.selections import Chosen, Selections
from ..cluster.directory import Directory
from ..cluster.ways import Ways
from ..interception.interceptors import Interceptors
from ..particles.places import Places
from ..stars.star import Star
from ..transit.requests import Requests
from .carriers import Carriers
from .collected import RippleProgress
from .gathering import Gathering
from .location import Location
from .paged_gathering import WINDOW, PagedGathering
from .watch_table import WatchTable

__all__ = ["FanOut"]


class FanOut:
    """Delivers Ripples from any star of this machine.

    Args:
        places: the known places.
        location: finds unknown places.
        pool: runs the recipients of this machine.
        ways: the routes to other machines, if there are any.
        requests: sends to stars of other machines.
        selections, directory, watches: find the recipients.
        interceptors: observe the Ripples.
    """

    def __init__(
        self,
        *,
        places: Places,
        location: Location,
        pool: WorkerPool,
        ways: Ways,
        requests: Requests,
        selections: Selections,
        directory: Directory,
        watches: WatchTable,
        interceptors: Interceptors,
    ) -> None:
        self._carriers = Carriers(places, location, pool, ways, requests, interceptors)
        self._selections = selections
        self._directory = directory
        self._watches = watches

    async def spread(
        self, star: Star, wave: Ripple, gathered: RippleProgress | None = None, hand_on: HandOn | None = None
    ) -> list[Echo]:
        """Delivers a Ripple from ``star``, and returns the echoes in the order of their arrival.

        Args:
            gathered: kept up to date, for a caller that may cancel the Ripple.
            hand_on: gets the echoes of a very large Ripple as they arrive, except the last ones, which are returned.
                None to return all.
        """
        try:
            async with asyncio.timeout_at(wave.deadline if wave.deadline < float("inf") else None):
                chosen = await self._recipients(star, wave)
        except TimeoutError:
            raise TimedOut(
                f"the time ran out before the recipients of {wave.method} were found, so it was sent to none",
                hint="give it a longer `wait`, or name fewer recipients",
            ) from None
        if not chosen.points:
            return []
        gathering = self._gathering(star, wave, chosen, hand_on)
        if gathered is not None:
            gathered.waiting, gathered.echoes = gathering.open, gathering.echoes
        return await gathering.run()

    async def gather(self, star: Star, wave: Ripple, points: list[Point]) -> list[Echo]:
        """Delivers a Ripple to the given recipients."""
        return await Gathering(self._carriers, star, wave, points).run()

    def _gathering(self, star: Star, wave: Ripple, chosen: Chosen, hand_on: HandOn | None) -> Gathering:
        if chosen.after is None or not isinstance(wave.recipients, Selector):
            return Gathering(self._carriers, star, wave, list(chosen.points))
        return PagedGathering(
            self._carriers,
            star,
            wave,
            chosen,
            selector=wave.recipients,
            selections=self._selections,
            hand_on=hand_on,
        )

    async def _recipients(self, star: Star, wave: Ripple) -> Chosen:
        """Returns all recipients, or the first of very many."""
        to = wave.recipients
        if isinstance(to, Stars):
            return Chosen(tuple(self._directory.star_points(to, star)))
        if isinstance(to, Watchers):
            return Chosen(tuple(self._watches.watchers(to.point, to.aspect)))
        if not isinstance(to, Selector):
            return Chosen(to)
        return await self._selections.first(to, WINDOW)
