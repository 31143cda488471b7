"""Conformance kit of placement strategies.

Subclass the kit in a test module::

    class TestNearData(PlacementConformance):
        placement = NearData
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import attrs
import pytest

from ..contracts.placement import Candidate, Placement
from ..universe.address.point import Point
from ..universe.address.star_key import StarKey
from ..universe.kinds.kind import Kind

__all__ = ["PlacementConformance"]

_KIND = Kind("Base")
_POINTS = tuple(Point.parse(f"localhost:particle-{number}") for number in range(50))


class PlacementConformance:
    """The requirements for every placement strategy. A subclass names the strategy.

    Attributes:
        placement: the class of the strategy.
        settings: its settings, as in the table ``[placements.NAME]``.
    """

    placement: ClassVar[type[Placement]]
    settings: ClassVar[Mapping[str, Any]] = {}

    def whose_move(self) -> str:
        """The person who has to change something when a test fails."""
        return f"the author of the placement strategy {self.placement.__qualname__}"

    def make(self, seed: int = 1) -> Placement:
        """Returns a new strategy. Override it for a strategy whose constructor takes other arguments.

        Args:
            seed: seed of its chance.
        """
        return self.placement(random.Random(seed), self.settings)

    def candidates(self, count: int) -> list[Candidate]:
        """Returns candidates that differ in everything.

        Args:
            count: number of candidates, each on its own machine.
        """
        return [
            Candidate(
                StarKey("central", "fold", number),
                particles=number * 7 % 5,
                hops=number % 3,
                hosts_parent=number == 2,
                same_machine=number == 0,
                machine=f"machine{number}",
                load=number % 4 / 4,
                memory=(number + 1) << 28,
                labels={"zone": "ab"[number % 2]},
                prepared=frozenset({f"module-{number % 2}"}),
            )
            for number in range(count)
        ]

    @pytest.mark.parametrize("count", [1, 2, 3, 16])
    def test_it_chooses_one_of_the_candidates(self, count: int) -> None:
        strategy, candidates = self.make(), self.candidates(count)
        allowed = {candidate.star for candidate in candidates}
        for point in _POINTS:
            assert strategy.choose(_KIND, point, candidates) in allowed

    def test_it_chooses_among_machines_of_which_little_is_known(self) -> None:
        strategy = self.make()
        candidates = [Candidate(candidate.star) for candidate in self.candidates(3)]
        for point in _POINTS:
            assert strategy.choose(_KIND, point, candidates) in {candidate.star for candidate in candidates}

    def test_it_does_not_choose_a_star_that_has_gone(self) -> None:
        strategy, candidates = self.make(), self.candidates(5)
        for point in _POINTS:
            chosen = strategy.choose(_KIND, point, candidates)
            left = [candidate for candidate in candidates if candidate.star != chosen]
            assert strategy.choose(_KIND, point, left) != chosen

    def test_it_leaves_the_candidates_as_they_are(self) -> None:
        strategy, candidates = self.make(), self.candidates(5)
        for point in _POINTS:
            strategy.choose(_KIND, point, candidates)
        assert candidates == self.candidates(5)

    def test_the_same_chance_gives_the_same_choices(self) -> None:
        one, other = (self._choices(self.make(seed=7)) for _ in range(2))
        assert one == other, "use no randomness but that of `chance`"

    def test_it_can_be_made_without_settings(self) -> None:
        if self.settings:
            pytest.skip("it needs settings")
        strategy = self.placement(random.Random(1))
        assert strategy.choose(_KIND, _POINTS[0], self.candidates(1)) == self.candidates(1)[0].star

    def _choices(self, strategy: Placement) -> Sequence[StarKey]:
        candidates = self.candidates(7)
        return [strategy.choose(_KIND, point, [attrs.evolve(c) for c in candidates]) for point in _POINTS]
