"""Which stars can take a particle."""

from __future__ import annotations

import attrs

from ...contracts.placement import Candidate
from ...contracts.registry import ParticleRecord
from ...universe.address.star_key import StarKey
from ..cluster.directory import Directory
from ..cluster.facts import Facts, OwnFacts
from ..particles.active import Active
from ..particles.homes import Homes
from ..particles.places import Places
from ..stars.star import Star

__all__ = ["Candidates"]


@attrs.define(eq=False)
class _Possible:
    """The stars that can take particles of one Kind.

    Attributes:
        all: they, in the order of their keys. They are made once, because most placements follow one another within
            one state of the directory: what differs between two is written into them.
        by_star: the same by the text of their keys.
        own: those of this machine, with the particles that live there.
        near: the one that is marked as the star of the parent.
    """

    all: list[Candidate] = attrs.field(factory=list)
    by_star: dict[str, Candidate] = attrs.field(factory=dict)
    own: list[tuple[Candidate, dict[str, Active]]] = attrs.field(factory=list)
    near: Candidate | None = None


class Candidates:
    """Works out for each Kind which stars host it, once for each state of the directory and of this machine.

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
        self._here: Facts | None = None
        self._placed: dict[StarKey, int] = {}
        self._possible: dict[str, _Possible] = {}

    def of(self, record: ParticleRecord) -> list[Candidate]:
        """The stars that can take a particle, in the order of their keys. They hold until this is called again."""
        if self._version != self._directory.version:
            self._version = self._directory.version
            self._placed.clear()
            self._possible.clear()
        if self._here is not self._facts.now:
            self._here = self._facts.now
            self._possible.clear()
        kind = record.kind.base
        possible = self._possible.get(kind)
        if possible is None:
            possible = self._possible[kind] = self._possible_for(kind)
        for candidate, active in possible.own:
            candidate.particles = len(active)
        above = record.point.parent
        parent = self._places.known.get(above.text) if above is not None else None
        near = possible.by_star.get(parent.star.text) if parent is not None else None
        if near is not possible.near:
            self._mark(possible, near)
        return possible.all.copy()

    @staticmethod
    def _mark(possible: _Possible, near: Candidate | None) -> None:
        """The parent lives in another star than that of the particle before."""
        if possible.near is not None:
            possible.near.hosts_parent = False
        if near is not None:
            near.hosts_parent = True
        possible.near = near

    def _possible_for(self, kind: str) -> _Possible:
        distances = self._home.distances.whole()
        possible = _Possible()
        for text, key, star in self._directory.by_text:
            own = self._homes.get(key)
            hosts = own.can_host(kind) if own is not None else kind in star.kinds
            if not hosts or star.draining or text not in distances:
                continue
            known = self._facts.now if own is not None else self._facts_of(star.machine)
            candidate = Candidate(
                key,
                star.particles + self._placed.get(key, 0),
                distances[text],
                same_machine=own is not None,
                machine=star.machine,
                load=known.load,
                memory=known.memory,
                labels=known.labels,
                prepared=known.prepared_for(kind),
            )
            possible.all.append(candidate)
            possible.by_star[text] = candidate
            if own is not None:
                possible.own.append((candidate, own.active))
        return possible

    def _facts_of(self, machine: str) -> Facts:
        """What another machine tells of itself, by the star that stands for it."""
        record = self._directory.machine_record(machine)
        return Facts.read(record.facts if record is not None else "")

    def placed(self, key: StarKey) -> None:
        """A particle was given to a star of another machine; its own count comes with its next renewal."""
        self._placed[key] = self._placed.get(key, 0) + 1
        for possible in self._possible.values():
            candidate = possible.by_star.get(str(key))
            if candidate is not None:
                candidate.particles += 1
