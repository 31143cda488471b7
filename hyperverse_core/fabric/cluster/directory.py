"""The stars of the whole Hyperverse, as last read from the registry."""

from __future__ import annotations

from collections.abc import Mapping

from ...contracts.registry import Assignment, StarRecord
from ...universe.address.point import Point
from ...universe.address.star_key import StarKey
from ...universe.waves.wave import Stars
from ..stars.star import Star
from ..stars.topology import machine_key, names_of

__all__ = ["Directory"]


class Directory:
    """The announced stars. The directory reader and the membership write it; all parts read it.

    The cost of a change depends on the size of the change, not on the number of stars.

    Args:
        machine: name of this machine.

    Attributes:
        records: every announced star.
        machine_of: the machine of each of them, by the text of its key.
        named: keys of stars, as texts, by the names that a link may use: the key, and the key without its index.
        linking: keys, as texts, of the stars that have a link, by the link's text.
        version: grows whenever the places available for particles may have changed.
        incarnations: the incarnation of each star as last announced, by the text of its key; kept after the star has
            left.
    """

    def __init__(self, machine: str) -> None:
        self.machine = machine
        self.records: dict[StarKey, StarRecord] = {}
        self.machine_of: dict[str, str] = {}
        self.named: dict[str, set[str]] = {}
        self.linking: dict[str, set[str]] = {}
        self.version = 0
        self.incarnations: dict[str, int] = {}
        self._by_text: list[tuple[str, StarKey, StarRecord]] | None = []
        self._by_key_text: dict[str, StarRecord] = {}
        self._others: dict[str, dict[StarKey, StarRecord]] = {}

    def update(self, changes: Mapping[StarKey, StarRecord | None]) -> None:
        """Updates stars that were read again; None means that a star is no longer announced."""
        for key, record in changes.items():
            known = self.records.get(key)
            if known is not None:
                self._remove(key, known)
            if record is not None:
                self._add(key, record)
        self._by_text = None
        self.version += 1

    def _add(self, key: StarKey, record: StarRecord) -> None:
        text = str(key)
        self.records[key] = self._by_key_text[text] = record
        self.machine_of[text] = record.machine
        self.incarnations[text] = record.incarnation
        for name in names_of(text):
            self.named.setdefault(name, set()).add(text)
        for link in record.links:
            self.linking.setdefault(link, set()).add(text)
        if record.machine != self.machine:
            self._others.setdefault(record.machine, {})[key] = record

    def _remove(self, key: StarKey, record: StarRecord) -> None:
        text = str(key)
        del self.records[key]
        del self._by_key_text[text]
        del self.machine_of[text]
        for name in names_of(text):
            _take_out(self.named, name, text)
        for link in record.links:
            _take_out(self.linking, link, text)
        stars = self._others.get(record.machine)
        if stars is not None:
            stars.pop(key, None)
            if not stars:
                del self._others[record.machine]

    def renewed(self, records: Mapping[StarKey, StarRecord]) -> None:
        """Updates stars of this machine that were renewed and are already in the directory, so that no route has
        changed."""
        self.records.update(records)

    def touch(self) -> None:
        """Records that what this machine's stars can host, or the route to another star, has changed."""
        self.version += 1

    @property
    def by_text(self) -> list[tuple[str, StarKey, StarRecord]]:
        """Returns every star with the text of its key, in the order of these texts."""
        if self._by_text is None:
            self._by_text = sorted((str(key), key, record) for key, record in self.records.items())
        return self._by_text

    def record_of(self, star: str) -> StarRecord | None:
        """Returns the record of a star, by the text of its key; None if it is not announced."""
        return self._by_key_text.get(star)

    def machines(self) -> dict[str, StarRecord]:
        """Returns every other machine, by name, with the record that :meth:`machine_record` returns."""
        return {name: _standing_for(name, stars) for name, stars in self._others.items()}

    def machine_record(self, name: str) -> StarRecord | None:
        """Returns the record of the star that represents another machine, or, before that is known, of any of its
        stars; None if it has none."""
        stars = self._others.get(name)
        return _standing_for(name, stars) if stars else None

    def has_others(self) -> bool:
        """Whether there is another machine."""
        return bool(self._others)

    def stars_of(self, machine: str) -> list[StarKey]:
        """Returns the stars of another machine."""
        return list(self._others.get(machine, ()))

    def holds(self, assignment: Assignment) -> bool:
        """Whether the star of an assignment still exists in the same incarnation."""
        record = self.records.get(assignment.star)
        return record is not None and record.incarnation == assignment.incarnation

    def incarnation_of(self, key: StarKey) -> int:
        """Returns the announced incarnation of a star; 0 if it is not announced."""
        record = self.records.get(key)
        return record.incarnation if record is not None else 0

    def is_there(self, star: str, incarnation: int) -> bool:
        """Whether a star, by the text of its key, is announced in that incarnation."""
        return self.incarnation_of(StarKey.parse(star)) == incarnation != 0

    def star_points(self, to: Stars, asking: Star) -> list[Point]:
        """Returns the points of the stars that ``to`` selects."""
        distances = asking.distances.whole() if to.adjacent else {}
        return [
            Point.of_star(key)
            for text, key, record in self.by_text
            if (to.kind is None or record.kind == to.kind) and (not to.adjacent or distances.get(text) == 1)
        ]


def _standing_for(machine: str, stars: Mapping[StarKey, StarRecord]) -> StarRecord:
    return stars.get(machine_key(machine)) or next(iter(stars.values()))


def _take_out(found: dict[str, set[str]], name: str, text: str) -> None:
    texts = found[name]
    texts.discard(text)
    if not texts:
        del found[name]
