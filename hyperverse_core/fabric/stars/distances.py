"""Distances from a star of this machine to other stars, computed on demand instead of at each change."""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["Distances"]


class Distances(dict[str, int]):
    """Number of lanes to each reachable star, by the text of its key.

    ``distances[text]`` is 0 for a star that is out of reach. To distinguish such stars, or to see all stars, call
    :meth:`whole` first.
    """

    __slots__ = ("_work_out",)

    def __init__(self) -> None:
        super().__init__()
        self._work_out: Callable[[], dict[str, int]] | None = None

    def forget(self, work_out: Callable[[], dict[str, int]]) -> None:
        """Discards the known distances.

        Args:
            work_out: returns the distances at the time of the call.
        """
        self._work_out = work_out
        self.clear()

    def whole(self) -> Distances:
        """Returns itself, filled with every reachable star."""
        work_out, self._work_out = self._work_out, None
        if work_out is not None:
            self.update(work_out())
        return self

    def __missing__(self, star: str) -> int:
        return self.whole().get(star, 0)
