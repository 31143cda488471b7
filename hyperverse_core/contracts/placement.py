"""Placement: which star takes a particle. The built-in strategies are here too: they are pure."""

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
        particles: how many it hosts.
        hops: lanes between it and the star that asks.
        hosts_parent: whether the particle's parent lives there.
        same_machine: whether it runs on the machine that asks.
    """

    star: StarKey
    particles: int = 0
    hops: int = 0
    hosts_parent: bool = False
    same_machine: bool = True


class Placement(abc.ABC):
    """Contract of a placement strategy: a pure choice, made once for each particle that is placed.

    Args:
        chance: the machine's own source of randomness.
        settings: the strategy's own table of the config.
    """

    def __init__(self, chance: random.Random, settings: Mapping[str, Any] | None = None) -> None:
        self.chance = chance
        self.settings = dict(settings or {})

    @abc.abstractmethod
    def choose(self, kind: Kind, point: Point, candidates: Sequence[Candidate]) -> StarKey:
        """One of ``candidates``, of which there is at least one, in the order of their keys."""


class Spread(Placement):
    """The emptier of two stars chosen by chance: balanced without everybody rushing to the same one."""

    def choose(self, kind: Kind, point: Point, candidates: Sequence[Candidate]) -> StarKey:
        """Compares the numbers of particles of two random candidates."""
        if len(candidates) == 1:
            return candidates[0].star
        count = len(candidates)
        first, second = int(self.chance.random() * count), int(self.chance.random() * (count - 1))
        one, other = candidates[first], candidates[second + (second >= first)]
        return one.star if one.particles <= other.particles else other.star


class RoundRobin(Placement):
    """One star after the other, a turn for each Kind."""

    def __init__(self, chance: random.Random, settings: Mapping[str, Any] | None = None) -> None:
        super().__init__(chance, settings)
        self._last: dict[str, str] = {}

    def choose(self, kind: Kind, point: Point, candidates: Sequence[Candidate]) -> StarKey:
        """The first candidate behind the one that was chosen last for this Kind."""
        last = self._last.get(kind.base, "")
        chosen = next((c for c in candidates if str(c.star) > last), candidates[0])
        self._last[kind.base] = str(chosen.star)
        return chosen.star


class Hash(Placement):
    """Rendezvous hashing: the same point goes to the same star as long as that star lives, and a new star takes
    only its own share. This is sharding."""

    def choose(self, kind: Kind, point: Point, candidates: Sequence[Candidate]) -> StarKey:
        """The candidate whose key and the point together hash highest."""
        text = str(point).encode()
        return max(
            candidates,
            key=lambda c: hashlib.blake2b(str(c.star).encode() + b"\0" + text, digest_size=8).digest(),
        ).star


class NearParent(Placement):
    """Where the parent lives, else on this machine, else the fewest lanes away; the emptiest of equals."""

    def choose(self, kind: Kind, point: Point, candidates: Sequence[Candidate]) -> StarKey:
        """Compares by nearness, then by number of particles."""
        return min(candidates, key=lambda c: (not c.hosts_parent, not c.same_machine, c.hops, c.particles)).star
