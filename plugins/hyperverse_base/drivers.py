"""BaseDriver, and the driver classes that the table makes of it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import attrs

from hyperverse_core import Driver
from hyperverse_core.values import STANDARD_KINDS, PropertiesConfig

from .table import TABLE, Row

__all__ = ["BASE_DRIVERS", "BaseDriver"]


class BaseDriver(Driver):
    """Serves a Kind that does nothing by itself: its particles hold others, have properties and an owner, and
    answer ``Cmd<Bounce>`` and ``Cmd<Read>``, which every particle does. Anything else is answered 404."""


def _without_boot_bind(properties: PropertiesConfig) -> PropertiesConfig:
    """``properties`` without a bind that is a constant of the Kind (universe 8). It lies in the boot bundle of the
    original, which nobody publishes here: with it, every wave to a User would fail for want of its routes."""
    return PropertiesConfig(p for p in properties if not (p.key == "bind" and p.constant))


def _make(name: str, row: Row) -> type[BaseDriver]:
    standard = STANDARD_KINDS[name]
    kind = attrs.evolve(
        standard, parents=row.parents, children=row.children, properties=_without_boot_bind(standard.properties)
    )
    body = {
        "__doc__": f"{kind.doc}.",
        "__module__": __name__,
        "kind": kind,
        "star_kinds": row.stars,
    }
    return type(f"{name}Driver", (BaseDriver,), body)


BASE_DRIVERS: Mapping[str, type[BaseDriver]] = MappingProxyType({n: _make(n, row) for n, row in TABLE.items()})
"""The driver classes, by the name of their Kind."""
