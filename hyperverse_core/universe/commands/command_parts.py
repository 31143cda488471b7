"""Parts that several commands have."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar, Self, TypeVar

from ..address.env import Env
from ..address.point import Point
from ..address.template import PointVar
from ..kind_defs.properties import PropertyChange, SetProperty
from .body import Upload, print_value

__all__ = ["Absolute", "P", "content_of", "names_of", "print_changes"]

P = TypeVar("P", Point, PointVar)
"""A point of a command: absolute, or a template."""


class Absolute:
    """A command without points to resolve."""

    __slots__ = ()

    uploads: ClassVar[tuple[str, ...]] = ()
    """Names of the files that must be sent with the command: none."""

    def resolve(self, _: Env) -> Self:
        """Returns the command itself, because selectors are absolute."""
        return self


def names_of(body: Any) -> tuple[str, ...]:
    """Returns the names of the files that must be sent with a command that has the body ``body``."""
    return (body.name,) if isinstance(body, Upload) else ()


def content_of(body: Any, env: Env) -> Any:
    """Returns ``body``, or the content of the file if it is an upload. Raises NotFound if ``env`` lacks the file."""
    return env.file(body.name) if isinstance(body, Upload) else body


def print_changes(changes: Iterable[PropertyChange]) -> str:
    """Returns changes of properties as they stand after a point: ``{ +a=b, !c }``."""
    said = [
        f"+{'@' if change.lock else ''}{change.key}={print_value(change.value)}"
        if isinstance(change, SetProperty)
        else f"!{change.key}"
        for change in changes
    ]
    return f"{{ {', '.join(said)} }}" if said else "{}"
