"""Placement strategies of a machine: which one a Kind has, made when it is first needed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...config.check import Fault
from ...contracts.placement import Placement
from ...errors import ConfigError, NotFound

if TYPE_CHECKING:
    from ..machine import Machine

__all__ = ["Strategies"]


class Strategies:
    """The strategies that choose stars for particles."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._made: dict[str, Placement] = {}

    def check(self) -> None:
        """Raises ConfigError when the config names a strategy that nobody brings: each wave to a particle of that
        Kind would fail."""
        faults = []
        for kind, settings in self._machine.config.kinds.items():
            if settings.placement is None:
                continue
            try:
                self._machine.plugins.check("placement", settings.placement)
            except NotFound as exc:
                faults.append(str(Fault(f"kinds.{kind}.placement", exc.message, exc.hint)))
        if faults:
            raise ConfigError(faults=faults)

    def of(self, kind: str) -> Placement:
        """The strategy for particles of ``kind``."""
        machine = self._machine
        settings = machine.config.kinds.get(kind)
        name = (settings.placement if settings else None) or machine.hosted[kind].driver.placement
        made = self._made.get(name)
        if made is None:
            table = machine.config.placements.get(name, {})
            made = self._made[name] = machine.plugins.placement(name, machine.chance, table)
        return made
