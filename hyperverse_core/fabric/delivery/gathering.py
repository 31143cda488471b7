"""The delivery of one Ripple: its copies are grouped by star and sent, and the echoes gathered.

Recipients on this machine are handled by the worker pool, see :mod:`.copies_here`; one timer ends those that have not
answered. For recipients on another machine, one frame goes to their star, which delivers the copies in the same way and
returns the echoes together.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from ...errors import HyperverseError, Unavailable
from ...scheduling.cancellation import ends_task
from ...universe.address.point import Point
from ...universe.waves.wave import Echo, Outcome, Ripple
from ..interception.cut_waves import mark_told
from ..particles.places import Place
from ..stars.star import Star
from .carriers import Carriers
from .collected import Collected, to_echo
from .copies_here import CopiesHere

__all__ = ["Gathering"]

_MISSING_AT_ONCE = 5000


class Gathering(Collected):
    """Sends the copies of one Ripple from a star of this machine, and collects the echoes.

    Args:
        out: the carriers of the copies.
        star: the star from which they are sent.
        wave: the Ripple.
        points: its recipients.
    """

    def __init__(self, out: Carriers, star: Star, wave: Ripple, points: list[Point]) -> None:
        super().__init__(star, out.interceptors, wave, points)
        self.out = out
        self._here = CopiesHere(out, self, self._many)

    async def run(self) -> list[Echo]:
        """Returns the echoes in the order of arrival. For a recipient that has not answered in time there is an echo
        that says so."""
        loop = self.star.loop
        begun = loop.time()
        timer = loop.call_at(self.wave.deadline, self.end) if self.wave.deadline < float("inf") else None
        try:
            self._ask(list(self.open.values()), self.out.pool.put)
            await self._gathered()
        except asyncio.CancelledError as exc:
            mark_told(exc)  # observers are notified of the outcome for each recipient
            raise
        finally:
            if timer is not None:
                timer.cancel()
            self.over = True
            self._here.stop()
        missing = () if self.is_enough() else tuple(self.open.values())
        late = {"error": f"no answer after {self.wave.deadline - begun:g} s"}
        echoes = list(self.echoes)
        for start in range(0, len(missing), _MISSING_AT_ONCE):
            if start:
                await asyncio.sleep(0)  # yield to other tasks: there may be a hundred thousand recipients
            some = missing[start : start + _MISSING_AT_ONCE]
            echoes += [Echo(408, late, p, Outcome.UNKNOWN, self.wave.id) for p in some]
        return echoes

    async def _gathered(self) -> None:
        """Returns when all echoes are gathered, or when the time is over."""
        if not self.done.done():
            await self.done

    def _ask(self, points: list[Point], put: Callable[..., None]) -> None:
        """Plans the copies for these recipients. ``put`` plans the first job; it may refuse if there are too many."""
        places = self.out.places.known
        here = self._here.waiting
        remote: dict[str, list[Point]] = {}
        if not self.out.ways.table():  # there is no other machine
            here.extend(points)
        else:
            for point in points:
                place = places.get(point.text)
                if place is not None and place.remote:
                    remote.setdefault(place.star.text, []).append(point)
                else:
                    here.append(point)
        try:
            self._here.begin(put)
        except Unavailable as exc:
            while here:
                self.take(self.refusal(exc), here.popleft())
        for group in remote.values():
            self.out.pool.put_accepted(self._many, group, places[group[0].text], priority=self.wave.handling.priority)

    async def _many(self, points: list[Point], place: Place) -> None:
        """Sends the Ripple to the recipients on one remote star, in one frame, and collects their echoes."""
        try:
            echoes = await self.out.requests.spread(place.star.text, self.wave, points)
        except HyperverseError as exc:
            echoes = [to_echo(self.refusal(exc), point) for point in points]
        except BaseException as exc:
            if ends_task(exc):
                raise
            echoes = [to_echo(self.star.lost(self.copy_to(point), exc), point) for point in points]
        for echo in echoes:
            self.take(echo, echo.sender)
