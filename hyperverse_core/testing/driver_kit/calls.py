"""What a driver's handlers accept, derived from their annotations."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from typing import Any, get_type_hints

from ...contracts.driver import Driver
from ...errors import ParseError
from ...universe.waves.wave import Method

__all__ = ["bad_bodies", "reading_calls", "takes"]

_PLAIN = (int, str, bool, float, bytes)
_READ_ONLY = ("Http<Get>", "Http<Head>", "Http<Options>")
_STRANGE = {"an-argument-that-no-handler-has": 1}


def takes(driver: type[Driver], method: Method) -> bool:
    """Whether a handler of the driver's particles accepts ``method`` at the path ``/``."""
    return any(spec.selector.matches(method, "/", None) is not None for _, spec in driver.particle.handlers())


def bad_bodies(driver: type[Driver]) -> Iterator[tuple[str, Any]]:
    """Methods, each with a body that does not fit the annotations of its handler.

    Skips handlers whose selector is more than a method, and handlers that accept any map.
    """
    taken: set[str] = set()
    for name, spec in driver.particle.handlers():
        method = str(spec.selector)
        if method in taken or not _is_method(method):
            continue
        taken.add(method)
        hints = _arguments(getattr(driver.particle, name))
        if len(hints) == 1 and next(iter(hints.values())) not in _PLAIN:
            continue
        yield method, _STRANGE
        yield from ((method, {argument: [_STRANGE]}) for argument, hint in hints.items() if hint in _PLAIN)


def reading_calls(driver: type[Driver]) -> Iterator[tuple[str, Any]]:
    """Calls without a body of handlers that read only, according to HTTP's definition of their methods. Skips handlers
    that need arguments, or have a path."""
    for name, spec in driver.particle.handlers():
        method = str(spec.selector)
        parameters = list(inspect.signature(getattr(driver.particle, name)).parameters.values())[2:]
        if method in _READ_ONLY and not any(p.default is p.empty for p in parameters):
            yield method, None


def _is_method(text: str) -> bool:
    try:
        Method.parse(text)
    except ParseError:
        return False
    return True


def _arguments(function: Callable[..., Any]) -> dict[str, Any]:
    """Annotations of the arguments that a body fills, by name."""
    hints = get_type_hints(function)
    names = list(inspect.signature(function).parameters)[2:]  # after self and ctx
    return {name: hints.get(name, Any) for name in names}
