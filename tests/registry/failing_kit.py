"""Runs one test of the kit of registries on a registry that must not pass it."""

from __future__ import annotations

import pytest

from hyperverse_core.testing.memory_registry import MemoryRegistry
from hyperverse_core.testing.registry_conformance import RegistryConformance

__all__ = ["fails"]


async def fails(broken: type[MemoryRegistry], test: str, *errors: type[BaseException]) -> None:
    """Fails unless that test of the kit raises one of ``errors`` on such a registry."""

    class Kit(RegistryConformance):
        durable = False

    registry = broken()
    await registry.open()
    with pytest.raises(errors):
        await getattr(Kit(), test)(registry)
    await registry.close()
