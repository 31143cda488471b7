"""The placement ``near-code``: prefers stars that have already compiled the code of a particle."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from hyperverse_core import Candidate, Kind, Placement, Point, StarKey

__all__ = ["NearCode"]

_MORE: Final = 16
"""A ready star counts as too full when it hosts over twice as many particles as the emptiest star, plus this many."""


class NearCode(Placement):
    """Chooses the emptier of two random stars among those that have prepared what the particle needs. If that star
    hosts more than twice as many particles as another star, it chooses the other star, which thereby becomes ready."""

    def choose(self, kind: Kind, point: Point, candidates: Sequence[Candidate]) -> StarKey:
        """Compares the choice among the ready stars with the choice among all stars."""
        anywhere = self._emptier(candidates)
        if anywhere.ready:
            return anywhere.star
        ready = [each for each in candidates if each.ready]
        if not ready:
            return anywhere.star
        best = self._emptier(ready)
        return best.star if best.particles <= 2 * anywhere.particles + _MORE else anywhere.star

    def _emptier(self, of: Sequence[Candidate]) -> Candidate:
        if len(of) == 1:
            return of[0]
        first, second = int(self.chance.random() * len(of)), int(self.chance.random() * (len(of) - 1))
        one, other = of[first], of[second + (second >= first)]
        return one if one.particles <= other.particles else other
