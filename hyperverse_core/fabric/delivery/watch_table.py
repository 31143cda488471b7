"""The watches on this machine, each with the watching point and the watched particle."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from ...universe.address.point import Point
from ...universe.waves.wave import Method

__all__ = ["CHANGED", "Watch", "WatchTable"]

CHANGED = Method.parse("Ext<Changed>")
"""The method of the Signals that report changes."""

Watch = tuple[Point, str, Point]
"""The watched particle, the aspect, and the watcher."""


class WatchTable:
    """The table of watches. The watches write it, and Ripples to watchers read it."""

    def __init__(self) -> None:
        self._watchers: dict[tuple[Point, str], dict[Point, None]] = {}
        self._watched: dict[Point, dict[tuple[Point, str], None]] = {}

    def __len__(self) -> int:
        """Returns the number of watched aspects of particles."""
        return len(self._watchers)

    def add(self, point: Point, aspect: str, watcher: Point) -> None:
        """Adds the watch of ``watcher`` on that aspect."""
        self._watchers.setdefault((point, aspect), {})[watcher] = None
        self._watched.setdefault(watcher, {})[point, aspect] = None

    def drop(self, watcher: Point) -> None:
        """Ends all watches of ``watcher``."""
        for point, aspect in list(self._watched.get(watcher, ())):
            self.drop_one(point, aspect, watcher)

    def drop_one(self, point: Point, aspect: str, watcher: Point) -> None:
        """Ends the watch of ``watcher`` on that aspect."""
        watched = self._watched.get(watcher, {})
        if (point, aspect) not in watched:
            return
        del watched[point, aspect]
        if not watched:
            del self._watched[watcher]
        watchers = self._watchers[point, aspect]
        del watchers[watcher]
        if not watchers:
            del self._watchers[point, aspect]

    def watchers(self, point: Point, aspect: str) -> list[Point]:
        """Returns the points of the watchers of that aspect."""
        return list(self._watchers.get((point, aspect), ()))

    def watched_by(self, watcher: Point) -> Collection[tuple[Point, str]]:
        """Returns each point and aspect that ``watcher`` watches."""
        return self._watched.get(watcher, {})

    def everyone(self) -> list[Point]:
        """Returns all watchers."""
        return list(self._watched)

    def __iter__(self) -> Iterator[Watch]:
        for (point, aspect), watchers in self._watchers.items():
            for watcher in watchers:
                yield point, aspect, watcher

    def clear(self) -> None:
        """Ends all watches."""
        self._watchers.clear()
        self._watched.clear()
