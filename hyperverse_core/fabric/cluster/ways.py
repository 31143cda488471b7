"""Routes to the stars of other machines: the machine that gets a wave next."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial

from ...errors import Unavailable
from ...universe.address.star_key import StarKey
from ..stars.routes import Lanes, Reached, reach
from ..stars.star import Star
from ..stars.star_kind import StarKind
from ..stars.topology import names_of
from .directory import Directory
from .lane_states import LaneStates

__all__ = ["Ways"]


class Ways:
    """Computes routes on demand, once for all changes of the directory and the lanes since the last computation.

    Args:
        stars: the stars of this machine; their ``distances`` are computed here.
        directory: the announced stars.
        lanes: the lanes that are down.
        star_kinds: the kinds of stars, with whether they forward.
        home: the star that represents this machine.

    Attributes:
        by_star: for each star of another machine within reach, by the text of its key, the machine that gets its waves
            next. It is empty after a change until :meth:`to` or :meth:`table` is called.
    """

    def __init__(
        self,
        stars: Mapping[StarKey, Star],
        directory: Directory,
        lanes: LaneStates,
        star_kinds: Mapping[str, StarKind],
        home: Star,
    ) -> None:
        self._stars = stars
        self._directory = directory
        self._lanes = lanes
        self._star_kinds = star_kinds
        self._home = home
        self._changed = False
        self._reached: dict[str, Reached] = {}
        self.by_star: dict[str, str] = {}

    def changed(self) -> None:
        """Discards all routes, because the directory has changed, or a lane has come up or gone down."""
        self._directory.touch()
        if self._changed:
            return
        self._changed = True
        self.by_star = {}
        for star in self._stars.values():
            star.distances.forget(partial(self._distances_from, star.text))

    def table(self) -> dict[str, str]:
        """Returns, for each star of another machine within reach, by the text of its key, the machine that gets its
        waves next."""
        if self._changed:
            self._find()
        return self.by_star

    def _find(self) -> None:
        self._changed = False
        machine_of = self._directory.machine_of
        found = self._reached = reach(self._home.text, self._all_lanes(), self._is_ours)
        self.by_star = {text: machine_of[way.by] for text, way in found.items() if way.by and not self._is_ours(text)}

    def _distances_from(self, star: str) -> dict[str, int]:
        self.table()  # so that the next change does not count as part of a batch that nobody has read yet
        reached = self._reached
        if star != self._home.text:
            reached = reach(star, self._all_lanes(), self._is_ours)
        return {text: way.lanes for text, way in reached.items()}

    def _is_ours(self, star: str) -> bool:
        return self._directory.machine_of.get(star, self._directory.machine) == self._directory.machine

    def _all_lanes(self) -> Lanes:
        """Returns the lanes between stars, without those of this machine that are down; other machines may still have
        one."""
        directory = self._directory
        down = [name for name in self._lanes.all_down() if directory.machine_record(name) is not None]
        return Lanes(
            self._links_of,
            names_of,
            directory.named,
            directory.linking,
            self._forwards,
            frozenset(map(str, self._stars)),
            frozenset(str(key) for name in down for key in directory.stars_of(name)),
        )

    def _links_of(self, star: str) -> Iterable[str]:
        record = self._directory.record_of(star)
        return record.links if record is not None else ()

    def _forwards(self, star: str) -> bool:
        record = self._directory.record_of(star)
        kind = self._star_kinds.get(record.kind) if record is not None else None
        return kind is not None and kind.forwards

    def to(self, star: str) -> str:
        """Returns the name of the machine that gets a wave for ``star`` next. Raises Unavailable if there is no
        route."""
        machine = self.table().get(star)
        if machine is None:
            raise Unavailable(self._no_way(star), hint="see `hyperverse stars`", retry_after=0.5)
        return machine

    def next_machine(self, star: str) -> str | None:
        """Returns the name of the machine that gets a wave for ``star`` next; None if there is no route."""
        return self.table().get(star)

    def _no_way(self, star: str) -> str:
        """Returns why there is no route, for the operator who must repair it."""
        record = self._directory.record_of(star)
        if record is None:
            return f"there is no way to {star}: it is not in the directory of stars"
        cause = self._lanes.cause_of(record.machine)
        return f"there is no way to {star}" + (f": the lane to {record.machine!r} is down: {cause}" if cause else "")

    def no_other(self, star: str) -> str:
        """Returns why a star can only be reached through machines that sent us the wave."""
        record = self._directory.record_of(star)
        cause = self._lanes.cause_of(record.machine) if record is not None else ""
        own = self._directory.machine
        why = f": the lane from {own!r} to {record.machine!r} is down: {cause}" if record is not None and cause else ""
        return f"the only way to {star} leads back" + why
