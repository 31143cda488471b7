"""Errors for programs that use a machine incorrectly."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ...client.api import ClientApi
from ...client.arguments import type_named
from ...config import Config
from ...contracts.driver import Driver
from ...errors import BadRequest, did_you_mean

__all__ = ["check_arguments", "no_such_name", "not_with"]

_MANY: Final = "plugins=[my_module], with modules or objects that implement hooks"


def check_arguments(config: object, plugins: object) -> None:
    """Raises BadRequest that names the argument with a wrong type."""
    if not isinstance(config, Config | None):
        raise BadRequest(f"config is {type_named(config)}, not a Config", hint="Machine(Config(data_dir=Path('data')))")
    if isinstance(plugins, str | bytes) or not isinstance(plugins, Sequence):
        raise BadRequest(f"plugins are {type_named(plugins)}, not a list", hint=_MANY)
    for plugin in plugins:
        if isinstance(plugin, type) and issubclass(plugin, Driver):
            raise BadRequest(
                f"plugins contain the driver {plugin.__name__}, not a plugin",
                hint=f"{_MANY}; the hook hyperverse_register_drivers registers the driver",
            )
        if isinstance(plugin, str | bytes | int | float | None):
            raise BadRequest(f"plugins contain {type_named(plugin)}, not a plugin", hint=_MANY)


def not_with() -> BadRequest:
    """Returns the error for ``with`` instead of ``async with``."""
    return BadRequest("a Machine needs `async with`, not `with`", hint="async with Machine(...) as machine")


def no_such_name(machine: object, name: str) -> str:
    """Returns the message about an attribute that a machine does not have."""
    said = f"a Machine has no {name!r}"
    if not name.startswith("_") and hasattr(ClientApi, name):
        return f"{said}; its clients have it: write machine.client().{name}(...)"
    return said + did_you_mean(name, [known for known in dir(type(machine)) if not known.startswith("_")])
