"""Lists the content of a machine's memory as plain values, to find out why it is slow or does not answer."""

from __future__ import annotations

import asyncio
import heapq
from collections import Counter
from collections.abc import Iterator, Sized
from itertools import islice
from typing import Any

import attrs

from ....errors import BadRequest
from ....scheduling.worker_pool import WorkerPool
from ...caches.records import Records
from ...caches.selections import Selections
from ...delivery.gate import Gate
from ...delivery.watch_table import WatchTable
from ...particles.active import Active
from ...particles.homes import Homes
from ...particles.places import Places
from ...transit.pending import PendingAnswers
from ...transit.switchboard import Switchboard

__all__ = ["StateDump"]

_SLICE = 2_000
"""Number of activations that are inspected before other tasks get the event loop: about 2 ms."""
_MOST = 10_000


@attrs.frozen(eq=False)
class _Look:
    """One activation at the time of inspection. The busiest activation compares as the greatest."""

    active: Active
    waiting: int
    running: int
    tasks: int
    idle: float

    def __lt__(self, other: _Look) -> bool:
        return self._busy() < other._busy()

    def _busy(self) -> tuple[int, int, int, float]:
        return self.waiting, self.running, self.tasks, -self.idle

    def row(self) -> dict[str, Any]:
        active = self.active
        return {
            "point": active.text,
            "kind": str(active.record.kind),
            "state": active.state.value,
            "star": active.star.text,
            "waiting": self.waiting,
            "running": self.running,
            "idle": self.idle,
            "tasks": self.tasks,
        }


class StateDump:
    """Collects the content of the parts of a machine.

    Args:
        machine: the name of the machine.
        homes, places, pool, pending, board, watches, records, selections, gate: parts of the machine.
        replies: the answers that are kept for repeated waves.
    """

    def __init__(
        self,
        machine: str,
        *,
        homes: Homes,
        places: Places,
        pool: WorkerPool,
        pending: PendingAnswers,
        board: Switchboard,
        watches: WatchTable,
        records: Records,
        selections: Selections,
        gate: Gate,
        replies: Sized,
    ) -> None:
        self._machine = machine
        self._homes = homes
        self._pool = pool
        self._pending = pending
        self._board = board
        self._watches = watches
        self._caches: dict[str, Sized] = {
            "places": places.known,
            "policy answers": gate.answers,
            "records": records,
            "replies": replies,
            "selections": selections,
        }

    async def collect(self, limit: int = 1000) -> dict[str, Any]:
        """Returns the activations (the busiest first), the requests that wait for other machines, the lanes, the
        watches, the jobs that wait for a worker, and the sizes of the caches.

        Args:
            limit: how many activations and watches to list, from 0 to 10,000; the rest are counted.

        Raises BadRequest for a limit outside that range.
        """
        if not 0 <= limit <= _MOST:
            raise BadRequest(f"a dump cannot list {limit} rows", hint=f"the limit is from 0 to {_MOST}")
        states: Counter[str] = Counter()
        busiest = await self._busiest(limit, states)
        watched = list(islice(self._watches, limit))
        total = sum(states.values())
        return {
            "machine": self._machine,
            "activations": [look.row() for look in busiest],
            "activations_total": total,
            "activations_left_out": total - len(busiest),
            "states": dict(states),
            "workers_waiting": self._pool.waiting,
            "pending": [
                {"machine": machine, "count": count, "oldest": oldest}
                for machine, (count, oldest) in sorted(self._pending.waits().items())
            ],
            "lanes": self._lanes(),
            "watches": [
                {"point": point.text, "aspect": aspect, "watcher": watcher.text} for point, aspect, watcher in watched
            ],
            "watches_left_out": sum(1 for _ in self._watches) - len(watched),
            "caches": {name: len(cache) for name, cache in self._caches.items()},
        }

    async def _busiest(self, limit: int, states: Counter[str]) -> list[_Look]:
        """Inspects all activations, slice by slice, and counts their states. Returns the busiest."""
        best: list[_Look] = []
        for number, look in enumerate(self._looks(), 1):
            states[look.active.state.value] += 1
            if len(best) < limit:
                heapq.heappush(best, look)
            elif best and best[0] < look:
                heapq.heapreplace(best, look)
            if number % _SLICE == 0:
                await asyncio.sleep(0)
        return sorted(best, reverse=True)

    def _looks(self) -> Iterator[_Look]:
        for hosting in self._homes.values():
            now = hosting.star.loop.time()
            for active in list(hosting.active.values()):
                quiet = active.idle and not active.touched
                yield _Look(
                    active,
                    len(active.mailbox),
                    active.mailbox.busy + active.running,
                    len(active.background or ()),
                    now - active.quiet_since if quiet else 0.0,
                )

    def _lanes(self) -> list[dict[str, Any]]:
        queues = self._board.peers.queues()
        rows = []
        for machine, cause in self._board.peers.causes().items():
            frames, size = queues.get(machine, (0, 0))
            state = "down" if cause else "up"
            rows.append({"machine": machine, "state": state, "cause": cause, "waiting": frames, "bytes": size})
        return rows
