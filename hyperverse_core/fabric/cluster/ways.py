"""The ways to the stars of other machines: which machine to hand a wave to."""

from __future__ import annotations

from collections.abc import Mapping

from ...errors import Unavailable
from ...universe.address.star_key import StarKey
from ..stars.routes import both_ways, distances_from, paths_from
from ..stars.star import Star
from ..stars.star_kind import StarKind
from .directory import Directory
from .lane_states import LaneStates

__all__ = ["Ways"]


class Ways:
    """Works the ways out anew whenever the directory or a lane has changed, so that a wave only looks one up.

    Args:
        stars: of this machine; their ``distances`` are written here.
        directory: which stars there are.
        lanes: which lanes are down.
        star_kinds: which kinds of stars forward.
        home: the star that stands for this machine.

    Attributes:
        by_star: for each star of another machine that can be reached, by the text of its key, the machine to hand
            its waves to.
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
        self.by_star: dict[str, str] = {}

    def find(self) -> None:
        """Works them out: the directory has changed, or a lane has come up or gone down."""
        records = self._directory.records.values()
        own = self._directory.machine
        links = self._links()
        kinds = {str(r.key): r.kind for r in records}

        def forwards(star: str) -> bool:
            kind = self._star_kinds.get(kinds[star])
            return kind is not None and kind.forwards

        for star in self._stars.values():
            star.distances = distances_from(star.text, links, forwards)
        machines = {str(r.key): r.machine for r in records}
        path = paths_from(self._home.text, links, forwards)
        self.by_star = {
            text: next(machines[step] for step in steps if machines[step] != own)
            for text, steps in path.items()
            if machines.get(text, own) != own
        }
        self._directory.touch()

    def _links(self) -> dict[str, frozenset[str]]:
        """The lanes between stars, without those of this machine that are down: others may still have one."""
        everywhere = self._directory.records.values()
        own = self._directory.machine
        unreachable = {str(r.key) for r in everywhere if r.machine != own and self._lanes.is_down(r.machine)}
        ours = {str(key) for key in self._stars}
        links = both_ways({str(r.key): frozenset(map(str, r.links)) for r in everywhere})
        for text in ours & links.keys():
            links[text] -= unreachable
        for text in unreachable:
            links[text] -= ours
        return links

    def to(self, star: str) -> str:
        """Name of the machine to hand a wave for ``star`` to. Raises Unavailable when there is no way."""
        machine = self.by_star.get(star)
        if machine is None:
            raise Unavailable(self._no_way(star), hint="see `hyperverse stars`", retry_after=0.5)
        return machine

    def _no_way(self, star: str) -> str:
        """Why there is none, for whoever has to mend it."""
        record = self._directory.records.get(StarKey.parse(star))
        if record is None:
            return f"there is no way to {star}: it is not in the directory of stars"
        cause = self._lanes.cause_of(record.machine)
        return f"there is no way to {star}" + (f": the lane to {record.machine!r} is down: {cause}" if cause else "")

    def no_other(self, star: str) -> str:
        """Why a star cannot be reached from here but through machines that sent us the wave."""
        record = self._directory.records.get(StarKey.parse(star))
        cause = self._lanes.cause_of(record.machine) if record is not None else ""
        own = self._directory.machine
        why = f": the lane from {own!r} to {record.machine!r} is down: {cause}" if record is not None and cause else ""
        return f"the only way to {star} leads back" + why
