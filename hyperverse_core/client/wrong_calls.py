"""Calls that do not fit a method: too many or too few arguments, or one that the method does not have.

Python's own error says what is wrong with such a call, but not what would be right.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from ..errors import BadRequest, did_you_mean

__all__ = ["WrongCall", "tells_wrong_calls"]

T = TypeVar("T")


class WrongCall(BadRequest, TypeError):
    """A call that does not fit the method. Like every such error in Python it is a TypeError too."""


def tells_wrong_calls(cls: type[T]) -> type[T]:
    """Makes the public methods of a class raise :class:`WrongCall` for calls that do not fit them. Methods that take
    arbitrary named arguments check them themselves."""
    for name, member in list(vars(cls).items()):
        if name.startswith("_") or not inspect.isfunction(member):
            continue
        kinds = {parameter.kind for parameter in inspect.signature(member).parameters.values()}
        if inspect.Parameter.VAR_KEYWORD not in kinds:
            setattr(cls, name, _telling(member))
    return cls


def _telling(method: Callable[..., Any]) -> Callable[..., Any]:
    if inspect.iscoroutinefunction(method):

        @functools.wraps(method)
        async def later(*args: Any, **named: Any) -> Any:
            try:
                work = method(*args, **named)  # does not run anything yet
            except TypeError as exc:
                raise _wrong_call(method, args, named, exc) from None
            return await work

        return later

    @functools.wraps(method)
    def now(*args: Any, **named: Any) -> Any:
        try:
            return method(*args, **named)
        except TypeError as exc:
            if _fits(method, args, named):
                raise
            raise _wrong_call(method, args, named, exc) from None

    return now


def _fits(method: Callable[..., Any], args: tuple[Any, ...], named: Mapping[str, Any]) -> bool:
    try:
        inspect.signature(method).bind(*args, **named)
    except TypeError:
        return False
    return True


def _wrong_call(
    method: Callable[..., Any], args: tuple[Any, ...], named: Mapping[str, Any], error: TypeError
) -> WrongCall:
    parameters = dict(list(inspect.signature(method).parameters.items())[1:])  # without `self`
    takes = f"it takes {', '.join(parameters)}" if parameters else ""
    unknown = [name for name in named if name not in parameters]
    if unknown:
        said = f"{method.__name__} has no argument {unknown[0]!r}{did_you_mean(unknown[0], parameters)}"
        own = f"a property is written as properties={{{unknown[0]!r}: ...}}; " if "properties" in parameters else ""
        return WrongCall(said, hint=own + takes)
    positional = [p for p in parameters.values() if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    given = {p.name for p in positional[: len(args) - 1]} | set(named)
    missing = [p.name for p in positional if p.default is p.empty and p.name not in given]
    if missing:
        return WrongCall(f"{method.__name__} needs {' and '.join(missing)}", hint=takes)
    given_bare = len(args) - 1
    if given_bare > len(positional):
        most = f"at most {len(positional)} without a name" if positional else "no arguments"
        are = "is" if given_bare == 1 else "are"
        return WrongCall(f"{method.__name__} takes {most}, and {given_bare} {are} given", hint=takes)
    return WrongCall(f"{method.__name__}: {error}", hint=takes)
