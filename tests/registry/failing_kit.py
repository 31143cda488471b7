"""Runs one test of the kit of registries on a registry that must not pass it."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from hyperverse_core.registry import Registry
from hyperverse_core.testing.memory_registry import MemoryRegistry
from hyperverse_core.testing.registry_conformance import RegistryConformance
from hyperverse_core.testing.registry_kit import cancelled_calls, feed, several_processes

__all__ = ["Process", "fails", "run"]

_SOON = 0.3
"""Seconds that a registry has that never answers."""


class Process:
    """One of several processes that have the same registry open, and what it knows by itself. It does what the registry
    does, except for what a subclass bends.

    Args:
        number: 0 for the first one, then 1 and so on.
    """

    def __init__(self, shared: MemoryRegistry, number: int) -> None:
        self.shared = shared
        self.number = number

    def __getattr__(self, name: str) -> Any:
        return getattr(self.shared, name)


async def run(test: str, make: Callable[[], MemoryRegistry], process: type[Process] | None = None) -> None:
    """Runs that test of the kit on registries, in each of its cases, until it fails.

    Args:
        make: makes a registry.
        process: a class of processes that have it open together; None for the registry itself.
    """
    for arguments in _cases_of(getattr(RegistryConformance, test)):
        await _run_case(test, make(), process, arguments)


def _cases_of(test: Any) -> list[dict[str, Any]]:
    for mark in getattr(test, "pytestmark", ()):
        if mark.name == "parametrize":
            name, values = mark.args
            return [{name: value} for value in values]
    return [{}]


async def _run_case(
    test: str, shared: MemoryRegistry, process: type[Process] | None, arguments: Mapping[str, Any]
) -> None:
    class Kit(RegistryConformance):
        durable = process is not None

        async def open_again(self, registry: Registry) -> Any:
            assert process is not None
            await shared.open()
            return process(shared, next(numbers))

    numbers = itertools.count()
    await shared.open()
    first: Any = shared if process is None else process(shared, next(numbers))
    await getattr(Kit(), test)(first, **arguments)
    await shared.close()


async def fails(broken: type[MemoryRegistry] | type[Process], test: str, *errors: type[BaseException]) -> None:
    """Fails unless that test of the kit raises one of ``errors`` on such a registry."""
    with pytest.MonkeyPatch.context() as patched, pytest.raises(errors):
        for module in (cancelled_calls, feed, several_processes):
            patched.setattr(module, "LONG", _SOON)
        if issubclass(broken, Process):
            await run(test, MemoryRegistry, broken)
        else:
            await run(test, broken)
