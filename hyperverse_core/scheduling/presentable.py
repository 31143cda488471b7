"""Handles exceptions of plugins that raise as soon as they are examined.

``isinstance`` reads an exception's ``__class__``, the log reads much more of it and of its causes, and a plugin can
make each of these reads raise. Code that catches such an exception would then itself raise in the middle of its work.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from types import TracebackType
from typing import Final, cast

__all__ = ["Unpresentable", "presentable"]

_MOST: Final = 1000
"""Number of exceptions of one chain of causes that are examined. The log does not show more either."""
_PYTHONS: Final = (object, type, BaseException)
_trace_of = BaseException.__dict__["__traceback__"].__get__
_parts_of = BaseExceptionGroup.exceptions.__get__
_cause_of = BaseException.__dict__["__cause__"].__get__
_context_of = BaseException.__dict__["__context__"].__get__


class Unpresentable(Exception):
    """Replaces an exception that raises when it is examined. It has that exception's traceback."""


def presentable(error: BaseException) -> BaseException:
    """Returns ``error``, or a replacement if it, or one of its causes, raises when it is examined.

    Args:
        error: the exception that a plugin has raised.
    """
    for one in _with_causes(error):
        if not _is_plain(type(one)):
            name = type.__dict__["__name__"].__get__(type(one))
            stands = Unpresentable(f"an exception of the class {name}, which cannot be shown")
            return stands.with_traceback(cast("TracebackType | None", _trace_of(error)))
    return error


def _with_causes(error: BaseException) -> Iterator[BaseException]:
    waiting, seen = [error], {id(error)}
    while waiting and len(seen) < _MOST:
        one = waiting.pop()
        yield one
        more = [_cause_of(one), _context_of(one)]
        if issubclass(type(one), BaseExceptionGroup):
            more += _parts_of(one)
        for other in more:
            if other is not None and id(other) not in seen:
                seen.add(id(other))
                waiting.append(other)


def _is_plain(cls: type[BaseException]) -> bool:
    """Returns whether no code of a plugin runs when the standard attributes of such an exception are read."""
    return not _have(cls.__mro__, ("__class__", "__getattribute__")) and (
        type(cls) is type or not _have(type(cls).__mro__, ("__name__", "__qualname__", "__getattribute__"))
    )


def _have(classes: Iterable[type], names: Sequence[str]) -> bool:
    return any(name in vars(cls) for cls in classes if cls not in _PYTHONS for name in names)
