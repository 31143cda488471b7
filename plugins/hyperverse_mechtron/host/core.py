"""Calls a core module with the Mechtron ABI: ``hv_abi``, ``hv_alloc`` and ``hv_handle``."""

from __future__ import annotations

import asyncio
from typing import Final

import wasmtime

from hyperverse_core.errors import HandlerFailed

from .engine import engine
from .frozen import FrozenMemory, Image
from .guest import Guest
from .host_functions import Services
from .limits import GuestLimits
from .own_state import OwnState

__all__ = ["CoreGuest"]

_ABI: Final = 1
_ERROR: Final = 0x8000_0000
_MASK: Final = 0xFFFF_FFFF
_I32, _I64 = ("i32",), ("i64",)


class CoreGuest:
    """One instance, which handles one wave at a time.

    Args:
        module: compiled by the engine that counts fuel when ``limits`` do.
        limits: what one call may use.
        wasi: whether the module imports WASI, of which it gets nothing but clocks and randomness.
        frozen: the part of its state that is kept as memory; None when no memory is kept.
        own: the state that it saves and loads itself; None when it saves none.
        owner: all guests of an owner end when it does.
    """

    __slots__ = (
        *("_alloc", "_free", "_frozen", "_guest", "_handle", "_module", "_own", "_ready", "_reset", "_until"),
        "__weakref__",
    )

    def __init__(
        self,
        module: wasmtime.Module,
        limits: GuestLimits,
        *,
        wasi: bool,
        frozen: FrozenMemory | None = None,
        own: OwnState | None = None,
        owner: object = None,
    ) -> None:
        self._frozen = frozen
        self._own = own
        self._until = 0.0
        config = wasmtime.WasiConfig() if wasi else None
        self._guest = Guest(engine(fuel=limits.fuel is not None), limits, wasi=config, owner=owner)
        self._module = module
        self._ready = False

    @property
    def dead(self) -> bool:
        """Whether it must not be called again."""
        return self._guest.dead

    async def handle(self, services: Services, method: str, body: bytes) -> bytes:
        """Makes the guest handle a wave.

        Args:
            services: used by the guest's imports during the call.
            method: the method of the wave.
            body: its body.

        Returns:
            what the guest answers.

        Raises:
            TimedOut: it did not finish in time.
            HandlerFailed: it trapped, answered with an error, or gave an address outside its memory.
        """
        guest = self._guest
        until = asyncio.get_running_loop().time() + guest.limits.seconds
        guest.services = services
        try:
            await self._begin(until)
            return await self._call(method.encode(), body, until)
        except wasmtime.ExitTrap as ended:
            raise _ended(ended) from None
        finally:
            guest.services = None

    async def save(self) -> bytes:
        """Returns the result of its export ``hv_save``, within the seconds of the last wave. No wave may be in
        progress.

        Raises:
            TimedOut: it did not finish in time.
            HandlerFailed: it trapped, or gave an address outside its memory.
        """
        until = self._until if self._ready else asyncio.get_running_loop().time() + self._guest.limits.seconds
        try:
            await self._begin(until)
            return await self._saved(until)
        except wasmtime.ExitTrap as ended:
            raise _ended(ended) from None

    async def load(self, state: bytes) -> None:
        """Gives a new instance, through its export ``hv_load``, the state that another one saved. Raises the errors of
        :meth:`save`."""
        until = asyncio.get_running_loop().time() + self._guest.limits.seconds
        try:
            await self._begin(until)
            await self._load(state, until)
        except wasmtime.ExitTrap as ended:
            raise _ended(ended) from None

    async def _begin(self, until: float) -> None:
        self._until = until
        if self._ready:
            self._guest.refill()
        else:
            await self._prepare(until)

    async def _saved(self, until: float) -> bytes:
        guest = self._guest
        give, memory = guest.prepared("hv_save", 0, _I64), guest.memory
        assert give is not None and memory is not None, "it was inspected before"
        packed = await guest.call(give, until)
        place, length = packed >> 32, packed & _MASK
        found = memory.read(place, length)
        if found is None:
            raise self._lied(f"hv_save gave {length} bytes at {place}, which are not all in its memory")
        return found

    async def _load(self, state: bytes, until: float) -> None:
        guest = self._guest
        take, alloc, memory = guest.prepared("hv_load", 2, ()), self._alloc, guest.memory
        assert take is not None and alloc is not None and memory is not None, "it was inspected before"
        at = await guest.call(alloc, until, len(state))
        if not memory.write(at, state):
            raise self._lied(f"hv_alloc gave {len(state)} bytes at {at}, which are not all in its memory")
        await guest.call(take, until, at, len(state))
        if self._free is not None:
            await guest.call(self._free, until, at, len(state))

    async def _prepare(self, until: float) -> None:
        guest = self._guest
        await guest.start(self._module, until)
        thawed = self._frozen is not None and self._frozen.begin(guest)
        for name in () if thawed else ("_initialize", "hv_init"):
            found = guest.prepared(name, 0, ())
            if found is not None:
                await guest.call(found, until)
        abi = guest.prepared("hv_abi", 0, _I32)
        assert abi is not None, "it was inspected before"
        version = await guest.call(abi, until)
        if version != _ABI:
            guest.close()
            raise HandlerFailed(f"the guest has version {version} of the ABI, and {_ABI} is supported")
        self._alloc, self._handle = guest.prepared("hv_alloc", 1, _I32), guest.prepared("hv_handle", 4, _I64)
        self._free, self._reset = guest.prepared("hv_free", 2, ()), guest.prepared("hv_reset", 0, ())
        if self._own is not None and self._own.saved is not None:
            await self._load(self._own.saved, until)
        self._ready = True

    async def _call(self, method: bytes, body: bytes, until: float) -> bytes:
        guest = self._guest
        memory = guest.memory
        assert memory is not None and self._alloc is not None and self._handle is not None
        if self._reset is not None:
            await guest.call(self._reset, until)
        size, first = len(method) + len(body), len(method)
        at = await guest.call(self._alloc, until, size)
        if not memory.write(at, method + body):
            raise self._lied(f"hv_alloc gave {size} bytes at {at}, which are not all in its memory")
        packed = await guest.call(self._handle, until, at, first, (at + first) & _MASK, len(body))
        place, length = packed >> 32, packed & (_ERROR - 1)
        answer = memory.read(place, length)
        if answer is None:
            raise self._lied(f"its answer has {length} bytes at {place}, which are not all in its memory")
        if self._free is not None:
            await guest.call(self._free, until, at, size)
        if packed & _ERROR:
            raise HandlerFailed(answer.decode("utf-8", "replace") or "the guest answered with an error without a text")
        return answer

    def _lied(self, how: str) -> HandlerFailed:
        self._guest.close()
        return HandlerFailed(f"the guest is wrong about its memory: {how}")

    async def kept(self) -> Image | bytes:
        """Returns the state to keep. No wave may be in progress. Raises TooLarge, and the errors of :meth:`save`."""
        if self._frozen is not None:
            return self._frozen.taken(self._guest)
        return await self.save()

    def rest(self) -> None:
        """Gives back the memory of its stack. It must not be handling a wave."""
        self._guest.rest()

    def close(self) -> None:
        """Frees its resources. It must not be handling a wave."""
        self._guest.close()


def _ended(by: wasmtime.ExitTrap) -> HandlerFailed:
    return HandlerFailed(f"the guest exited with code {by.code}")
