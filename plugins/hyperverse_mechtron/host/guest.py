"""One instance of a module or component, its store, and the calls of its functions.

The first time slice of a call, at most a millisecond, runs on the thread of the event loop; a longer call continues in
the thread pool. A call that waits, for a reply or for a timer, occupies no thread.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import Future
from time import monotonic
from typing import Any, Final

import wasmtime

from hyperverse_core.errors import HandlerFailed, OutcomeUnknown, TimedOut

from .engine import Engine
from .failures import told
from .limits import GuestLimits
from .preview_2_guest import Preview2
from .running import busy, clock, current, left_alone, pool, waiting
from .stacks import STACKS
from .waits import Suspended
from .way import ON_FIBERS, BegunCall, Fiber, GuestMemory, PreparedCall, exports_of, prepare_store

__all__ = ["Guest"]

_TURN: Final = 0.004
"""Seconds after which a guest in the thread pool yields its thread to the next one."""
_EARLY: Final = 0.0005
"""Seconds within which a guest that yields may go on: with the tick behind that, a first slice has at most 1.5 ms."""
_STUCK: Final = 0.2
"""Seconds after its deadline when a guest that does not yield is abandoned."""
_LEAVES: Final = 5.0
"""Seconds after a cancelled call when a guest that has not yielded counts as stuck."""


class Guest:
    """One instance.

    Args:
        engine: where it runs.
        limits: its limits.
        parts: the most modules that it may be made of: one, or those within a component.
        wasi: its grants of WASI; None for no grants.
        memory: the name of its memory.
        inline: whether the first slice of a call runs on the thread of the event loop.
        services: handles its imports of the platform; None for a guest without any.
        owner: all guests of an owner end when it does: see :func:`end_guests`.

    Attributes:
        pending: the object that it waits for, while it waits.
        dead: whether it has trapped, or was abandoned: it must not be called again.
        until: time of the event loop at which the present call ends.
        loop: the event loop, while it is called.
        fault: over the public API: what a function of ours has raised in the present call.
        memory: its exported memory, once it is instantiated.
        memory_name: the name of that export.
        waits_in: over the public API: what holds the thread of the guest.
        preview_2: what a component has of WASI; None for all others.
        stack: number of its stack; 0 for none, or one that wasmtime has made.
    """

    __slots__ = (
        *("_engine", "_exports", "_inline", "_stop", "dead", "fault", "limits", "loop", "memory", "memory_name"),
        *("owner", "pending", "preview_2", "services", "stack", "store", "until", "waits_in"),
    )

    def __init__(
        self,
        engine: Engine,
        limits: GuestLimits,
        *,
        parts: int = 1,
        wasi: wasmtime.WasiConfig | None = None,
        memory: str = "memory",
        inline: bool = True,
        services: Any = None,
        owner: object = None,
    ) -> None:
        self.limits = limits
        self.services = services
        self.owner = owner
        self.pending: Suspended | None = None
        self.dead = False
        self.until = 0.0
        self.loop: asyncio.AbstractEventLoop | None = None
        self.fault: BaseException | None = None
        self.waits_in: Future[None] | None = None
        self.preview_2: Preview2 | None = None
        self.stack = 0
        self._engine = engine
        self._inline = inline and ON_FIBERS
        self.memory_name = memory
        self._stop = False
        self.store = wasmtime.Store(engine.wasm)
        self.store.set_limits(
            memory_size=limits.memory, table_elements=limits.tables, instances=parts, tables=16 * parts, memories=parts
        )
        if wasi is not None:
            self.store.set_wasi(wasi)
        prepare_store(self.store)
        self._exports: Any = None
        self.memory: GuestMemory | None = None

    async def start(self, module: wasmtime.Module, until: float, *, linker: wasmtime.Linker | None = None) -> None:
        """Instantiates the module, which runs its start function.

        Args:
            module: compiled by its engine.
            until: time of the event loop.
            linker: what it may import; the engine's by default.

        Raises:
            TimedOut: it was not done by then.
            HandlerFailed: it trapped, or needs more than it may have.
        """
        self._refuel()
        fiber = Fiber.instantiate(self.store, linker or self._engine.linker, module)
        instance = await self.finish(fiber, fiber.instance, until)
        self._exports = exports_of(self.store, instance)
        found = self._exports.get(self.memory_name)
        self.memory = GuestMemory(self.store, found) if isinstance(found, wasmtime.Memory) else None

    def names(self) -> list[str]:
        """The names of its exports."""
        return list(self._exports)

    def export(self, name: str) -> Any:
        """The export of that name; None when there is none."""
        return self._exports.get(name)

    def find(self, name: str) -> wasmtime.Func | None:
        """The exported function of that name; None when there is none."""
        found = self._exports.get(name)
        return found if isinstance(found, wasmtime.Func) else None

    def prepared(self, name: str, params: int, results: Sequence[str]) -> PreparedCall | None:
        """What calls an exported function with numbers of type i32; None when there is none of that name.

        Args:
            name: of the export.
            params: how many.
            results: the types of its results: at most one.
        """
        func = self.find(name)
        return None if func is None else PreparedCall(self.store, func, params, results)

    async def call(self, func: PreparedCall, until: float, *args: int) -> int:
        """Calls a function.

        Args:
            func: what :meth:`prepared` has made.
            until: time of the event loop.
            args: its arguments, from 0 to 2**32 - 1.

        Returns:
            the result as a number without a sign; 0 when there is none.

        Raises:
            TimedOut: it was not done by then.
            HandlerFailed: it trapped.
            wasmtime.ExitTrap: it ended itself, as commands do.
        """
        result: int = await self.finish(func.begin(*args), func.result, until)
        return result

    def refill(self) -> None:
        """Gives it the fuel for another call."""
        self._refuel()

    def rest(self) -> None:
        """Gives back the memory of its stack, of which nothing is needed until its next call. No call may be under
        way."""
        if not self.dead:
            STACKS.empty(self.stack)

    def close(self) -> None:
        """Frees its resources. No call may be in progress."""
        if not self.dead:
            self.dead = True
            self.store.close()

    def stop(self) -> None:
        """Ends the present call when it yields next, or at once when it waits: the machine stops. May be called in any
        thread."""
        self._stop = True
        if self.loop is not None and not self.loop.is_closed():
            self.loop.call_soon_threadsafe(self._end_wait)

    def _end_wait(self) -> None:
        task = waiting.get(self)
        if task is not None:
            task.cancel()

    # -- one call -----------------------------------------------------------------------------------------

    async def finish(self, fiber: BegunCall, outcome: Any, until: float) -> Any:
        """Runs a call to its end.

        Args:
            fiber: the call, which has begun.
            outcome: gives its result, when it has ended.
            until: time of the event loop.

        Raises:
            TimedOut: it was not done by then.
            HandlerFailed: it trapped.
            wasmtime.ExitTrap: it ended itself.
        """
        self.until = until
        try:
            clock.wake()
            if not (self._inline and self._slice(fiber)):
                await self._drive(fiber, until)
            result = outcome()
        except wasmtime.ExitTrap:
            self._give_up(fiber)
            raise
        except (wasmtime.WasmtimeError, wasmtime.Trap) as exc:
            failure = HandlerFailed(told(exc, self.limits, self._used()))
            self._give_up(fiber)
            raise failure from None
        except BaseException:
            self._give_up(fiber)
            raise
        fiber.close()
        return result

    async def _drive(self, fiber: BegunCall, until: float) -> None:
        loop, inline, done = asyncio.get_running_loop(), self._inline, False
        self.loop = loop
        while not done:
            pending = self.pending
            if pending is not None:
                self.pending = None
                await self._wait_for(pending, until - loop.time())
                if loop.time() >= until:
                    raise self._late()
                clock.wake()
                done = self._slice(fiber) if inline else await self._in_pool(fiber, until)
            elif loop.time() >= until:
                raise self._late()
            elif self._stop:
                raise self._stopped()
            else:
                done = await self._in_pool(fiber, until)

    async def _wait_for(self, pending: Suspended, left: float) -> None:
        """Waits for at most about ``left`` seconds. Raises OutcomeUnknown when the machine stops meanwhile."""
        task = asyncio.current_task()
        if task is None:  # in a worker process a call begins without one; the process ends with its machine
            await pending.finish(left)
            return
        waiting[self] = task
        try:
            await pending.finish(left)
        except asyncio.CancelledError:
            if not self._stop:
                raise
            task.uncancel()
            raise self._stopped() from None
        finally:
            del waiting[self]

    @staticmethod
    def _stopped() -> OutcomeUnknown:
        return OutcomeUnknown("the machine stopped while the guest ran", hint="ask again")

    def _late(self) -> TimedOut:
        return TimedOut(f"the guest did not finish within {self.limits.seconds:g} s")

    def _slice(self, fiber: BegunCall) -> bool:
        """Runs one time slice on the thread of the event loop. A guest yields at once if the clock has ticked since it
        last ran, even hours ago. So a guest that yields early continues here, which saves a switch to a thread."""
        current.guest = self
        end = monotonic() + _EARLY
        try:
            while not fiber.poll():
                if self.pending is not None or monotonic() >= end:
                    return False
            return True
        finally:
            current.guest = None

    def _turn(self, fiber: BegunCall) -> bool:
        """Runs in a thread of the pool: slice after slice, until the guest ends, waits, or others need the thread."""
        end = monotonic() + _TURN
        current.guest = self
        clock.hold()  # a guest yields at its ticks alone
        try:
            while not self._stop:
                if fiber.poll():
                    return True
                if self.pending is not None or monotonic() >= end:
                    return False
            return False
        finally:
            clock.let_go()
            current.guest = None

    async def _in_pool(self, fiber: BegunCall, until: float) -> bool:
        loop = asyncio.get_running_loop()
        busy.add(self)
        turn: Future[bool] = pool().submit(self._turn, fiber)
        waiter = asyncio.wrap_future(turn)
        try:
            await asyncio.wait({waiter}, timeout=max(0.0, until - loop.time()) + _STUCK)
            if waiter.done():
                if waiter.cancelled():  # it was still waiting for a thread when all of them were ended
                    self._stop = True
                    return False
                return waiter.result()
        except BaseException:
            self._leave(turn, fiber, comes_back_within=_LEAVES)
            raise
        finally:
            busy.discard(self)
        self._leave(turn, fiber, comes_back_within=0.0)  # it is in a system function that does not return
        raise self._late()

    def _leave(self, turn: Future[bool], fiber: BegunCall, *, comes_back_within: float) -> None:
        """Leaves the guest to a thread of the pool, and frees the guest when that thread returns."""
        self._stop = self.dead = True
        turn.cancel()
        if self.waits_in is not None:
            self.waits_in.cancel()
        left_alone(turn, comes_back_within=comes_back_within)
        store = self.store

        def free(_: Future[bool]) -> None:
            fiber.close()
            store.close()

        turn.add_done_callback(free)

    def _give_up(self, fiber: BegunCall) -> None:
        """Abandons the instance: after a trap or an interrupted call, its state cannot be relied upon."""
        if not self.dead:
            fiber.close()
            self.close()

    def _used(self) -> int | None:
        return None if self.memory is None or self.dead else self.memory.size()

    def _refuel(self) -> None:
        if self.limits.fuel is not None:
            self.store.set_fuel(self.limits.fuel)
