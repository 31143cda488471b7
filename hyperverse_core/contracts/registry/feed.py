"""The change feed."""

from __future__ import annotations

import abc

from .records import Changes

__all__ = ["FeedRegistry"]


class FeedRegistry(abc.ABC):
    """The part of a :class:`Registry` that reports changes. :class:`Registry` says what holds for every method."""

    @abc.abstractmethod
    async def revision(self) -> int:
        """Returns the newest revision, 0 when nothing was ever written. A revision is a position in the feed, to be
        passed to :meth:`changes`. It only grows, and has no other meaning."""

    @abc.abstractmethod
    async def changes(self, since: int, *, timeout: float) -> Changes:
        """Returns what this or any other process has committed after the revision ``since``, at most a few thousand
        entries. All readers see the same entries in the same order, in which the entries of one particle are in the
        order of their commits; none is left out or repeated. If some can no longer be read, the result says so and has
        none.

        Args:
            timeout: seconds to wait for the first entry. When there is none by then, the result has no entries.
        """

    committed: int = 0
    """The newest revision that this process has committed or is about to commit, set before :meth:`changes` can return
    it. A registry that polls for commits of other processes sets it: machines tell one another of it (see
    :meth:`notice`), so that it need not poll often. A registry that is notified by its database leaves it 0."""

    def notice(self, revision: int) -> None:
        """Takes notice that another machine has committed ``revision``: callers that wait for it in :meth:`changes` get
        it at once. Without a notice, a registry finds the revision a little later. The default does nothing."""
