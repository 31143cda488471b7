"""ToldMachines: the machines that know what is watched, and whether a machine that did not know may have missed
changes."""

from __future__ import annotations

from collections.abc import Mapping, Set

from ....universe.address.star_key import StarKey

__all__ = ["ToldMachines"]


class ToldMachines:
    """Records which machines have been notified of watches. A machine does not report states and log lines unless it
    knows of a watch. So changes may have been missed if a machine could not be notified for a while, was lost before it
    was notified, or has joined meanwhile."""

    def __init__(self) -> None:
        self._known: Set[StarKey] | None = None
        self._before: Set[StarKey] = frozenset()
        self._failed: set[StarKey] = set()

    def nothing(self) -> None:
        """Forgets the machines, because nothing is watched."""
        self._known = None
        self._failed.clear()

    def one(self, replies: Mapping[StarKey, bool]) -> bool:
        """Records that some watches were sent to all machines.

        Args:
            replies: each machine, and whether it has accepted them.

        Returns whether one of the machines was not there when all watches were last sent.
        """
        self._failed |= {star for star, ok in replies.items() if not ok}
        if self._known is None:
            self._known = self._before = frozenset(replies)
        return not replies.keys() <= self._before

    def everything(self, replies: Mapping[StarKey, bool]) -> bool:
        """Records that all watches were sent to all machines.

        Args:
            replies: like those of :meth:`one`.

        Returns whether changes may have been missed: a machine that did not answer before has answered now, or is gone.
        """
        took = {star for star, ok in replies.items() if ok}
        missed = bool(self._failed - (replies.keys() - took))
        self._failed = set(replies.keys() - took)
        # A move to a machine that has just joined is read from the feed a moment later, so that machine counts next
        # time.
        self._before, self._known = self._known or frozenset(took), frozenset(replies)
        return missed
