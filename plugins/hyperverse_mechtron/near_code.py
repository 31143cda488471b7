"""The placement ``near-code``: where the code of a particle is compiled already."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from hyperverse_core import Candidate, Kind, Placement, Point, StarKey

__all__ = ["NearCode"]

_MORE: Final = 16
"""How many particles more than the emptiest star has make a star that is ready too full, besides twice as many."""


class NearCode(Placement):
    """Chooses the emptier of two random stars, of those where what the particle needs is prepared. Where these host
    more than twice as many particles as another star, that one is chosen, which gets ready by that."""

    def choose(self, kind: Kind, point: Point, candidates: Sequence[Candidate]) -> StarKey:
        """Compares the chosen one of the ready stars with the chosen one of all."""
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
