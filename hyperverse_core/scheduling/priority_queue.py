"""A queue of waiters: the most urgent first, and in the order of arrival within one priority."""

from __future__ import annotations

from collections import deque
from typing import TypeVar

from ..universe.waves.wave import Priority

__all__ = ["ORDINARY", "PriorityQueue"]

T = TypeVar("T")
ORDINARY = int(Priority.MED)
"""The priority of a wave whose sender has not chosen one."""
_RANKS = len(Priority)


class PriorityQueue(deque[T]):
    """A deque that is kept in order.

    While all items in it have ordinary priority, it is a plain deque at the same cost: ``ranks`` is None, and callers
    may append to it and pop from it directly. Otherwise they must use :meth:`put` and :meth:`take`.

    Attributes:
        ranks: number of waiting items of each priority; None while all are of ordinary priority.
    """

    __slots__ = ("ranks",)

    ranks: list[int] | None

    def __init__(self) -> None:
        super().__init__()
        self.ranks = None

    def put(self, item: T, priority: int) -> None:
        """Adds an item after the last one of its priority."""
        if priority == ORDINARY and self.ranks is None:
            self.append(item)
            return
        ranks = self._ranked()
        self.insert(sum(ranks[: priority + 1]), item)
        ranks[priority] += 1

    def put_back(self, item: T, priority: int) -> None:
        """Adds an item before the first one of its priority, because it already had its turn but could not use it."""
        ranks = self._ranked()
        self.insert(sum(ranks[:priority]), item)
        ranks[priority] += 1

    def take(self) -> T:
        """Removes and returns the first item. Raises IndexError if the queue is empty."""
        item = self.popleft()
        if self.ranks is not None:
            self._less(next(rank for rank, count in enumerate(self.ranks) if count))
        return item

    def leave(self, item: T, priority: int) -> None:
        """Removes an item that no longer waits, if it is there."""
        try:
            self.remove(item)
        except ValueError:
            return
        if self.ranks is not None:
            self._less(priority)

    def clear(self) -> None:
        super().clear()
        self.ranks = None

    def _ranked(self) -> list[int]:
        if self.ranks is None:
            self.ranks = [0] * _RANKS
            self.ranks[ORDINARY] = len(self)
        return self.ranks

    def _less(self, rank: int) -> None:
        if not self:
            self.ranks = None
        elif self.ranks is not None:
            self.ranks[rank] -= 1
