"""Removes old entries of the change feed from the database, a few thousand at a time."""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from hyperverse_core.errors import HyperverseError

from .calls import Calls

__all__ = ["Pruning"]

_log = logging.getLogger(__name__)
_EVERY: Final = 2000
"""Number of new entries after which the feed is pruned; also the most entries that one call removes."""


class Pruning:
    """Prunes the feed in the background.

    Args:
        calls: single calls to the database.
        kept: how many entries the feed keeps.
    """

    def __init__(self, calls: Calls, kept: int) -> None:
        self._calls = calls
        self._kept = kept
        self._unpruned = 0
        self._task: asyncio.Task[None] | None = None

    def committed(self, logged: int) -> None:
        """Counts new entries, and prunes when there are many."""
        self._unpruned += logged
        if self._unpruned >= min(_EVERY, self._kept) and self._task is None:
            self._unpruned = 0
            self._task = asyncio.create_task(self._prune(), name="registry pruning")

    async def _prune(self) -> None:
        try:
            more = True
            while more:
                more = await self._calls.ask("fetchval", "select hv.prune($1, $2)", self._kept, _EVERY)
        except HyperverseError as error:
            _log.warning("the change feed could not be pruned: %s", error)
        finally:
            self._task = None

    async def close(self) -> None:
        """Ends a pruning in progress. May be called twice."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
