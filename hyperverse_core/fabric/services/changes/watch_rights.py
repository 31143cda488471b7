"""Whether those who watch may still do so: rights that are taken away end watches too."""

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
    """In whose name each watch was begun, and whether that agent may read what it watches.

    Args:
        check: asks the policy, and logs a refusal; raises it.
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
        """An agent watches from now on."""
        self._asked[watch] = agent, scope

    def agent(self, watch: Watch) -> Point | None:
        """In whose name a watch was begun; None for the platform's own."""
        asked = self._asked.get(watch)
        return None if asked is None else asked[0]

    def ended(self, watches: Iterable[Watch]) -> None:
        """These are watched no more."""
        for watch in watches:
            self._asked.pop(watch, None)

    async def told(self, watch: Watch) -> bool | None:
        """Whether news of a watch may be told. None when that is not known now: nothing is told, and the watch
        stays."""
        asked = self._asked.get(watch)
        if asked is None:
            return True
        agent, scope = asked
        try:
            record = (await self._records((watch[0],))).get(watch[0])
            if record is not None:  # else it was deleted, which those are told who might watch it until then
                await self._check(Request(agent, "watch", _READ, record, scope))
        except (Forbidden, NotFound, Unauthorized):
            return False
        except HyperverseError as exc:
            _log.warning("%s is not told of %s: %s", watch[2], watch[0], exc)
            return None
        return True
