"""The plugin ``base``: drivers of the standard Kinds that have no behaviour of their own."""

from __future__ import annotations

from collections.abc import Callable

from hyperverse_core import Driver, hookimpl

from .drivers import BASE_DRIVERS, BaseDriver
from .table import TABLE, KindRow

__all__ = ["BASE_DRIVERS", "TABLE", "BaseDriver", "KindRow", "hyperverse_register_drivers"]


@hookimpl
def hyperverse_register_drivers(register: Callable[[type[Driver]], None]) -> None:
    """Registers one driver for each Kind in the table."""
    for driver in BASE_DRIVERS.values():
        register(driver)
