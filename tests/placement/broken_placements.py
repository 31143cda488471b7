"""Placement strategies that are wrong, each in its own way. Not collected by itself: test_broken_placements.py runs it
and looks at which tests fail."""

from __future__ import annotations

import random
from collections.abc import Sequence

from hyperverse_core import Candidate, Kind, Placement, Point, StarKey
from hyperverse_core.testing import PlacementConformance


class Elsewhere(Placement):
    def choose(self, kind: Kind, point: Point, candidates: Sequence[Candidate]) -> StarKey:
        return StarKey("central", "nowhere")


class Later(Placement):
    async def choose(  # type: ignore[override]
        self, kind: Kind, point: Point, candidates: Sequence[Candidate]
    ) -> StarKey:
        return candidates[0].star


class Sticky(Placement):
    chosen: StarKey | None = None

    def choose(self, kind: Kind, point: Point, candidates: Sequence[Candidate]) -> StarKey:
        self.chosen = self.chosen or candidates[0].star
        return self.chosen


class NeedsLabels(Placement):
    def choose(self, kind: Kind, point: Point, candidates: Sequence[Candidate]) -> StarKey:
        return min(candidates, key=lambda candidate: candidate.labels["zone"]).star


class Sorts(Placement):
    def choose(self, kind: Kind, point: Point, candidates: Sequence[Candidate]) -> StarKey:
        candidates.sort(key=lambda candidate: candidate.particles)  # type: ignore[attr-defined]
        return candidates[0].star


class RollsItsOwnDice(Placement):
    def choose(self, kind: Kind, point: Point, candidates: Sequence[Candidate]) -> StarKey:
        return random.choice(list(candidates)).star


class NeedsSettings(Placement):
    def choose(self, kind: Kind, point: Point, candidates: Sequence[Candidate]) -> StarKey:
        return candidates[int(self.settings["first"])].star


class TestElsewhere(PlacementConformance):
    placement = Elsewhere


class TestLater(PlacementConformance):
    placement = Later


class TestSticky(PlacementConformance):
    placement = Sticky


class TestNeedsLabels(PlacementConformance):
    placement = NeedsLabels


class TestSorts(PlacementConformance):
    placement = Sorts


class TestRollsItsOwnDice(PlacementConformance):
    placement = RollsItsOwnDice


class TestNeedsSettings(PlacementConformance):
    placement = NeedsSettings
