"""Gravity: where a particle is.

A place is whatever takes waves for a point: the :class:`Live` particle itself when it lives on this machine, or
the :class:`RemoteStar` star that hosts it elsewhere.
"""

from __future__ import annotations

from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, Protocol

from ...errors import NotFound
from ...scheduling.single_flight import SingleFlight
from ...universe.address.point import Point, RouteKind
from ...universe.waves.wave import Directed, Pong

if TYPE_CHECKING:
    from ..machine import Machine

__all__ = ["Location", "Place", "StarText"]


class StarText(Protocol):
    """What a place says of its star."""

    @property
    def text(self) -> str: ...


class Place(Protocol):
    """What takes the waves for one point."""

    remote: bool

    @property
    def star(self) -> StarText: ...

    async def receive(self, wave: Directed) -> Pong: ...

    def accept(self, wave: Directed) -> Coroutine[Any, Any, None] | None: ...


class Location:
    """The places that this machine knows.

    Attributes:
        places: by the text of the point; dropped when the registry says that something has changed.
    """

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.places: dict[str, Place] = {}
        self._lookup: SingleFlight[Point, Place] = SingleFlight(self._find, self._keep)

    async def locate(self, point: Point) -> Place:
        """Where ``point`` lives; it is provisioned when it lives nowhere yet.

        Raises NotFound, NoDriver, Unavailable."""
        place = self.places.get(point.text)
        return place if place is not None else await self._lookup.get(point)

    def _keep(self, point: Point, place: Place) -> None:
        self.places[point.text] = place

    async def _find(self, point: Point) -> Place:
        machine = self.machine
        key = point.star_key
        if key is not None:
            star = machine.stars.get(key)
            if star is None:
                return machine.switchboard.far(key)
            pinned = star.hosting.live.get(point.text)
            if pinned is not None:
                return pinned
            raise NotFound(f"no particle {point.text!r} in this star")
        if point.route.kind is RouteKind.GLOBAL:
            found = machine.globals.get(point.text)
            if found is None:
                raise NotFound(f"no global particle {point.text!r}", hint=f"known: {', '.join(machine.globals)}")
            return found
        return await machine.provisioner.place(point)

    def forget(self, point: Point) -> None:
        """The place of ``point`` may have changed; particles at home here stay known."""
        self._lookup.forget(point)
        place = self.places.get(point.text)
        if place is not None and (place.remote or getattr(place, "gone", False)):
            del self.places[point.text]

    def drop(self, point: Point) -> None:
        """``point`` does not live where it was known to live."""
        self._lookup.forget(point)
        self.places.pop(point.text, None)

    def forget_star(self, star: str) -> None:
        """Nothing lives in ``star`` any more."""
        self._lookup.forget_all()
        for text in [text for text, place in self.places.items() if place.remote and place.star.text == star]:
            del self.places[text]

    def forget_all(self) -> None:
        """What was known of other machines may be wrong."""
        self._lookup.forget_all()
        for text in [text for text, place in self.places.items() if place.remote]:
            del self.places[text]

    async def close(self) -> None:
        """Ends look-ups that are under way."""
        await self._lookup.close()
