"""Placement: which star takes a particle. The contract, and the built-in strategies."""

from __future__ import annotations

import abc
import hashlib
import random
from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from ..universe.address.point import Point
from ..universe.address.star_key import StarKey
from ..universe.kinds.kind import Kind

__all__ = ["Candidate", "Hash", "NearParent", "Placement", "RoundRobin", "Spread"]


@attrs.define
class Candidate:
    """A star that could take the particle.

    Attributes:
        star: its key.
        particles: number of particles that it hosts.
        hops: number of lanes between it and the star that asks.
        hosts_parent: whether it hosts the parent of the particle.
        same_machine: whether it is on the machine that asks.
        machine: name of its machine.
        load: the part of the processors of that machine that was busy in the last minute, from 0 to 1.
        memory: bytes of free memory there; 0 when that is not known.
        labels: the labels in the configuration of that machine, by name.
        prepared: what is prepared there for particles of this Kind, as named by :meth:`Driver.prepared`.

        ready: whether something is prepared there that this particle needs, according to :meth:`Driver.needs`.

    Load, memory and prepared names are as of the last renewal of the machine's lease.
    """

    star: StarKey
    particles: int = 0
    hops: int = 0
    hosts_parent: bool = False
    same_machine: bool = True
    machine: str = ""
    load: float = 0.0
    memory: int = 0
    labels: Mapping[str, str] = attrs.field(factory=dict)
    prepared: frozenset[str] = frozenset()
    ready: bool = False


class Placement(abc.ABC):
    """Contract of a placement strategy. It is called once for each particle that is placed, on the event loop: it must
    return at once, and do no I/O.

    Args:
        chance: the source of randomness of the machine. Use no other, so that a test can repeat a choice.
        settings: the table ``[placements.NAME]`` of the configuration.
    """

    def __init__(self, chance: random.Random, settings: Mapping[str, Any] | None = None) -> None:
        self.chance = chance
        self.settings = dict(settings or {})

    @abc.abstractmethod
    def choose(self, kind: Kind, point: Point, candidates: Sequence[Candidate]) -> StarKey:
        """Chooses a star for a particle.

        Args:
            kind: the Kind of the particle.
            point: its address.
            candidates: the stars that could take it, at least one, in the order of their keys. Neither modify nor keep
                them: the next call may get the same objects with other values.

        Returns:
            the key of one of the candidates. Any other result, and any exception, is answered 500 with the name of the
            strategy; the particle is not placed, and its next wave asks again.
        """


class Spread(Placement):
    """Chooses the emptier of two random stars: the load is balanced, and not all machines choose the same star."""

    def choose(self, kind: Kind, point: Point, candidates: Sequence[Candidate]) -> StarKey:
        """Chooses the one of two random candidates that hosts fewer particles."""
        if len(candidates) == 1:
            return candidates[0].star
        count = len(candidates)
        first, second = int(self.chance.random() * count), int(self.chance.random() * (count - 1))
        one, other = candidates[first], candidates[second + (second >= first)]
        return one.star if one.particles <= other.particles else other.star


class RoundRobin(Placement):
    """Chooses the stars in turn, separately for each Kind."""

    def __init__(self, chance: random.Random, settings: Mapping[str, Any] | None = None) -> None:
        super().__init__(chance, settings)
        self._last: dict[str, str] = {}

    def choose(self, kind: Kind, point: Point, candidates: Sequence[Candidate]) -> StarKey:
        """Chooses the candidate that follows the one last chosen for this Kind."""
        last = self._last.get(kind.base, "")
        chosen = next((c for c in candidates if str(c.star) > last), candidates[0])
        self._last[kind.base] = str(chosen.star)
        return chosen.star


class Hash(Placement):
    """Rendezvous hashing, for sharding: the same point goes to the same star as long as that star lives, and a new star
    takes over only its own share of the points."""

    def choose(self, kind: Kind, point: Point, candidates: Sequence[Candidate]) -> StarKey:
        """Chooses the candidate whose key, hashed together with the point, has the highest hash."""
        text = str(point).encode()
        return max(
            candidates,
            key=lambda c: hashlib.blake2b(str(c.star).encode() + b"\0" + text, digest_size=8).digest(),
        ).star


class NearParent(Placement):
    """Chooses the star of the parent, else one on this machine, else the nearest one; among equals, the emptiest."""

    def choose(self, kind: Kind, point: Point, candidates: Sequence[Candidate]) -> StarKey:
        """Compares distance first, then number of particles."""
        return min(candidates, key=lambda c: (not c.hosts_parent, not c.same_machine, c.hops, c.particles)).star
