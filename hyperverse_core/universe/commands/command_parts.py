"""What the commands share."""

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
"""A point as it is known: absolute, or a template."""


class Absolute:
    """A command in which nothing has to be resolved."""

    __slots__ = ()

    uploads: ClassVar[tuple[str, ...]] = ()
    """Names of the files that have to go with it: none."""

    def resolve(self, _: Env) -> Self:
        """Itself: selectors are absolute."""
        return self


def names_of(body: Any) -> tuple[str, ...]:
    """Names of the files that have to go with a command whose body is ``body``."""
    return (body.name,) if isinstance(body, Upload) else ()


def content_of(body: Any, env: Env) -> Any:
    """``body``, or the file's content where it is an upload; raises NotFound when ``env`` lacks the file."""
    return env.file(body.name) if isinstance(body, Upload) else body


def print_changes(changes: Iterable[PropertyChange]) -> str:
    """Changes of properties as they stand behind a point: ``{ +a=b, !c }``."""
    said = [
        f"+{'@' if change.lock else ''}{change.key}={print_value(change.value)}"
        if isinstance(change, SetProperty)
        else f"!{change.key}"
        for change in changes
    ]
    return f"{{ {', '.join(said)} }}" if said else "{}"
