"""Calls the functions of a library step by step, in an instance of its own."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Final

import wasmtime

from hyperverse_core.errors import HandlerFailed, TooLarge

from ..binary import PAGE, FuncType
from ..steps import LibraryStep, Values
from .engine import engine
from .frozen import FrozenMemory, Image
from .guest import Guest
from .limits import GuestLimits
from .stand_in_functions import StandIn, linker_with
from .way import Fiber, GuestMemory

__all__ = ["LibraryGuest"]


_FORMATS: Final[Mapping[str, str]] = {
    "u8": "<B",
    "i8": "<b",
    "u16": "<H",
    "i16": "<h",
    "u32": "<I",
    "i32": "<i",
    "u64": "<Q",
    "i64": "<q",
    "f32": "<f",
    "f64": "<d",
}
_MOST: Final = 4 * 1024 * 1024
_I32, _TEXT = ("i32",), 65536


class LibraryGuest:
    """One instance of a library.

    Args:
        module: the module, compiled by the engine that counts fuel if ``limits`` count it.
        limits: limits for all steps of one wave together.
        functions: the types of its exported functions.
        memory: name of its memory; empty when it exports none.
        malloc: name of the function that allocates memory.
        stand_ins: the stand-ins for its imports.
        wasi: whether it imports WASI, of which it gets only clocks and randomness.
        frozen: what is kept of its memory; None when nothing is kept.
        owner: all guests of an owner end when it does.
    """

    def __init__(
        self,
        module: wasmtime.Module,
        limits: GuestLimits,
        functions: Mapping[str, FuncType | None],
        *,
        memory: str,
        malloc: str,
        stand_ins: Sequence[StandIn],
        wasi: bool,
        frozen: FrozenMemory | None = None,
        owner: object = None,
    ) -> None:
        self._frozen = frozen
        fuel = limits.fuel is not None
        config = wasmtime.WasiConfig() if wasi else None
        self._guest = Guest(engine(fuel=fuel), limits, wasi=config, memory=memory, owner=owner)
        self._linker = linker_with(fuel, tuple(stand_ins), memory) if stand_ins else None
        self._module = module
        self._functions = functions
        self._malloc = malloc
        self._until = 0.0
        self._started = False

    async def run(self, steps: Sequence[LibraryStep]) -> list[Any]:
        """Carries out the steps. Returns the result of each.

        Raises:
            BadRequest: a step does not fit the module.
            TimedOut: the steps were not done in time.
            HandlerFailed: the module trapped.
            TooLarge: the results have more than 4 MiB.
        """
        self._until = asyncio.get_running_loop().time() + self._guest.limits.seconds
        if not self._started:
            await self._start()
        values, results, size = Values(), [], 0
        for step in steps:
            result = await self._do(step, values)
            values.keep(step.name, result)
            size += len(result) if isinstance(result, bytes | str) else 8
            if size > _MOST:
                raise TooLarge(f"the results have more than {_MOST} bytes", hint="fetch less with one wave")
            results.append(result)
        return results

    async def _start(self) -> None:
        guest = self._guest
        await guest.start(self._module, self._until, linker=self._linker)
        thawed = self._frozen is not None and self._frozen.begin(guest)
        initialize = guest.prepared("_initialize", 0, ())
        if not thawed and initialize is not None:
            await guest.call(initialize, self._until)
        self._started = True

    async def _do(self, step: LibraryStep, values: Values) -> Any:
        try:
            if step.what == "put":
                return await self._put(step, values)
            if step.what == "call":
                args = step.options.get("args", [])
                if not isinstance(args, list):
                    raise step.wrong("args is not a list")
                return await self._call(step, step.of, [values.number(step, each) for each in args])
        except HandlerFailed as exc:
            raise HandlerFailed(f"step {step.number} ({step.what}): {exc.message}", hint=exc.hint) from None
        except wasmtime.ExitTrap as ended:
            raise HandlerFailed(f"step {step.number}: the guest exited with code {ended.code}") from None
        if step.what == "write":
            self._write(step, values.whole(step, step.options["at"], "an address"), step.content())
            return None
        if step.what == "get":
            return self._get(step, values)
        return self._global(step, values)

    async def _put(self, step: LibraryStep, values: Values) -> int:
        content = step.content()
        if self._malloc not in self._functions:
            raise step.wrong(
                f"the module exports no function {self._malloc!r} to allocate memory",
                "name it in the document, Library { +malloc=NAME; }, or use write with an address",
            )
        at: int = await self._call(step, self._malloc, [len(content)])
        at &= 0xFFFFFFFF
        if not at:
            raise HandlerFailed(f"{self._malloc} did not allocate {len(content)} bytes")
        self._write(step, at, content)
        values.keep(f"{step.name}.size" if step.name else "", len(content))
        return at

    def _write(self, step: LibraryStep, at: int, content: bytes) -> None:
        memory = self._memory(step)
        missing = at + len(content) - memory.size()
        if missing > 0:
            try:
                memory.grow_by(-(-missing // PAGE))
            except wasmtime.WasmtimeError:
                raise step.wrong(f"{len(content)} bytes at {at} do not fit in the memory") from None
        memory.write(at, content)

    async def _call(self, step: LibraryStep, name: Any, args: Sequence[int | float]) -> Any:
        func = self._guest.find(name) if isinstance(name, str) else None
        if func is None:
            from hyperverse_core.errors import did_you_mean

            raise step.wrong(f"the module exports no function {name!r}{did_you_mean(str(name), self._functions)}")
        types = self._functions.get(name)
        if types is None or not {*types.params, *types.results} <= {"i32", "i64", "f32", "f64"}:
            raise step.wrong(f"{name} has arguments or results that are not numbers")
        if len(args) != len(types.params):
            raise step.wrong(f"{name} takes {len(types.params)} arguments, and {len(args)} were given: func {types}")
        for value, kind in zip(args, types.params, strict=True):
            _check(step, value, kind)
        fiber = Fiber.call_typed(self._guest.store, func, args, types.params, len(types.results))
        unsigned = step.options.get("unsigned") is True
        found = await self._guest.finish(fiber, partial(fiber.typed, types.results, unsigned=unsigned), self._until)
        return found[0] if len(found) == 1 else (found or None)

    def _get(self, step: LibraryStep, values: Values) -> Any:
        at, kind = values.whole(step, step.of, "an address"), step.options.get("type", "bytes")
        if kind in _FORMATS:
            (number,) = struct.unpack(_FORMATS[kind], self._read(step, at, struct.calcsize(_FORMATS[kind])))
            return number
        if kind not in ("bytes", "hex", "text"):
            raise step.wrong(f"{kind!r} is not a type", f"use one of bytes, hex, text, {', '.join(_FORMATS)}")
        if "size" in step.options:
            raw = self._read(step, at, min(_MOST + 1, values.whole(step, step.options["size"], "a size")))
        elif kind == "text":
            whole = self._memory(step).size()
            raw = self._read(step, at, max(0, min(_TEXT, whole - at))).partition(b"\0")[0]
        else:
            raise step.wrong("the key 'size' is missing")
        if kind != "text":
            return raw.hex() if kind == "hex" else raw
        try:
            return raw.decode("utf-8")
        except UnicodeDecodeError:
            raise step.wrong("what is there is not UTF-8", 'get it as "bytes" or "hex"') from None

    def _read(self, step: LibraryStep, at: int, size: int) -> bytes:
        found = self._memory(step).read(at, size)
        if found is None:
            raise step.wrong(f"{size} bytes at {at} reach beyond the memory")
        return found

    def _memory(self, step: LibraryStep) -> GuestMemory:
        if self._guest.memory is None:
            raise step.wrong("the module exports no memory")
        return self._guest.memory

    def _global(self, step: LibraryStep, values: Values) -> Any:
        found = self._guest.export(step.of) if isinstance(step.of, str) else None
        if not isinstance(found, wasmtime.Global):
            raise step.wrong(f"the module exports no global {step.of!r}")
        store = self._guest.store
        declared = found.type(store)
        if "set" in step.options:
            value = values.number(step, step.options["set"])
            if not declared.mutable:
                raise step.wrong(f"the global {step.of!r} is immutable")
            _check(step, value, str(declared.content))
            found.set_value(store, value)
            return None
        value = found.value(store)
        if not isinstance(value, int | float):
            raise step.wrong(f"the global {step.of!r} is not a number")
        if step.options.get("unsigned") is True and isinstance(value, int):
            return value & (0xFFFFFFFF if str(declared.content) == "i32" else (1 << 64) - 1)
        return value

    async def kept(self) -> Image:
        """Returns what is kept of its memory. Raises TooLarge."""
        assert self._frozen is not None, "its memory is kept"
        return self._frozen.taken(self._guest)

    @property
    def dead(self) -> bool:
        """Whether the instance must not be called again."""
        return self._guest.dead

    def rest(self) -> None:
        """Gives back the memory of its stack. It must not be handling a wave."""
        self._guest.rest()

    def close(self) -> None:
        """Frees the instance's resources."""
        self._guest.close()


def _check(step: LibraryStep, value: int | float, kind: str) -> None:
    if kind.startswith("f"):
        return
    bits = int(kind[1:])
    if not isinstance(value, int) or not -(1 << (bits - 1)) <= value < 1 << bits:
        raise step.wrong(f"{value!r} is not a {bits}-bit whole number")
