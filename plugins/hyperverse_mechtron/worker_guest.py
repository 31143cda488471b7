"""An instance in a worker process, as the machine sees it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .short_waits import ShortWaits
from .worker_messages import Close, GuestCall, Recipe
from .workers import Worker, WorkerRefused, Workers

if TYPE_CHECKING:
    from .wave_services import WaveServices

__all__ = ["WorkerGuest"]


class WorkerGuest:
    """One instance in a worker process. It has the interface of guests in this process.

    Args:
        workers: the workers of the machine.
        recipe: how to make the instance.
        keeper: keeps data of the instance; None when nothing is kept.
        with_state: whether the guest can read the keys of its state.
    """

    def __init__(self, workers: Workers, recipe: Recipe, keeper: Any, *, with_state: bool) -> None:
        self._workers = workers
        self._recipe: Recipe | None = recipe
        self._seconds = recipe.limits[0]
        self._keeps, self._starts = recipe.keeps, recipe.starts
        self._keeper = keeper
        self._with_state = with_state
        self._worker: Worker | None = None
        self._number = 0
        self._ended = False
        self._kept: Mapping[str, Any] | None = None
        self._waits = ShortWaits(workers.callers)

    @property
    def dead(self) -> bool:
        """Whether the instance must not be called again."""
        return self._ended or (self._worker is not None and self._worker.gone)

    async def handle(self, services: WaveServices, method: str, body: str | bytes) -> Any:
        """Passes a wave to it. Raises the errors of guests in this process, and OutcomeUnknown when its worker has
        died."""
        return await self._call(method, body, services)

    async def run(self, body: Any) -> list[Any]:
        """Carries out the steps of a library, the body of a wave. Raises likewise."""
        found: list[Any] = await self._call("", body, None)
        return found

    async def _call(self, method: str, body: Any, services: WaveServices | None) -> Any:
        worker = self._worker
        if worker is None:
            worker = self._worker = await self._workers.free()
            self._number = worker.next_number()
            worker.guests += 1
        facts = None if services is None else services.facts(with_state=self._with_state)
        message = GuestCall(worker.next_number(), self._number, self._recipe, method, body, facts)
        self._recipe = None
        try:
            done = await worker.call(message, self._seconds, services, self._waits)
        except WorkerRefused as exc:
            if services is not None:
                services.lines.extend(exc.told.lines)
            if exc.told.dead:
                self._end(tell=False)
            raise exc.as_error() from None
        except BaseException:  # the worker itself ends a guest whose call is cancelled
            self._end(tell=False)
            raise
        if services is not None:
            services.lines.extend(done.lines)
            services.changed.update(done.changed)
        self._kept = done.kept
        self._waits.answered(done.nanoseconds)
        return done.result

    async def kept(self) -> Any:
        """Returns what is kept of it after its last call."""
        from .kept import keeper

        if self._kept is None:
            return self._keeper.saved
        found = keeper(self._keeps, self._starts, self._kept)
        assert found is not None, "something of it is kept"
        return found.saved

    def _end(self, *, tell: bool) -> None:
        if self._ended:
            return
        self._ended = True
        if self._worker is not None:
            if tell:
                self._worker.send(Close(self._number))
            self._worker.guests -= 1
            self._workers.rest(self._worker)

    def rest(self) -> None:
        """Does nothing: its stack is in the worker process, which ends when it is idle."""

    def close(self) -> None:
        """Frees the instance. It must not be handling a wave."""
        self._end(tell=True)
