"""The facts about particles that policies can use, and the points from which they were read."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import attrs

from hyperverse_core.policy import PolicyView, Request
from hyperverse_core.registry import ParticleRecord
from hyperverse_core.values import Point

from .names_used import Chain, Uses
from .vocabulary import PARTICLE

__all__ = ["RequestFacts", "gather", "uid"]

_NUMBER = re.compile(r"-?[0-9]{1,19}")
_LARGEST = 2**63


def uid(point: Point, kind: str = PARTICLE) -> dict[str, str]:
    """Returns the engine's name of a particle."""
    return {"type": kind, "id": point.text}


@attrs.frozen
class RequestFacts:
    """The records that were read for one question.

    Attributes:
        request: the question.
        points: the particles whose records the policies may read, whether registered or not.
        records: the records of those that are registered.
    """

    request: Request
    points: frozenset[Point]
    records: Mapping[Point, ParticleRecord]

    def entities(self, properties: Iterable[str]) -> dict[Point, dict[str, Any]]:
        """Returns the facts for the engine about each particle of the question, by its point.

        Args:
            properties: names of the properties that policies read. All others are left out.
        """
        wanted = frozenset(properties)
        told = {point: self._entity(point, wanted) for point in self.points}
        mentioned = [self.request.agent, self.request.record.point]
        mentioned += [record.owner for point, record in self.records.items() if point in self.points]
        mentioned += [point.parent for point in self.points if point.parent is not None]
        for point in mentioned:
            told.setdefault(point, {"uid": uid(point), "attrs": {}, "parents": _above(point)})
        return told

    def _entity(self, point: Point, wanted: frozenset[str]) -> dict[str, Any]:
        record = self.records.get(point)
        attributes: dict[str, Any] = {}
        if point.parent is not None:
            attributes["parent"] = {"__entity": uid(point.parent)}
        if record is not None:
            texts = {name: found.value for name, found in record.properties.items() if name in wanted}
            attributes |= {
                "kind": str(record.kind),
                "base": record.kind.base,
                "owner": {"__entity": uid(record.owner)},
                "properties": texts,
                "numbers": {name: number for name, text in texts.items() if (number := _number(text)) is not None},
            }
        return {"uid": uid(point), "attrs": attributes, "parents": _above(point)}


async def gather(requests: Sequence[Request], uses: Uses, view: PolicyView) -> list[RequestFacts]:
    """Reads the records that the policies use, for all questions together: one look-up for each step of a policy from
    particle to particle. Raises Unavailable if the registry cannot be reached."""
    records: dict[Point, ParticleRecord] = {}
    found: list[set[Point]] = [set() for _ in requests]
    longest = max((len(chain) for chain in uses.read), default=0)
    for length in range(1, longest + 1):
        chains = [chain for chain in uses.read if len(chain) == length]
        for request, points in zip(requests, found, strict=True):
            points.update(point for chain in chains if (point := _reached(chain, request, records)) is not None)
        missing = frozenset[Point]().union(*found) - records.keys()
        records |= await view.records(tuple(sorted(missing)))
    return [_facts(request, points, records) for request, points in zip(requests, found, strict=True)]


def _facts(request: Request, points: set[Point], records: Mapping[Point, ParticleRecord]) -> RequestFacts:
    known = {point: records[point] for point in points if point in records}
    if request.record.point in points:
        known.setdefault(request.record.point, request.record)  # particles of the platform are in no registry
    return RequestFacts(request, frozenset(points), known)


def _reached(chain: Chain, request: Request, records: Mapping[Point, ParticleRecord]) -> Point | None:
    """Returns the particle to which a chain leads; None if there is no such particle."""
    first, *steps = chain
    variables = {"principal": request.agent, "resource": request.record.point}
    point: Point | None = variables.get(first) or Point.parse(first)
    for step in steps:
        if point is None:
            return None
        if step == "parent":
            point = point.parent
        else:
            record = records.get(point) or (request.record if point == request.record.point else None)
            point = None if record is None else record.owner
    return point


def _above(point: Point) -> list[dict[str, str]]:
    return [uid(above) for above in point.ancestors()]


def _number(text: str) -> int | None:
    if not _NUMBER.fullmatch(text):
        return None
    number = int(text)
    return number if -_LARGEST <= number < _LARGEST else None
