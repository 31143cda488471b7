"""Calls of guests through wasmtime's public API: each runs to its end in the thread that polls it.

At the deadline the epoch ends it with a trap.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import ceil
from typing import Any, Final

import wasmtime
from wasmtime import component

from hyperverse_core.errors import TimedOut

from .public_functions import DeadlinePassed
from .running import clock, current
from .waiting import GuestAnswer, signed

__all__ = ["PublicCall", "PublicComponentCall", "PublicPreparedCall", "exports_of", "prepare_store"]

_INTERRUPTED: Final = "wasm trap: interrupt"
_FAR: Final = 1 << 40


class PublicCall:
    """One call of a function, or the instantiation of a module. It has the interface of a call on a fiber.

    Args:
        store: the store in which it runs.
        run: makes the call, and returns its result.
    """

    def __init__(self, store: wasmtime.Store, run: Callable[[], Any] | None = None) -> None:
        self.store = store
        self._run = run
        self._result: Any = None
        self._error: Exception | None = None

    @classmethod
    def instantiate(cls, store: wasmtime.Store, linker: wasmtime.Linker, module: wasmtime.Module) -> PublicCall:
        """Starts to instantiate a module."""
        return cls(store, lambda: linker.instantiate(store, module))

    @classmethod
    def call_typed(
        cls, store: wasmtime.Store, func: wasmtime.Func, args: Sequence[int | float], types: Sequence[str], results: int
    ) -> PublicCall:
        """Starts to call a function with numbers of any type, and any number of results."""
        given = [
            float(value) if kind.startswith("f") else signed(int(value), int(kind[1:]))
            for value, kind in zip(args, types, strict=True)
        ]
        return cls(store, lambda: func(store, *given))

    def poll(self) -> bool:
        """Runs the guest to its end. Returns True."""
        guest = current.guest
        assert guest is not None and self._run is not None
        guest.fault = None
        assert guest.loop is not None
        left = guest.until - guest.loop.time()
        self.store.set_epoch_deadline(max(1, ceil(left / clock.tick) + 1))
        clock.hold()
        try:
            self._result = self._run()
        except wasmtime.ExitTrap as exc:
            self._error = exc
        except Exception as exc:
            self._error = self._told(exc, guest)
        finally:
            clock.let_go()
        return True

    def close(self) -> None:
        """Ends the call."""
        self._run = None

    def instance(self) -> wasmtime.Instance:
        """Returns the new instance. Raises WasmtimeError, Trap or TimedOut."""
        found: wasmtime.Instance = self._outcome()
        return found

    def typed(self, types: Sequence[str], *, unsigned: bool) -> list[int | float]:
        """Returns the results of a function, by their types. Raises WasmtimeError, Trap or TimedOut."""
        found = self._outcome()
        values = [] if found is None else found if isinstance(found, list) else [found]
        return [
            value & ((1 << int(kind[1:])) - 1) if unsigned and kind.startswith("i") else value
            for value, kind in zip(values, types, strict=True)
        ]

    def _outcome(self) -> Any:
        if self._error is not None:
            raise self._error
        return self._result

    def _told(self, error: Exception, guest: Any) -> Exception:
        """Returns the actual error, whatever exception was returned: see ``public_functions``."""
        if isinstance(guest.fault, DeadlinePassed) or _interrupted(error):
            return TimedOut(f"the guest did not finish within {guest.limits.seconds:g} s")
        if guest.fault is not None:
            return self._trap(str(guest.fault))
        known = isinstance(error, wasmtime.Trap | wasmtime.WasmtimeError)
        return error if known else self._trap("it failed at the same time as another guest, which hides the cause")

    def _trap(self, text: str) -> Exception:
        found: Exception = wasmtime.Trap(text)
        return found


class PublicPreparedCall(PublicCall):
    """Calls of one function of an instance, one at a time.

    Args:
        store: the store of the instance.
        func: an export that takes numbers of type i32.
        params: number of its parameters.
        results: the types of its results: at most one, of type i32 or i64.
    """

    def __init__(self, store: wasmtime.Store, func: wasmtime.Func, params: int, results: Sequence[str]) -> None:
        super().__init__(store)
        self._func = func
        self._mask = (1 << int(results[0][1:])) - 1 if results else 0

    def begin(self, *args: int) -> PublicPreparedCall:
        """Starts a call with numbers from 0 to 2**32 - 1. The previous call must have succeeded. Returns itself."""
        func, store, given = self._func, self.store, [signed(each, 32) for each in args]
        self._error = None
        self._run = lambda: func(store, *given)
        return self

    def result(self) -> int:
        """Returns the unsigned result of the function; 0 when it has none. Raises WasmtimeError, Trap or TimedOut."""
        found = self._outcome()
        return int(found) & self._mask if self._mask else 0


class PublicComponentCall(PublicCall):
    """One call of a component, or its instantiation."""

    @classmethod
    def open(cls, store: wasmtime.Store, linker: component.Linker, what: component.Component) -> PublicComponentCall:
        """Starts to instantiate a component."""
        return cls(store, lambda: linker.instantiate(store, what))

    @classmethod
    def call_function(
        cls, store: wasmtime.Store, func: component.Func, args: Sequence[str | bytes]
    ) -> PublicComponentCall:
        """Starts to call a function that has one result."""

        def run() -> Any:
            found = func(store, *args)
            func.post_return(store)
            return found

        return cls(store, run)

    def opened(self) -> component.Instance:
        """Returns the new instance. Raises WasmtimeError or TimedOut."""
        found: component.Instance = self._outcome()
        return found

    def answer(self) -> Any:
        """Returns the result of the function. Raises WasmtimeError or TimedOut."""
        found = self._outcome()
        if isinstance(found, component.Variant):
            return GuestAnswer(found.tag == "ok", found.payload or "")
        return GuestAnswer(isinstance(found, bytes), found)  # the cases have different types, and errors are strings

    def _trap(self, text: str) -> Exception:
        found: Exception = wasmtime.WasmtimeError(text)
        return found


def prepare_store(store: wasmtime.Store) -> None:
    """Prepares a store so that its guests can run; each call sets its own deadline."""
    store.set_epoch_deadline(_FAR)


def exports_of(store: wasmtime.Store, instance: wasmtime.Instance) -> Any:
    """The exports of an instance, by their names."""
    return instance.exports(store)


def _interrupted(error: Exception) -> bool:
    if isinstance(error, wasmtime.Trap):
        try:
            return error.trap_code is wasmtime.TrapCode.INTERRUPT
        except ValueError:
            return False
    return _INTERRUPTED in str(error)
