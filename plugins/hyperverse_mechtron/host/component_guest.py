"""Calls a component with the world ``cosmic:hyperverse/mechtron``."""

from __future__ import annotations

import asyncio

from wasmtime import component

from hyperverse_core.errors import HandlerFailed

from .engine import engine
from .guest import Guest
from .host_functions import Services
from .limits import GuestLimits
from .preview_2_guest import Preview2
from .waiting import GuestAnswer
from .way import ComponentFiber

__all__ = ["ComponentGuest"]


class ComponentGuest:
    """One instance, which handles one wave at a time.

    Args:
        compiled: by the engine that counts fuel when ``limits`` do.
        limits: what one call may use.
        takes_bytes: whether ``handle`` takes the body as ``list<u8>``, not as a string.
        wasi: its arguments and variables of WASI; None for neither.
        concurrent: whether it was compiled by the engine for functions of the asynchronous kind.
        owner: all guests of an owner end when it does.
    """

    def __init__(
        self,
        compiled: component.Component,
        limits: GuestLimits,
        *,
        takes_bytes: bool,
        wasi: Preview2 | None = None,
        concurrent: bool = False,
        owner: object = None,
    ) -> None:
        self._engine = engine(fuel=limits.fuel is not None, concurrent=concurrent)
        self._guest = Guest(self._engine, limits, parts=500, owner=owner)
        self._guest.preview_2 = self._wasi = wasi or Preview2()
        self._component = compiled
        self._takes_bytes = takes_bytes
        self._handle: component.Func | None = None

    @property
    def dead(self) -> bool:
        """Whether it must not be called again."""
        return self._guest.dead

    async def handle(self, services: Services, method: str, body: str | bytes) -> str | bytes:
        """Makes the guest handle a wave.

        Args:
            services: used by the guest's imports during the call.
            method: the method of the wave.
            body: its body. Bytes reach a guest that takes a string as one whose characters are the bytes.

        Returns:
            what the guest answers.

        Raises:
            TimedOut: it did not finish in time.
            HandlerFailed: it trapped, or answered with an error.
        """
        guest = self._guest
        until = asyncio.get_running_loop().time() + guest.limits.seconds
        guest.services = services
        try:
            guest.refill()
            func = self._handle or await self._opened(until)
            fiber = ComponentFiber.call_function(guest.store, func, (method, self._crossing(body)))
            answer = await guest.finish(fiber, fiber.answer, until)
        finally:
            guest.services = None
            self._wasi.end_lines(services.log)
        assert isinstance(answer, GuestAnswer), "its type was looked at before"
        if answer.ok:
            assert isinstance(answer.value, str | bytes), "its type was looked at before"
            return answer.value
        assert isinstance(answer.value, str), "its type was looked at before"
        raise HandlerFailed(answer.value or "the guest answered with an error without a text")

    async def _opened(self, until: float) -> component.Func:
        guest = self._guest
        fiber = ComponentFiber.open(guest.store, self._engine.components, self._component)
        instance: component.Instance = await guest.finish(fiber, fiber.opened, until)
        found = instance.get_func(guest.store, "handle")
        assert found is not None, "it was inspected before"
        self._handle = found
        return found

    def _crossing(self, body: str | bytes) -> str | bytes:
        if self._takes_bytes:
            return body.encode() if isinstance(body, str) else body
        return body.decode("latin-1") if isinstance(body, bytes) else body

    def rest(self) -> None:
        """Does nothing. Between the calls of a component of the asynchronous kind, wasmtime keeps the fiber of the last
        call suspended, and needs its stack to free the store."""

    def close(self) -> None:
        """Frees its resources. It must not be handling a wave."""
        self._guest.close()
