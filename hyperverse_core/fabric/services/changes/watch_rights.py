"""Checks whether watchers may still watch: a watch ends when its agent loses the right to read."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping

from ....contracts.policy import Need, Request
from ....contracts.registry import ParticleRecord
from ....errors import Forbidden, HyperverseError, NotFound, Unauthorized
from ....scheduling.guarded_log import guarded_log
from ....universe.access.scope import Scope
from ....universe.address.point import Point
from ...delivery.watch_table import Watch

__all__ = ["WatchRights"]

_log = guarded_log("hyperverse.watch")
_READ = Need("r")


class WatchRights:
    """The agent of each watch, and whether that agent may read the watched particle.

    Args:
        check: asks the policy; logs and raises a refusal.
        records: reads records.
    """

    def __init__(
        self,
        check: Callable[[Request], Awaitable[None]],
        records: Callable[[tuple[Point, ...]], Awaitable[Mapping[Point, ParticleRecord]]],
    ) -> None:
        self._check = check
        self._records = records
        self._asked: dict[Watch, tuple[Point, Scope | None]] = {}

    def begun(self, watch: Watch, agent: Point, scope: Scope | None) -> None:
        """Notes the agent of a new watch."""
        self._asked[watch] = agent, scope

    def agent(self, watch: Watch) -> Point | None:
        """Returns the agent of a watch; None for the platform's own."""
        asked = self._asked.get(watch)
        return None if asked is None else asked[0]

    def ended(self, watches: Iterable[Watch]) -> None:
        """Forgets watches that have ended."""
        for watch in watches:
            self._asked.pop(watch, None)

    async def told(self, watch: Watch) -> bool | None:
        """Whether the watcher may be notified of a change. None if that cannot be determined now: the watcher is not
        notified, and the watch stays."""
        asked = self._asked.get(watch)
        if asked is None:
            return True
        agent, scope = asked
        try:
            record = (await self._records((watch[0],))).get(watch[0])
            if record is not None:  # otherwise it was deleted, and watchers that were allowed to watch it are notified
                await self._check(Request(agent, "watch", _READ, record, scope))
        except (Forbidden, NotFound, Unauthorized):
            return False
        except HyperverseError as exc:
            _log.warning("%s is not notified of %s: %s", watch[2], watch[0], exc)
            return None
        return True
