"""Deletions: ends particles that were deleted while they were active."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from ...errors import Unavailable
from ...scheduling.cancellation import ends_task
from ...scheduling.guarded_log import guarded_log
from ...scheduling.worker_pool import WorkerPool
from .deactivation import has_to_stop, say_goodbye
from .own_context import in_own_context
from .resident import Resident

__all__ = ["Deletions"]

_log = guarded_log("hyperverse.particle")
_GRACE = 5.0
"""Seconds that ``on_stop`` may take."""


class Deletions:
    """Calls ``on_stop`` of particles that lived here and were deleted, then their drivers' ``on_delete``.

    Args:
        pool: runs work that nobody waits for.
    """

    def __init__(self, pool: WorkerPool) -> None:
        self._pool = pool

    async def end(self, deleted: Sequence[Resident]) -> None:
        """Returns when all particles without a wave in progress are done. A busy particle follows when its handler has
        ended, because that handler may be the one that waits here after deleting its own particle."""
        self.end_soon([active for active in deleted if not active.quiet])
        await self._end([active for active in deleted if active.quiet])

    def end_soon(self, deleted: Sequence[Resident]) -> None:
        """Like :meth:`end`, without waiting. A busy particle does not delay the others."""
        quiet = [active for active in deleted if active.quiet]
        busy = [[active] for active in deleted if not active.quiet]
        for group in (quiet, *busy):
            if group:
                self._plan(group)

    def _plan(self, group: list[Resident]) -> None:
        try:
            self._pool.put_accepted(self._end, group)
        except Unavailable:
            _log.warning("this machine is stopping: %s was deleted, but its driver is not notified", group[0].text)

    async def _end(self, deleted: Sequence[Resident]) -> None:
        parting = [active for active in deleted if has_to_stop(active)]
        if parting:
            await asyncio.gather(*(say_goodbye(active, _GRACE) for active in parting))
        for active in deleted:
            try:
                await in_own_context(active.served.driver.on_delete(active.point))
            except BaseException as exc:
                if ends_task(exc):
                    raise
                kind = active.record.kind.base
                _log.exception("driver of %s: `on_delete` failed", kind, extra={"point": active.text})
