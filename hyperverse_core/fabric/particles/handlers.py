"""Finds the handler of a particle class for a wave; the handlers are compiled once for each class."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any, Final

import attrs

from ...contracts.driver import HandlerSpec, Particle
from ...errors import BadRequest
from ...universe.routing.route_selector import RouteSelector
from ...universe.waves.wave import Directed, Method
from .conversion import Arguments

__all__ = ["Handler", "Handlers"]

_KEPT: Final = 1024
_ONE_METHOD: Final = re.compile(r"[A-Z][A-Za-z]*<[A-Z][A-Za-z0-9]*>")
_NONE: Final[Mapping[str, str]] = {}


@attrs.frozen(eq=False)
class Handler:
    """One handler: its function (called with particle, ctx and arguments), its arguments, and the privilege that it
    requires."""

    name: str
    call: Callable[..., Awaitable[Any]]
    arguments: Arguments
    selector: RouteSelector
    privilege: str

    @property
    def unconditional(self) -> bool:
        """Whether it handles every wave with one of its methods."""
        s = self.selector
        every_path = RouteSelector(s.method).path  # means any path
        return s.path == every_path and s.topic is None and not s.filters


@lru_cache(maxsize=1024)
def _arguments(function: Callable[..., Awaitable[Any]]) -> Arguments:
    """Returns the arguments of a handler. Cached, because each machine of a process compiles the same classes, and the
    Kinds of a plugin often share one: this is a tenth of a machine's start."""
    return Arguments(function)


class Handlers:
    """The handlers of one particle class, with a cached answer for each method that was looked up.

    Args:
        cls: the class.
        specs: names of its methods with what they handle; None for the declarations of the class.

    certain: the results of :meth:`find`, by the text of the method, where the handler depends on the method alone. The
    hot path looks here first.
    """

    __slots__ = ("_all", "_known", "certain")

    def __init__(self, cls: type[Particle], specs: Iterable[tuple[str, HandlerSpec]] | None = None) -> None:
        self._all = tuple(
            Handler(name, getattr(cls, name), _arguments(getattr(cls, name)), spec.selector, spec.privilege)
            for name, spec in (cls.handlers() if specs is None else specs)
        )
        self.certain: dict[str, tuple[Handler, Mapping[str, str]]] = {}
        self._known: dict[str, tuple[Handler, ...]] = {}

    def __iter__(self) -> Iterator[Handler]:
        return iter(self._all)

    def find(self, wave: Directed) -> tuple[Handler, Mapping[str, str]] | None:
        """Returns the first handler that matches the wave, with what it captured from the path."""
        sure = self.certain.get(wave.method.text)
        if sure is not None:
            return sure
        known = self._known.get(wave.method.text)
        if known is None:
            known = self._learn(wave.method)
        for handler in known:
            captures = handler.selector.matches(wave.method, wave.path, wave.topic or None, agent=wave.agent)
            if captures is not None:
                return handler, captures
        return None

    def sure(self, method: Method) -> Handler | None:
        """Returns the handler of every wave of ``method``; None if it depends on the wave, or there is none."""
        if method.text not in self._known:
            self._learn(method)
        found = self.certain.get(method.text)
        return None if found is None or found[0].privilege else found[0]

    def privilege(self, method: Method) -> str:
        """Returns the privilege that the handler of ``method`` requires; that of the first handler if it depends on the
        wave."""
        fitting = next((h for h in self._all if h.selector.method.matches(method)), None)
        return "" if fitting is None else fitting.privilege

    def each_method(self) -> Iterator[Method]:
        """Yields the methods that handlers name individually, not by a pattern."""
        for handler in self._all:
            text = str(handler.selector.method)
            if _ONE_METHOD.fullmatch(text):
                yield Method.parse(text)

    def _learn(self, method: Method) -> tuple[Handler, ...]:
        fitting = tuple(h for h in self._all if h.selector.method.matches(method))
        if len(self._known) < _KEPT:  # senders choose the names of Ext methods
            self._known[method.text] = fitting
            if fitting and fitting[0].unconditional:
                self.certain[method.text] = (fitting[0], _NONE)
        return fitting

    def methods(self) -> list[str]:
        """Returns the selectors as text, for error messages."""
        return [str(h.selector) for h in self._all]

    @classmethod
    def of(cls, particle: type[Particle], specs: Iterable[tuple[str, HandlerSpec]] | None = None) -> Handlers:
        """Returns the handlers of a class. Raises a BadRequest that names the class if one cannot be compiled."""
        try:
            return cls(particle, specs)
        except (TypeError, NameError, AttributeError) as exc:
            raise BadRequest(f"particle class {particle.__qualname__}: {exc}") from exc
