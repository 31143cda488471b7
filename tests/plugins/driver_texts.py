"""The text of a plugin with one driver, for tests of what is told about its classes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

__all__ = ["HEAD", "TAIL", "Load", "at", "line_of"]

HEAD: Final = """
import asyncio, collections, dataclasses, functools
from typing import Any, Awaitable, ClassVar
import attrs
from hyperverse_core import Ctx, Driver, KindDef, Particle, handler, hookimpl
from hyperverse_core.driver import transient
"""
TAIL: Final = """
class OneDriver(Driver):
    kind = KindDef("One")
    particle = One

@hookimpl
def hyperverse_register_drivers(register):
    register(OneDriver)
"""
Load = Callable[[str], tuple[str, str]]
"""The fixture ``load``."""


def line_of(source: str, piece: str) -> int:
    """The number of the line in which ``piece`` begins."""
    return source[: source.index(piece)].count("\n") + 1


def at(reason: str, source: str, piece: str) -> bool:
    """Whether ``reason`` names the line in which ``piece`` begins."""
    return f"hyperverse_local.py, line {line_of(source, piece)})" in reason
