"""Places: where particles live, as far as this machine knows.

A place is an object that handles the waves to a point: the active particle itself if it lives on this machine, or the
remote star that hosts it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Protocol

from ...scheduling.single_flight import SingleFlight
from ...universe.address.point import Point
from ...universe.waves.wave import Directed, Pong

__all__ = ["Find", "Place", "Places", "StarText"]


class StarText(Protocol):
    """The part of its star that a place knows."""

    @property
    def text(self) -> str: ...


class Place(Protocol):
    """Handles the waves to one point."""

    remote: bool

    @property
    def star(self) -> StarText: ...

    async def receive(self, wave: Directed) -> Pong:
        """Handles a Ping, or one copy of a Ripple."""

    def accept(self, wave: Directed) -> Coroutine[Any, Any, None] | None:
        """Accepts a Signal; returns the rest to be awaited."""


Find = Callable[[Point], Awaitable[Place]]
"""Finds where a particle lives, and places it if it lives nowhere."""
FindIf = Callable[[Point], Awaitable[Place | None]]
"""The same, but returns None if the particle must not be placed."""


class Places:
    """The table of known places, and the only part that writes it.

    Attributes:
        known: places by the text of the point; the hot path only reads it.
    """

    def __init__(self) -> None:
        self.known: dict[str, Place] = {}
        self._lookup: SingleFlight[str, tuple[Point, FindIf], Place | None] = SingleFlight(self._find, self._keep)

    async def look_up(self, point: Point, find: Find) -> Place:
        """Returns where ``point`` lives. The first caller has it found; concurrent callers wait for the same answer.

        Args:
            point: the particle.
            find: finds its place if it is not known.

        Raises the errors of ``find``, and Unavailable if the machine is stopping."""
        while True:
            place = await self.look_up_if(point, find)
            if place is not None:  # otherwise the search was started by a caller that must not place it
                return place

    def look_up_if(self, point: Point, find: FindIf) -> Coroutine[Any, Any, Place | None]:
        """Like :meth:`look_up`, but returns None if the caller that runs the search gets no place. In that case nothing
        is kept."""
        place = self.known.get(point.text)
        return _known(place) if place is not None else self._lookup.get(point.text, (point, find))

    @staticmethod
    def _find(asked: tuple[Point, FindIf]) -> Awaitable[Place | None]:
        point, find = asked
        return find(point)

    def keep(self, point: Point, place: Place) -> None:
        """Records that ``point`` lives at ``place``."""
        self.known[point.text] = place

    def _keep(self, text: str, place: Place | None) -> None:
        if place is not None:
            self.known[text] = place

    def forget(self, point: Point) -> None:
        """Forgets the place of ``point``, which may have changed; particles that live here stay known."""
        self._lookup.forget(point.text)
        place = self.known.get(point.text)
        if place is not None and (place.remote or getattr(place, "gone", False)):
            del self.known[point.text]

    def drop(self, point: Point) -> None:
        """Forgets the place of ``point``, which does not live there."""
        self._lookup.forget(point.text)
        self.known.pop(point.text, None)

    def left(self, point: Point, place: Place) -> None:
        """Forgets ``place``, which is gone; a newer place of the same point stays known."""
        if self.known.get(point.text) is place:
            self.drop(point)

    def star_gone(self, star: str) -> None:
        """Forgets all places in ``star``."""
        self._lookup.forget_all()
        for text in [text for text, place in self.known.items() if place.remote and place.star.text == star]:
            del self.known[text]

    def lost(self) -> None:
        """Forgets all places on other machines, which may be wrong."""
        self._lookup.forget_all()
        for text in [text for text, place in self.known.items() if place.remote]:
            del self.known[text]

    async def close(self) -> None:
        """Ends look-ups in progress."""
        await self._lookup.close()


async def _known(place: Place) -> Place:
    return place
