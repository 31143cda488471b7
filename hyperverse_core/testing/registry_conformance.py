"""Conformance kit of registries: the requirements for every registry, as tests.

Subclass the kit in a test module, and give it a fixture ``registry``::

    from hyperverse_core.testing import RegistryConformance

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

A registry whose content is gone when it is closed sets ``durable = False`` and has no ``open_again``. The tests are
asynchronous: pytest-asyncio must be in its ``auto`` mode.
"""

from __future__ import annotations

from .registry_kit.assignments import Assignments
from .registry_kit.cancelled_calls import CancelledCalls
from .registry_kit.cut_writes import CutWrites
from .registry_kit.directory import DirectoryGroup
from .registry_kit.ends_of_stars import EndsOfStars
from .registry_kit.feed import ChangeFeedGroup, Reopening
from .registry_kit.grants import GrantsAndTokens
from .registry_kit.machine_keys import MachineKeys
from .registry_kit.particles import ChangingParticles
from .registry_kit.registering import Registering
from .registry_kit.several_processes import SeveralProcesses
from .registry_kit.texts import Texts
from .registry_kit.tree import ReadingTheTree

__all__ = ["RegistryConformance"]


class RegistryConformance(
    Registering,
    ChangingParticles,
    ReadingTheTree,
    Assignments,
    DirectoryGroup,
    EndsOfStars,
    GrantsAndTokens,
    MachineKeys,
    Texts,
    ChangeFeedGroup,
    CancelledCalls,
    CutWrites,
    SeveralProcesses,
    Reopening,
):
    """All tests of a registry.

    A subclass defines the fixture ``registry``, which gives an open, empty
    :class:`~hyperverse_core.registry.Registry`; see the module for an example.

    Attributes:
        durable: whether the content of the registry survives a close, and the same store can be opened twice. Then the
            subclass implements :meth:`open_again`. True unless the subclass says otherwise.
        feed_keeps: how many entries of the change feed the registry of the fixture keeps, when a test can write more (a
            few thousand); None, the default, skips the tests of a feed that has lost entries.
        hosts_many: number of particles on the star that dies while another machine renews. It is 500, so that the kit
            ends soon; a registry that has a faster way to make them (:meth:`host_many`) can try a hundred thousand.
        cuts: the moments at which :meth:`cut` can break the connection to the store during a write, ``"request"`` and
            ``"answer"``; without any, the default, the kit skips the tests of that.
        finds_out: whether the registry can find out afterwards if such a write was committed. True unless the subclass
            says otherwise.
    """
