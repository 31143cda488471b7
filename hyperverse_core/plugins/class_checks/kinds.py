"""Kinds that other Kinds name: whether anybody declares them. It can be told when all plugins have registered."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from ...contracts.driver import Driver
from ...errors import did_you_mean
from ...universe.kinds.kind_selector import KindSelector
from .fault import Fault

__all__ = ["unknown_kinds"]

_ANY = ("*",)


def unknown_kinds(driver: type[Driver], declared: Collection[str]) -> Iterator[Fault]:
    """The places where the Kind of a driver names a parent or a child that nobody declares."""
    kind = driver.kind
    for name, texts in (("parents", kind.parents), ("children", kind.children)):
        if texts == _ANY:
            continue
        for text in texts:
            base = KindSelector.parse(text if text.startswith("<") else f"<{text}>").base
            if base != "*" and base not in declared:
                said = f"`{name}` of the Kind {kind.name!r} names {base!r}, which nobody declares"
                cure = "correct the name, or register its driver" + did_you_mean(base, declared)
                yield Fault(driver, said, cure, name="kind")
