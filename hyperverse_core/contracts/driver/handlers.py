"""The decorator that marks a method as a handler."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import attrs

from ...errors import BadRequest, ParseError
from ...universe.routing.route_selector import RouteSelector

__all__ = ["HandlerSpec", "handler", "spec_of"]

_F = TypeVar("_F", bound=Callable[..., Awaitable[Any]])
_MARK = "__hyperverse_handler__"
_BARE = "__hyperverse_bare_handler__"
_TWICE = "__hyperverse_handler_before__"
_DECLARED = "__hyperverse_declared__"


@attrs.frozen
class HandlerSpec:
    """What :func:`handler` records about a method.

    Attributes:
        selector: the waves that the handler accepts.
        privilege: a privilege that the agent needs in addition to the permission of the method; empty for none.
    """

    selector: RouteSelector
    privilege: str = ""


def handler(selector: str, *, privilege: str = "") -> Callable[[_F], _F]:
    """Marks a method of a :class:`Particle` as the handler of the waves that match ``selector``.

    The handler is called with a :class:`Ctx` and the body of the wave, converted to the handler's annotations: a map
    gives the arguments by name, any other body is the only argument, and without a body the arguments have their
    defaults. A body that does not fit is answered 400 without calling the handler. Named groups of a path are arguments
    as well. The return value of the handler is the body of the answer.

    Args:
        selector: ``Ext<Add>``, ``Http<Get>/users/(?P<user>[^/]+)``, ``Ext<*>``; see ``docs/reference/binds.md``. When
            several handlers match, the first one in the class body is called.
        privilege: a privilege that the agent needs in addition to the permission of the method.

    Raises:
        ParseError: ``selector`` is malformed.
        BadRequest: ``selector`` is not a string.
    """
    if inspect.isroutine(selector):  # ``@handler`` without parentheses: reported with the other mistakes of the class
        setattr(selector, _BARE, True)
        return selector
    if not isinstance(selector, str):
        raise BadRequest(f"`handler` takes waves as a text, not {selector!r}", hint='write `@handler("Ext<Add>")`')
    spec = HandlerSpec(_parsed(selector), privilege)

    def mark(function: _F) -> _F:
        before = spec_of(function)
        is_other = before is not None and str(before.selector) != str(spec.selector)
        if before is not None and is_other and not hasattr(function, "__wrapped__"):  # which has those of what it wraps
            setattr(function, _TWICE, before.selector)  # reported with the other mistakes of the class
        setattr(function, _MARK, spec)
        _declare(function, sys._getframe(1).f_locals)
        return function

    return mark


def _parsed(selector: str) -> RouteSelector:
    try:
        return RouteSelector.parse(selector)
    except ParseError as exc:
        raise ParseError(
            f"`@handler({selector!r})` names no waves: {exc.message}",
            text=exc.text,
            offset=exc.offset,
            expected=exc.expected,
            hint=exc.hint or 'write for example `@handler("Ext<Add>")`',
        ) from exc


def _declare(function: Any, body: Any) -> None:
    """Records a handler in the class body that is being run: a later definition of the same name would hide it without
    a trace."""
    code = getattr(inspect.unwrap(function), "__code__", None)
    if code is not None and "__qualname__" in body and "__module__" in body:
        body.setdefault(_DECLARED, []).append((function.__name__, code.co_firstlineno))


def spec_of(method: object) -> HandlerSpec | None:
    """Returns what :func:`handler` has recorded about a method; None when it is not a handler."""
    found: HandlerSpec | None = getattr(method, _MARK, None)
    return found
