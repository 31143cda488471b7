"""ToldMachines: which machines know what is watched, and whether one that did not know it may have missed something."""

from __future__ import annotations

from collections.abc import Mapping, Set

from ....universe.address.star_key import StarKey

__all__ = ["ToldMachines"]


class ToldMachines:
    """A machine keeps states and lines of logs to itself unless it knows that somebody watches. So something may have
    been missed when one could not be told for a while, was lost before it could be, or has come meanwhile."""

    def __init__(self) -> None:
        self._known: Set[StarKey] | None = None
        self._before: Set[StarKey] = frozenset()
        self._failed: set[StarKey] = set()

    def nothing(self) -> None:
        """Nothing is watched: there is nothing to know."""
        self._known = None
        self._failed.clear()

    def one(self, replies: Mapping[StarKey, bool]) -> bool:
        """Some watches were told to all machines.

        Args:
            replies: each machine, and whether it has taken that.

        Returns whether one of the machines was not there when they were last told everything.
        """
        self._failed |= {star for star, ok in replies.items() if not ok}
        if self._known is None:
            self._known = self._before = frozenset(replies)
        return not replies.keys() <= self._before

    def everything(self, replies: Mapping[StarKey, bool]) -> bool:
        """All that is watched was told to all machines.

        Args:
            replies: as for :meth:`one`.

        Returns whether something may have been missed: a machine that did not answer knows it now, or is gone.
        """
        took = {star for star, ok in replies.items() if ok}
        missed = bool(self._failed - (replies.keys() - took))
        self._failed = set(replies.keys() - took)
        # What was moved to one that has just come is read from the feed a moment later: it counts the next time.
        self._before, self._known = self._known or frozenset(took), frozenset(replies)
        return missed
