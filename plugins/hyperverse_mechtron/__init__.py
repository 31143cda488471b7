"""The plugin ``mechtron``: WebAssembly modules as particles, and the commands ``hyperverse wasm`` and ``hyperverse
upgrade``.

From the outside in: ``driver``, ``library`` and ``particle`` make the particles, ``commands`` has the command,
``inspection`` says what a module is and needs, ``binary`` reads its binary format, and ``host`` runs it. wasmtime,
which comes with the extra ``wasm``, is imported when it is used.
"""

from __future__ import annotations

from collections.abc import Callable

from hyperverse_core import Driver, Register, hookimpl

from .driver import MechtronDriver


@hookimpl
def hyperverse_register_drivers(register: Callable[[type[Driver]], None]) -> None:
    """Registers the driver of Mechtron."""
    register(MechtronDriver)


@hookimpl
def hyperverse_register_placements(register: Register) -> None:
    """Adds the placement ``near-code``."""
    register("near-code", "hyperverse_mechtron.near_code:NearCode")


@hookimpl
def hyperverse_register_commands(register: Register) -> None:
    """Adds the commands ``hyperverse wasm inspect``, ``hyperverse wasm run`` and ``hyperverse upgrade``."""
    register("wasm", "hyperverse_mechtron.commands:wasm")
    register("upgrade", "hyperverse_mechtron.upgrade_command:upgrade")
