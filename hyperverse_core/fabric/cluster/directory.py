"""The stars of the whole Hyperverse, as the registry announced them when it was read last."""

from __future__ import annotations

from collections.abc import Mapping

from ...contracts.registry import Assignment, StarRecord
from ...universe.address.point import Point
from ...universe.address.star_key import StarKey
from ...universe.waves.wave import Stars
from ..stars.star import Star

__all__ = ["Directory"]


class Directory:
    """Written by the membership, read by everybody.

    Args:
        machine: name of this machine.

    Attributes:
        records: every announced star.
        by_text: the same with the texts of the keys, in the order of these.
        machine_of: the machine of each of them, by the text of its key.
        version: grows whenever what can be placed where may have changed.
        members: grows whenever a star is announced that was not, or is not any more.
        incarnations: of each star, by the text of its key, as it was announced last; kept when the star has left.
    """

    def __init__(self, machine: str) -> None:
        self.machine = machine
        self.records: dict[StarKey, StarRecord] = {}
        self.by_text: list[tuple[str, StarKey, StarRecord]] = []
        self.machine_of: dict[str, str] = {}
        self.version = 0
        self.members = 0
        self.incarnations: dict[str, int] = {}

    def replace(self, records: Mapping[StarKey, StarRecord]) -> None:
        """It was read again."""
        if self.records.keys() != records.keys():
            self.members += 1
        self.records = dict(records)
        self.by_text = sorted((str(key), key, record) for key, record in records.items())
        self.machine_of = {text: record.machine for text, _, record in self.by_text}
        self.incarnations.update((text, record.incarnation) for text, _, record in self.by_text)
        self.version += 1

    def renewed(self, records: Mapping[StarKey, StarRecord]) -> None:
        """This machine has renewed stars that are in it already."""
        self.records.update(records)

    def touch(self) -> None:
        """What this machine's stars can host has changed."""
        self.version += 1

    def machines(self) -> dict[str, StarRecord]:
        """Every other machine, by name, with the record of one of its stars."""
        return {r.machine: r for r in self.records.values() if r.machine != self.machine}

    def machine_record(self, name: str) -> StarRecord | None:
        """The record of one star of that machine."""
        return self.machines().get(name)

    def holds(self, assignment: Assignment) -> bool:
        """Whether the star of an assignment is still there, in the same incarnation."""
        record = self.records.get(assignment.star)
        return record is not None and record.incarnation == assignment.incarnation

    def incarnation_of(self, key: StarKey) -> int:
        """Of a star as it is announced now, 0 when it is not."""
        record = self.records.get(key)
        return record.incarnation if record is not None else 0

    def is_there(self, star: str, incarnation: int) -> bool:
        """Whether a star, by the text of its key, is announced in that incarnation."""
        return self.incarnation_of(StarKey.parse(star)) == incarnation != 0

    def star_points(self, to: Stars, asking: Star) -> list[Point]:
        """The points of the stars that are meant."""
        return [
            Point.of_star(key)
            for key, record in sorted(self.records.items(), key=lambda entry: str(entry[0]))
            if (to.kind is None or record.kind == to.kind) and (not to.adjacent or asking.distances.get(str(key)) == 1)
        ]
