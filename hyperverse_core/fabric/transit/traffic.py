"""Counts of what the lanes to other machines carry."""

from __future__ import annotations

from collections.abc import Iterator

from ...contracts.traffic import Traffic

__all__ = ["LaneTraffic", "Tally"]


class Tally:
    """What has gone to one other machine, and has come from it. The switchboard adds to the counts itself, which saves
    a Ping to another machine six calls.

    Attributes:
        waves_out, bytes_out, waves_in, bytes_in: as in :class:`~hyperverse_core.contracts.traffic.Traffic`.
        told: the counts that were told last.
    """

    __slots__ = ("bytes_in", "bytes_out", "told", "waves_in", "waves_out")

    def __init__(self) -> None:
        self.waves_out = self.bytes_out = self.waves_in = self.bytes_in = 0
        self.told = Traffic(0, 0, 0, 0)

    def sent(self, size: int) -> None:
        """A frame of so many bytes was sent."""
        self.waves_out += 1
        self.bytes_out += size

    def now(self) -> Traffic:
        """The counts as a value."""
        return Traffic(self.waves_out, self.bytes_out, self.waves_in, self.bytes_in)


class LaneTraffic(dict[str, Tally]):
    """The counts of all other machines by name, since this machine has started. One that is not there is made."""

    def __missing__(self, machine: str) -> Tally:
        tally = self[machine] = Tally()
        return tally

    def all(self) -> dict[str, Traffic]:
        """The counts by machine."""
        return {name: tally.now() for name, tally in sorted(self.items())}

    def news(self) -> Iterator[tuple[str, Traffic]]:
        """Those that have changed since this was asked last."""
        for name, tally in self.items():
            now = tally.now()
            if now != tally.told:
                tally.told = now
                yield name, now
