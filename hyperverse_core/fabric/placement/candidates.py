"""The stars that can host a particle."""

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
    """The stars that can host particles of one Kind.

    Attributes:
        all: these stars, in the order of their keys. The objects are created once and updated for each placement,
            because most placements follow one another within one state of the directory.
        by_star: the same by the text of their keys.
        own: this machine's stars, with the particles that live there.
        near: the star that is marked as the star of the parent.
    """

    all: list[Candidate] = attrs.field(factory=list)
    by_star: dict[str, Candidate] = attrs.field(factory=dict)
    own: list[tuple[Candidate, dict[str, Active]]] = attrs.field(factory=list)
    near: Candidate | None = None


class Candidates:
    """Finds the stars that host each Kind, once for each state of the directory and of this machine.

    Args:
        directory: the announced stars.
        homes: the particles of this machine's stars.
        places: the known places, to find the parent of a particle.
        home: the star that represents this machine; hops are counted from there.
        facts: facts of this machine; those of others are in the directory.
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
        """Returns the stars that can host a particle, in the order of their keys. The result is valid until the next
        call."""
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
        """Updates the mark if the parent lives in a different star than that of the previous particle."""
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
        """Returns the facts of another machine, from the star that represents it."""
        record = self._directory.machine_record(machine)
        return Facts.read(record.facts if record is not None else "")

    def placed(self, key: StarKey) -> None:
        """Counts a particle given to a star of another machine, whose own count arrives with its next renewal."""
        self._placed[key] = self._placed.get(key, 0) + 1
        for possible in self._possible.values():
            candidate = possible.by_star.get(str(key))
            if candidate is not None:
                candidate.particles += 1
