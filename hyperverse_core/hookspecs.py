"""Every extension point of the platform, on one page.

A plugin is a module that an entry point of group ``hyperverse`` names. It implements any of these functions,
marked with ``hookimpl``. The machine calls each of them once at start-up, plugin by plugin in the order of their
names; none is called for a wave. None may be a coroutine but the two at the end.

When one raises, that plugin is reported as *failed* with its name, distribution and reason; nothing that it
registered counts, and the others go on. A config that requires the plugin (``[plugins] require``) makes that an
error. Two plugins that claim one name or one Kind are *blocked*, both of them, and the report names both.

``register("sql", "hyperverse_sql.registry:SqlRegistry", extra="sql")`` names a factory by its import path. The
module is imported when the config asks for that name, so that listing plugins stays fast, and a plugin whose
dependency is missing is *unavailable* and says which extra to install.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

import pluggy

from .contracts.driver import Driver
from .contracts.observer import Observer

if TYPE_CHECKING:
    from .fabric.machine import Machine

__all__ = ["PROJECT", "Register", "hookimpl", "hookspec"]

PROJECT = "hyperverse"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)
"""Marks a function of a plugin as the implementation of the hook that has the same name."""


class Register(Protocol):
    """What the hooks that name factories are given."""

    def __call__(self, name: str, factory: str | Callable[..., Any], *, extra: str = "") -> None:
        """Registers ``factory`` (a callable, or ``"module:attribute"``) as ``name``. ``extra`` is the optional
        dependency that brings what the module imports."""


@hookspec
def hyperverse_register_registries(register: Register) -> None:
    """Registries: ``factory(settings) -> Registry``. The config chooses one: ``[registry] driver = "sql"``."""


@hookspec
def hyperverse_register_transports(register: Register) -> None:
    """Lane transports: ``factory(settings) -> LaneTransport``. The config chooses: ``[lanes] driver``."""


@hookspec
def hyperverse_register_policies(register: Register) -> None:
    """Security policies: ``factory(settings) -> SecurityPolicy``. The config chooses: ``[security] driver``."""


@hookspec
def hyperverse_register_placements(register: Register) -> None:
    """Placement strategies: ``factory(chance, settings) -> Placement``. Chosen for each Kind."""


@hookspec
def hyperverse_register_drivers(register: Callable[[type[Driver]], None]) -> None:
    """Drivers: ``register(CounterDriver)``. Each Kind has exactly one; the same class from several plugins counts
    once."""


@hookspec
def hyperverse_register_star_kinds(register: Callable[..., None]) -> None:
    """Star kinds: ``register("Telescope", forwards=False, hosts=True)``: whether stars of that kind pass on waves
    for others, and whether they take particles."""


@hookspec
def hyperverse_register_commands(register: Register) -> None:
    """Commands of the ``hyperverse`` program: ``factory`` is a ``click.Command``; ``name`` is what the user types."""


@hookspec
def hyperverse_register_observers(register: Callable[[Observer], None]) -> None:
    """Observers: ``register(MyObserver())``. See :class:`hyperverse_core.Observer`."""


@hookspec
async def hyperverse_machine_started(machine: Machine) -> None:
    """The machine is ready. May be a coroutine; what it raises is logged with the plugin's name."""


@hookspec
async def hyperverse_machine_stopping(machine: Machine) -> None:
    """The machine is about to stop and still serves. May be a coroutine, and has the machine's stop deadline."""
