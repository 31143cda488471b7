"""Which stars can take a particle."""

from __future__ import annotations

from ...contracts.placement import Candidate
from ...contracts.registry import ParticleRecord, StarRecord
from ...universe.address.star_key import StarKey
from ..cluster.directory import Directory
from ..particles.homes import Homes
from ..particles.hosting import Hosting
from ..particles.places import Places
from ..stars.star import Star

__all__ = ["Candidates"]


class Candidates:
    """Works out for each Kind which stars host it, once for each state of the directory.

    Args:
        directory: which stars there are.
        homes: the particles of this machine's stars.
        places: says where a particle's parent lives.
        home: the star that stands for this machine; hops are counted from there.
    """

    def __init__(self, directory: Directory, homes: Homes, places: Places, home: Star) -> None:
        self._directory = directory
        self._homes = homes
        self._places = places
        self._home = home
        self._version = -1
        self._placed: dict[StarKey, int] = {}
        self._possible: dict[str, list[tuple[str, StarKey, StarRecord, Hosting | None, int]]] = {}

    def of(self, record: ParticleRecord) -> list[Candidate]:
        """The stars that can take a particle, in the order of their keys."""
        if self._version != self._directory.version:
            self._version = self._directory.version
            self._placed.clear()
            self._possible.clear()
        kind = record.kind.base
        possible = self._possible.get(kind)
        if possible is None:
            possible = self._possible[kind] = self._possible_for(kind)
        above = record.point.parent
        parent = self._places.known.get(above.text) if above is not None else None
        near = parent.star.text if parent is not None else ""
        return [
            Candidate(
                key,
                len(own) if own is not None else star.particles + self._placed.get(key, 0),
                hops,
                text == near,
                own is not None,
            )
            for text, key, star, own, hops in possible
        ]

    def _possible_for(self, kind: str) -> list[tuple[str, StarKey, StarRecord, Hosting | None, int]]:
        distances = self._home.distances
        found = []
        for text, key, star in self._directory.by_text:
            own = self._homes.get(key)
            hosts = own.can_host(kind) if own is not None else kind in star.kinds
            if hosts and not star.draining and text in distances:
                found.append((text, key, star, own, distances[text]))
        return found

    def placed(self, key: StarKey) -> None:
        """A particle was given to a star of another machine; its own count comes with its next renewal."""
        self._placed[key] = self._placed.get(key, 0) + 1
