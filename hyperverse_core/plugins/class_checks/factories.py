"""Checks whether observers, and factories of registries, transports, policies and the like, implement their
contract."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from ...contracts.blobs import Blobs
from ...contracts.gateway import Gateway
from ...contracts.lane import LaneTransport
from ...contracts.observer import OLD_NAMES, Observer
from ...contracts.placement import Placement
from ...contracts.policy import SecurityPolicy
from ...contracts.registry import Registry
from ...errors import BadRequest, did_you_mean
from .mistake import Mistake

__all__ = ["CONTRACTS", "check_callable", "factory_mistakes", "observer_mistakes", "old_names"]

CONTRACTS: Final[Mapping[str, type]] = {
    "registry": Registry,
    "transport": LaneTransport,
    "policy": SecurityPolicy,
    "placement": Placement,
    "gateway": Gateway,
    "blob store": Blobs,
}
"""The type that a factory creates, by kind of thing."""


def factory_mistakes(thing: str, factory: Any) -> Iterator[Mistake]:
    """Yields the mistakes in a class that is a factory. The result of a function is known only when it is called."""
    contract = CONTRACTS.get(thing)
    if contract is None or not isinstance(factory, type):
        return
    if not issubclass(factory, contract):
        cure = f"write `class {factory.__name__}({contract.__name__})`"
        yield Mistake(factory, f"it is a factory of a {thing}, but not a {contract.__name__}", cure)
        return
    left = sorted(getattr(factory, "__abstractmethods__", ()))
    if left:
        yield Mistake(factory, f"it does not have {', '.join(left)}", f"implement what {contract.__name__} requires")
    yield from _methods(factory, contract)
    try:
        check_callable(thing, factory.__name__, factory)
    except BadRequest as exc:
        yield Mistake(factory, exc.message, exc.hint, name="__init__")


def check_callable(thing: str, name: str, factory: Callable[..., Any]) -> None:
    """Raises BadRequest if a factory cannot be called with the arguments that factories of its kind get."""
    given = ("chance", "settings") if thing == "placement" else ("settings",)
    try:
        inspect.signature(factory).bind(*given)
    except ValueError:  # written in C, without a signature
        return
    except TypeError as exc:
        raise BadRequest(
            f"the factory of the {thing} {name!r} cannot be called with {' and '.join(given)}: {exc}",
            hint=f"it gets {', '.join(given)}",
        ) from exc


def observer_mistakes(observer: Observer) -> Iterator[Mistake]:
    """Yields the mistakes in the class of an observer."""
    cls = type(observer)
    yield from _methods(cls, Observer)
    known = [name for name in vars(Observer) if not name.startswith("_")]
    for name, value in vars(cls).items():
        if name.startswith("_") or name in known or not inspect.isfunction(value):
            continue
        near = did_you_mean(name, known)
        if near:
            line = value.__code__.co_firstlineno
            yield Mistake(cls, f"nothing calls `{name}`", near.lstrip("; "), line, name)


def old_names(observer: Observer) -> Iterator[str]:
    """Yields a warning for each method of an observer that has been renamed."""
    cls = type(observer)
    for old, new in OLD_NAMES.items():
        if getattr(cls, old, None) is not getattr(Observer, old):
            yield f"{cls.__name__}.{old} is still called in this release, but not in the next: write {new}"


def _methods(cls: type, contract: type) -> Iterator[Mistake]:
    """Yields a mistake for each method that cannot be called as the contract requires."""
    for name, original in inspect.getmembers(contract, inspect.isfunction):
        method = getattr(cls, name, None)
        if name.startswith("_") or method is original or not inspect.isfunction(method):
            continue
        function = inspect.unwrap(method)
        line = function.__code__.co_firstlineno if hasattr(function, "__code__") else 0
        wanted = inspect.iscoroutinefunction(original)
        if wanted and not _is_awaitable(method, function):
            yield Mistake(cls, f"`{name}` is `def`", f"write `async def {name}`", line, name)
        elif not wanted and inspect.iscoroutinefunction(method):
            yield Mistake(cls, f"`{name}` is `async def`", f"write `def {name}`", line, name)
        signature = inspect.signature(original)
        try:
            _bind(inspect.signature(method), signature)
        except TypeError as exc:
            names = str(signature).partition(" ->")[0]
            yield Mistake(cls, f"`{name}` cannot be called ({exc})", f"write `{name}{names}`", line, name)


def _is_awaitable(method: Any, function: Any) -> bool:
    if inspect.iscoroutinefunction(method) or inspect.iscoroutinefunction(function):
        return True
    returned = str(function.__annotations__.get("return", ""))
    return "Awaitable" in returned or "Coroutine" in returned or "Future" in returned


def _bind(method: inspect.Signature, contract: inspect.Signature) -> None:
    """Raises TypeError if a method cannot be called with the arguments of the contract."""
    by_place: list[str] = []
    by_name: dict[str, None] = {}
    for parameter in contract.parameters.values():
        if parameter.kind is parameter.KEYWORD_ONLY:
            by_name[parameter.name] = None
        elif parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD):
            by_place.append(parameter.name)
    method.bind(*by_place, **by_name)
