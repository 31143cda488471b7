"""BaseDriver, and a subclass of it for each Kind in the table."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import attrs

from hyperverse_core import Driver
from hyperverse_core.values import STANDARD_KINDS

from .table import TABLE, KindRow

__all__ = ["BASE_DRIVERS", "BaseDriver"]


class BaseDriver(Driver):
    """Serves a Kind that has no behaviour of its own.

    Its particles have children, properties and an owner, and answer ``Cmd<Bounce>`` and ``Cmd<Read>``, as all particles
    do. Other methods are answered 404.
    """


def _make(name: str, row: KindRow) -> type[BaseDriver]:
    standard = STANDARD_KINDS[name]
    kind = attrs.evolve(standard, parents=row.parents, children=row.children)
    body = {
        "__doc__": f"{kind.doc}.",
        "__module__": __name__,
        "kind": kind,
        "star_kinds": row.stars,
    }
    return type(f"{name}Driver", (BaseDriver,), body)


BASE_DRIVERS: Mapping[str, type[BaseDriver]] = MappingProxyType({n: _make(n, row) for n, row in TABLE.items()})
"""The driver classes, by the names of their Kinds."""
