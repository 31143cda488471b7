"""A plugin of the drivers that a test gives it, and commands."""

from __future__ import annotations

from collections.abc import Callable

from hyperverse_core import Driver, Machine, hookimpl


class Plugin:
    """Brings some drivers."""

    def __init__(self, *drivers: type[Driver]) -> None:
        self.drivers = drivers

    @hookimpl
    def hyperverse_register_drivers(self, register: Callable[[type[Driver]], None]) -> None:
        for driver in self.drivers:
            register(driver)


async def run(machine: Machine, text: str) -> None:
    await machine.client().exec(text)
