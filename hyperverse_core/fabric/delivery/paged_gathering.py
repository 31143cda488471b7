"""Ripples to very many recipients, which are read page by page while others answer.

The recipients are never all in memory. As many as the window allows are asked concurrently; after some of them have
answered, the next page is read. The echoes can be passed on as they arrive.
"""

from __future__ import annotations

import asyncio
import math

from ...contracts.gateway import HandOn
from ...errors import HyperverseError, TimedOut
from ...universe.address.point import Point
from ...universe.selectors.selector import Selector
from ...universe.waves.wave import Echo, Ripple
from ..caches.selections import PAGE, Chosen, Selections
from ..stars.star import Star
from .carriers import Carriers
from .collected import to_echo
from .gathering import Gathering

__all__ = ["WINDOW", "PagedGathering"]

WINDOW = 10_000
"""Number of recipients that are asked concurrently. If a selector matches no more than these, all of them are read
before the first is asked."""
_HANDED_ON = 256
"""Number of echoes that are passed on together."""


class PagedGathering(Gathering):
    """Sends the copies of one Ripple whose recipients do not fit into the window.

    Args:
        out, star, wave: as in every gathering.
        chosen: the recipients that were read first, and the point where the next page begins.
        selector: matches the recipients.
        selections: read the other pages.
        hand_on: gets the echoes as they arrive; None to return all of them.
    """

    def __init__(
        self,
        out: Carriers,
        star: Star,
        wave: Ripple,
        chosen: Chosen,
        *,
        selector: Selector,
        selections: Selections,
        hand_on: HandOn | None,
    ) -> None:
        super().__init__(out, star, wave, list(chosen.points))
        self._selector = selector
        self._selections = selections
        self._hand_on = hand_on
        self._after = chosen.after
        self._handed_on = 0
        self._wake: asyncio.Future[None] = star.loop.create_future()
        self._unread: HyperverseError | None = None
        self.wanted = 0

    async def run(self) -> list[Echo]:
        """Returns the echoes that were not passed on. If some recipients could not be read, an echo of the star says
        so."""
        echoes = await super().run()
        if self._unread is None and self._after is not None and not self.is_enough():
            self._unread = TimedOut(
                "there was no time for more", hint="give it a longer `wait`, or name fewer recipients"
            )
        if self._unread is not None:
            echoes.append(self._of_the_others(self._unread))
        return echoes

    def _of_the_others(self, error: HyperverseError) -> Echo:
        """Returns an echo that names no point, because the sender may not be allowed to know of the recipients that
        were read last."""
        reply = self.star.refusal(self.wave, error)
        said = f"not all recipients of {str(self._selector)!r} were asked: {reply.error}"
        reply.body = {**reply.body, "error": said}
        return to_echo(reply, self.star.point)

    async def _gathered(self) -> None:
        while not self.over:
            self._wake = self.star.loop.create_future()
            unsent = 0 if self._hand_on is None else len(self.echoes)
            if self._hand_on is not None and (unsent >= _HANDED_ON or (unsent and not self.open)):
                await self._hand_some_on(self._hand_on)
            elif self._after is not None and len(self.open) + unsent <= WINDOW - PAGE:
                await self._ask_more(self._after)
            elif not self.open:
                self.end()
            else:
                self.wanted = self._next_at()
                await self._wake
                self.wanted = 0  # call back for each echo while this loop runs

    def _next_at(self) -> int:
        """The number of echoes at which the next step begins."""
        all_of_them = len(self.echoes) + len(self.open)
        if self._hand_on is not None:
            at = min(all_of_them, _HANDED_ON)
        elif self._after is not None:
            at = all_of_them - (WINDOW - PAGE)
        else:
            at = all_of_them
        return at if self.wave.count is None else min(at, self.wave.count - self._handed_on)

    def is_enough(self) -> bool:
        return self.wave.count is not None and self._handed_on + len(self.echoes) >= self.wave.count

    def reached(self) -> None:
        if self.is_enough():
            self.end()
        elif not self._wake.done():
            self._wake.set_result(None)

    def end(self) -> None:
        super().end()
        if not self._wake.done():
            self._wake.set_result(None)

    async def _hand_some_on(self, hand_on: HandOn) -> None:
        some = self.echoes[:_HANDED_ON]
        del self.echoes[:_HANDED_ON]  # in place, because workers hold a reference to the list
        self._handed_on += len(some)
        await hand_on(some)

    async def _ask_more(self, after: Point) -> None:
        """Sends the copies for the recipients of the next page."""
        try:
            async with asyncio.timeout_at(self.wave.deadline if self.wave.deadline < math.inf else None):
                chosen = await self._selections.page(self._selector, after)
        except TimeoutError:
            self.end()
            return
        except HyperverseError as exc:  # keep the answers of the recipients that were asked before
            self._after, self._unread = None, exc
            return
        if self.over:
            return
        self._after = chosen.after
        self.open.update((point.text, point) for point in chosen.points)
        self._ask(list(chosen.points), self.out.pool.put_accepted)
