"""wasmtime's engine, with everything that guests may import."""

from __future__ import annotations

import threading
from typing import Final

import wasmtime
from wasmtime import component

from .host_functions import define_host
from .interface import define_interface
from .running import clock
from .wasi_functions import define_wasi

__all__ = ["Engine", "engine"]


class Engine:
    """wasmtime's engine of one configuration, and linkers with everything that guests may import.

    Attributes:
        wasm: the engine.
        linker: the functions that modules may import.
        components: those that components may import.
        config: a text that names the configuration, for what is compiled with it.
    """

    def __init__(self, *, fuel: bool) -> None:
        config = wasmtime.Config()
        config.epoch_interruption = True
        config.consume_fuel = fuel
        self.wasm = wasmtime.Engine(config)
        self.config = f"epoch{'-fuel' if fuel else ''}"
        self.linker = wasmtime.Linker(self.wasm)
        self.linker.allow_shadowing = True
        define_wasi(self.linker)
        define_host(self.linker)
        self.components = component.Linker(self.wasm)
        define_interface(self.components)
        clock.engines.append(self.wasm)


_engines: Final[dict[bool, Engine]] = {}
_making: Final = threading.Lock()
"""Modules are loaded in threads, several at once, and run only on the engine that they were loaded with."""


def engine(*, fuel: bool = False) -> Engine:
    """The engine of this process that counts fuel, or the one that does not. Raises NoDriver when this wasmtime cannot
    be used."""
    with _making:
        if fuel not in _engines:
            _engines[fuel] = Engine(fuel=fuel)
        return _engines[fuel]
