"""Every extension point of the platform, on one page.

A plugin is a module that an entry point of the group ``hyperverse`` names. It implements any of these functions, each
marked with ``hookimpl``. A machine calls each hook once at start-up, plugin by plugin in the order of their names, and
never for a wave. Only the two hooks at the end may be coroutines.

A plugin whose hook raises is *failed*: nothing that it registered counts, the other plugins load, and a report gives
its name, distribution and reason. A machine whose configuration requires the plugin (``[plugins] require``) does not
start. Two plugins that claim the same name or Kind are both *blocked*, and the report names both.

``register("sql", "hyperverse_sql.registry:SqlRegistry", extra="sql")`` names a factory by its import path. The module
is imported when the configuration asks for that name, so listing plugins stays fast. A plugin whose dependency is not
installed is *unavailable*, and its reason says which extra to install.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import pluggy

from .contracts.driver import Driver
from .contracts.host import RunningMachine
from .contracts.observer import Observer

__all__ = ["PROJECT", "Register", "hookimpl", "hookspec"]

PROJECT = "hyperverse"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)
"""Marks a function of a plugin as the implementation of the hook that has the same name."""


class Register(Protocol):
    """The argument of a hook that registers factories."""

    def __call__(self, name: str, factory: str | Callable[..., Any], *, extra: str = "") -> None:
        """Registers a factory.

        Args:
            name: name by which the configuration or the user asks for it.
            factory: a callable, or its import path: ``"package.module:attribute"``.
            extra: optional dependency of the plugin's distribution that the factory needs; empty for none.

        Raises:
            BadRequest: the name or the factory is not valid.
            Conflict: the plugin registers the name twice.
        """


@hookspec
def hyperverse_register_registries(register: Register) -> None:
    """Registries: ``factory(settings) -> Registry``. The configuration chooses one: ``[registry] driver``."""


@hookspec
def hyperverse_register_transports(register: Register) -> None:
    """Lane transports: ``factory(settings) -> LaneTransport``. The configuration chooses one: ``[lanes] driver``."""


@hookspec
def hyperverse_register_policies(register: Register) -> None:
    """Policies: ``factory(settings) -> SecurityPolicy``. The configuration chooses one: ``[security] driver``."""


@hookspec
def hyperverse_register_placements(register: Register) -> None:
    """Placement strategies: ``factory(chance, settings) -> Placement``. Chosen for each Kind."""


@hookspec
def hyperverse_register_drivers(register: Callable[[type[Driver]], None]) -> None:
    """Drivers: ``register(CounterDriver)``. Each Kind has exactly one driver. Several plugins may register the same
    class."""


@hookspec
def hyperverse_register_star_kinds(register: Callable[..., None]) -> None:
    """Star kinds: ``register("Telescope", forwards=False, hosts=True)``. ``forwards``: whether its stars forward waves
    for other stars; ``hosts``: whether they host particles."""


@hookspec
def hyperverse_register_gateways(register: Register) -> None:
    """Gateways: ``factory(settings) -> Gateway``. A machine opens each gateway for which the configuration has a table:
    ``[gateways.portal]``."""


@hookspec
def hyperverse_register_blobs(register: Register) -> None:
    """Blob stores: ``factory(settings) -> Blobs``. The configuration chooses one: ``[blobs] driver``."""


@hookspec
def hyperverse_register_commands(register: Register) -> None:
    """Commands of the ``hyperverse`` program: a factory is a ``click.Command``. See :mod:`hyperverse_core.commands`."""


@hookspec
def hyperverse_register_observers(register: Callable[[Observer], None]) -> None:
    """Observers: ``register(MyObserver())``. See :class:`hyperverse_core.Observer`."""


@hookspec
async def hyperverse_machine_started(machine: RunningMachine) -> None:
    """Called when a machine is ready, and again, after ``hyperverse_machine_stopping``, when it had to close and open
    with other stars. May be a coroutine. An exception is logged with the name of the plugin."""


@hookspec
async def hyperverse_machine_stopping(machine: RunningMachine) -> None:
    """Called when a machine is about to stop, while it still serves. May be a coroutine. All of these hooks together
    have ``stop_deadline`` seconds. An exception is logged with the name of the plugin."""
