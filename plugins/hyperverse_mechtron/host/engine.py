"""wasmtime's engine, with everything that guests can import."""

from __future__ import annotations

import threading
from typing import Final

import wasmtime
from wasmtime import component

from . import raw
from .host_functions import define_host
from .interface import define_interface
from .preview_2_functions import define_preview_2
from .running import clock
from .stacks import use_stacks
from .wasi_functions import define_wasi

__all__ = ["Engine", "engine", "set_concurrent"]


class Engine:
    """wasmtime's engine of one configuration, and linkers with everything that guests may import.

    Args:
        fuel: whether it counts fuel.
        concurrent: whether its components may have functions of the asynchronous kind, as those of preview 3 have.
            wasmtime 50 takes no more than one borrowed resource in a call where they may, so that nobody could poll
            two pollables; without it calls are faster, too.

    Attributes:
        wasm: the engine.
        linker: the functions that modules may import.
        components: those that components may import.
    """

    def __init__(self, *, fuel: bool, concurrent: bool) -> None:
        config = wasmtime.Config()
        config.epoch_interruption = True
        config.consume_fuel = fuel
        set_concurrent(config, concurrent)
        use_stacks(config)
        self.wasm = wasmtime.Engine(config)
        self.linker = wasmtime.Linker(self.wasm)
        self.linker.allow_shadowing = True
        define_wasi(self.linker)
        define_host(self.linker)
        self.components = component.Linker(self.wasm)
        define_interface(self.components)
        define_preview_2(self.components)
        clock.engines.append(self.wasm)


_engines: Final[dict[tuple[bool, bool], Engine]] = {}
_making: Final = threading.Lock()
"""Modules are loaded in threads, several at once, and run only on the engine that they were loaded with."""


def engine(*, fuel: bool = False, concurrent: bool = False) -> Engine:
    """Returns this process's engine for that configuration: see :class:`Engine`. Raises NoDriver when this wasmtime
    cannot be used."""
    with _making:
        which = (fuel, concurrent)
        if which not in _engines:
            _engines[which] = Engine(fuel=fuel, concurrent=concurrent)
        return _engines[which]


def set_concurrent(config: wasmtime.Config, concurrent: bool) -> None:
    """Says whether components may have functions of the asynchronous kind."""
    if raw.set_concurrency is not None:
        raw.set_concurrency(config.ptr(), concurrent)
