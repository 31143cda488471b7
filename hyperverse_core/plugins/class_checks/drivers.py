"""Checks of a driver class and of the class of its particles, when it registers."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any, Final
from weakref import WeakSet

from ...contracts.driver import Driver, Particle
from ...contracts.driver.limits import is_count, is_seconds
from ...errors import HyperverseError
from ...universe.routing.bind import BindConfig
from .fields import field_mistakes
from .handlers import handler_mistakes, misplaced_handlers
from .making import needs_arguments
from .mistake import Mistake
from .state import state_mistakes

__all__ = ["driver_mistakes", "particle_mistakes"]

_WAITED_FOR: Final = ("start", "stop", "check", "create", "on_delete")
_AT_ONCE: Final = ("traits", "prepared", "needs", "remark")
_PARTICLE_WAITED_FOR: Final = ("on_start", "on_stop")
_PARTICLE_AT_ONCE: Final = ("dump", "load", "upgrade")
_fine: WeakSet[type] = WeakSet()
"""Drivers without mistakes; a process that starts many machines checks each of them once."""


def driver_mistakes(driver: type[Driver]) -> list[Mistake]:
    """Returns all mistakes in a driver class and in the class of its particles; none if it is valid."""
    if driver in _fine:
        return []
    mistakes = list(_driver(driver))
    if not mistakes:
        _fine.add(driver)
    return mistakes


def _driver(driver: type[Driver]) -> Iterator[Mistake]:
    yield from _hooks(driver, Driver, _WAITED_FOR, _AT_ONCE)
    yield from _values(driver)
    yield from misplaced_handlers(driver)
    yield from _abstract(driver)
    if needs_arguments(driver):
        yield Mistake(driver, "it cannot be instantiated without arguments", "take settings from `host` in `start`")
    particle: Any = driver.particle
    if not (isinstance(particle, type) and issubclass(particle, Particle)):
        cure = "write `particle = Counter`, a subclass of Particle"
        yield Mistake(driver, f"`particle` is {particle!r}, which is not a particle class", cure, name="particle")
        return
    yield from particle_mistakes(particle, made_by_driver=driver.create is not Driver.create)


def particle_mistakes(particle: type[Particle], *, made_by_driver: bool = False) -> Iterator[Mistake]:
    """Yields all mistakes in a class of particles.

    Args:
        made_by_driver: whether the driver creates the objects itself, so that it can pass arguments.
    """
    if particle is Particle:
        return
    if not made_by_driver:
        yield from _abstract(particle)
    yield from field_mistakes(particle, made_by_driver=made_by_driver)
    yield from state_mistakes(particle)
    yield from handler_mistakes(particle)
    yield from _hooks(particle, Particle, _PARTICLE_WAITED_FOR, _PARTICLE_AT_ONCE)


def _hooks(cls: type, contract: type, waited_for: tuple[str, ...], at_once: tuple[str, ...]) -> Iterator[Mistake]:
    """Yields a mistake for each method of the contract that the class overrides with one that cannot be called."""
    for name in (*waited_for, *at_once):
        method, original = getattr(cls, name), getattr(contract, name)
        if method is original or not inspect.isfunction(method):
            continue
        line = inspect.unwrap(method).__code__.co_firstlineno
        signature = inspect.signature(original)
        awaitable = inspect.iscoroutinefunction(inspect.unwrap(method)) or inspect.iscoroutinefunction(method)
        if name in waited_for and not awaitable:
            yield Mistake(cls, f"`{name}` is `def`", f"write `async def {name}`", line, name)
        if name in at_once and awaitable:
            yield Mistake(
                cls, f"`{name}` is `async def`", f"write `def {name}`: it must return immediately", line, name
            )
        given = list(signature.parameters)
        if isinstance(inspect.getattr_static(cls, name), staticmethod):
            del given[0]  # called without `self`
        try:
            inspect.signature(method).bind(*given)
        except TypeError as exc:
            names = ", ".join(signature.parameters)
            yield Mistake(cls, f"`{name}` cannot be called ({exc})", f"write `{name}({names})`", line, name)


def _abstract(cls: type) -> Iterator[Mistake]:
    """Yields a mistake for each abstract method, because a class that has one cannot be instantiated."""
    for name in sorted(getattr(cls, "__abstractmethods__", ())):
        yield Mistake(cls, f"the method {name!r} is abstract", "implement it, or register a subclass that does")


def _values(driver: type[Driver]) -> Iterator[Mistake]:
    """Yields a mistake for each attribute of the driver with an invalid value."""
    idle, limit, kinds = driver.idle_after, driver.waves_limit, driver.star_kinds
    if idle is not None and not is_seconds(idle):
        cure = "write a number of seconds above 0, or None"
        yield Mistake(driver, f"`idle_after` is {idle!r}", cure, name="idle_after")
    if not is_count(limit):
        yield Mistake(driver, f"`waves_limit` is {limit!r}", "write a whole number of at least 1", name="waves_limit")
    if kinds is not None and (isinstance(kinds, str) or not all(isinstance(kind, str) for kind in kinds)):
        cure = 'write `star_kinds = frozenset({"Fold"})`'
        yield Mistake(driver, f"`star_kinds` is {kinds!r}", cure, name="star_kinds")
    if not isinstance(driver.placement, str):
        yield Mistake(driver, f"`placement` is {driver.placement!r}", "write the name of a strategy", name="placement")
    if driver.bind is not None:
        yield from _bind(driver, driver.bind)


def _bind(driver: type[Driver], bind: Any) -> Iterator[Mistake]:
    try:
        BindConfig.parse(bind)
    except HyperverseError as exc:
        yield Mistake(driver, f"`bind` cannot be read ({exc.message})", exc.hint or "see docs/reference/binds.md")
    except Exception as exc:
        yield Mistake(driver, f"`bind` is {bind!r} ({exc})", "write it as a string", name="bind")
