"""Distances from a star of this machine to other stars, computed on demand and not at each change."""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["Distances"]


class Distances(dict[str, int]):
    """Lanes to every star that can be reached, by the text of its key.

    ``distances[text]`` is 0 for a star that cannot be reached. A caller that wants another answer for these, or all
    stars, calls :meth:`whole` first.
    """

    __slots__ = ("_work_out",)

    def __init__(self) -> None:
        super().__init__()
        self._work_out: Callable[[], dict[str, int]] | None = None

    def forget(self, work_out: Callable[[], dict[str, int]]) -> None:
        """What is known holds no more.

        Args:
            work_out: returns the distances as they are when it is called.
        """
        self._work_out = work_out
        self.clear()

    def whole(self) -> Distances:
        """Returns itself, with every star that can be reached."""
        work_out, self._work_out = self._work_out, None
        if work_out is not None:
            self.update(work_out())
        return self

    def __missing__(self, star: str) -> int:
        return self.whole().get(star, 0)
