"""Counts the traffic of the lanes to other machines."""

from __future__ import annotations

from collections.abc import Iterator

from ...contracts.traffic import Traffic

__all__ = ["LaneTraffic", "Tally"]


class Tally:
    """The traffic with one other machine. The switchboard increments the counts itself, which saves six calls in a Ping
    to another machine.

    Attributes:
        waves_out, bytes_out, waves_in, bytes_in: as in :class:`~hyperverse_core.contracts.traffic.Traffic`.
        told: the counts that were reported last.
    """

    __slots__ = ("bytes_in", "bytes_out", "told", "waves_in", "waves_out")

    def __init__(self) -> None:
        self.waves_out = self.bytes_out = self.waves_in = self.bytes_in = 0
        self.told = Traffic(0, 0, 0, 0)

    def sent(self, size: int) -> None:
        """Counts a sent frame of that many bytes."""
        self.waves_out += 1
        self.bytes_out += size

    def now(self) -> Traffic:
        """Returns the counts as a value."""
        return Traffic(self.waves_out, self.bytes_out, self.waves_in, self.bytes_in)


class LaneTraffic(dict[str, Tally]):
    """The traffic with all other machines, by name, since this machine started. A missing entry is created."""

    def __missing__(self, machine: str) -> Tally:
        tally = self[machine] = Tally()
        return tally

    def all(self) -> dict[str, Traffic]:
        """Returns the counts by machine."""
        return {name: tally.now() for name, tally in sorted(self.items())}

    def news(self) -> Iterator[tuple[str, Traffic]]:
        """Yields the counts that have changed since the last call."""
        for name, tally in self.items():
            now = tally.now()
            if now != tally.told:
                tally.told = now
                yield name, now
