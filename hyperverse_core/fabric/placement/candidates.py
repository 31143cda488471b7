"""Which stars can take a particle."""

from __future__ import annotations

from typing import TypeAlias

from ...contracts.placement import Candidate
from ...contracts.registry import ParticleRecord, StarRecord
from ...universe.address.star_key import StarKey
from ..cluster.directory import Directory
from ..cluster.facts import Facts, OwnFacts
from ..particles.homes import Homes
from ..particles.hosting import Hosting
from ..particles.places import Places
from ..stars.star import Star

__all__ = ["Candidates"]

_Possible: TypeAlias = tuple[str, StarKey, StarRecord, Hosting | None, int, Facts]


class Candidates:
    """Works out for each Kind which stars host it, once for each state of the directory.

    Args:
        directory: which stars there are.
        homes: the particles of this machine's stars.
        places: says where a particle's parent lives.
        home: the star that stands for this machine; hops are counted from there.
        facts: what is known of this machine; what others tell of themselves is in the directory.
    """

    def __init__(self, directory: Directory, homes: Homes, places: Places, home: Star, facts: OwnFacts) -> None:
        self._directory = directory
        self._homes = homes
        self._places = places
        self._home = home
        self._facts = facts
        self._version = -1
        self._placed: dict[StarKey, int] = {}
        self._possible: dict[str, list[_Possible]] = {}

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
        here, ready = self._facts.now, self._facts.now.prepared_for(kind)
        found = []
        for text, key, star, own, hops, told in possible:
            particles = len(own) if own is not None else star.particles + self._placed.get(key, 0)
            known = here if own is not None else told
            found.append(
                Candidate(
                    key,
                    particles,
                    hops,
                    text == near,
                    own is not None,
                    star.machine,
                    known.load,
                    known.memory,
                    known.labels,
                    ready if own is not None else told.prepared_for(kind),
                )
            )
        return found

    def _possible_for(self, kind: str) -> list[_Possible]:
        distances = self._home.distances
        found: list[_Possible] = []
        for text, key, star in self._directory.by_text:
            own = self._homes.get(key)
            hosts = own.can_host(kind) if own is not None else kind in star.kinds
            if hosts and not star.draining and text in distances:
                found.append((text, key, star, own, distances[text], Facts.read(star.facts)))
        return found

    def placed(self, key: StarKey) -> None:
        """A particle was given to a star of another machine; its own count comes with its next renewal."""
        self._placed[key] = self._placed.get(key, 0) + 1
