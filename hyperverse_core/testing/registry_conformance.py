"""What every registry has to do, as tests.

Who writes a registry subclasses the kit in a test module and gives it a fixture::

    from hyperverse_core.testing.registry_conformance import RegistryConformance

    class TestMyRegistry(RegistryConformance):
        @pytest.fixture
        async def registry(self, tmp_path):
            registry = MyRegistry({"path": tmp_path / "registry"})
            await registry.open()
            yield registry
            await registry.close()

        async def open_again(self, registry):
            again = MyRegistry({"path": registry.path})
            await again.open()
            return again

A registry that forgets when it is closed says ``durable = False`` instead of having ``open_again``. The tests are
asynchronous: pytest-asyncio has to be in its ``auto`` mode.
"""

from __future__ import annotations

from .registry_kit.directory import Directory
from .registry_kit.feed import ChangeFeed, Reopening
from .registry_kit.particles import ChangingParticles
from .registry_kit.places import Places
from .registry_kit.registering import Registering
from .registry_kit.tree import ReadingTheTree
from .registry_kit.trust import Trust

__all__ = ["RegistryConformance"]


class RegistryConformance(
    Registering, ChangingParticles, ReadingTheTree, Places, Directory, Trust, ChangeFeed, Reopening
):
    """All tests of a registry. See the module, and `KitBase` for what a subclass may say."""
