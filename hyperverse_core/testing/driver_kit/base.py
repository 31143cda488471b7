"""The common part of the test groups of the driver kit: what a subclass sets, the harness, a particle."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import attrs
import pytest
import pytest_asyncio

from ...config import Config, KindSettings
from ...contracts.driver import Driver
from ...contracts.registry import Registry
from ...universe.address.point import Point
from ..fixtures import StartMachine
from .harness import DriverHarness, DriverPlugin, Lives, kind_to_create, required_properties

__all__ = ["DriverKitBase"]

_IDLE_AFTER = 0.05


class DriverKitBase:
    """See :class:`hyperverse_core.testing.DriverConformance`."""

    driver: ClassVar[type[Driver]]
    refused: ClassVar[Sequence[Mapping[str, str]]] = ()
    changes: ClassVar[Sequence[tuple[str, Any]]] = ()
    reads: ClassVar[Sequence[tuple[str, Any]]] = ()
    never_idle: ClassVar[bool] = False
    saves_before_it_answers: ClassVar[bool] = True
    kind_text: ClassVar[str] = ""
    properties: ClassVar[Mapping[str, str] | None] = None
    parents: ClassVar[Sequence[tuple[str, str]] | None] = None

    def whose_move(self) -> str:
        """The person who has to change something when a test fails."""
        return f"the author of the driver {self.driver.__module__}.{self.driver.__qualname__}"

    def name(self, number: int) -> str:
        """The last segment of the particle with that ``number``, which counts from 0. Override it where names must be
        special."""
        return f"particle-{number}"

    @pytest_asyncio.fixture
    async def harness(
        self, start_machine: StartMachine, machine_config: Config, machine_registry: Registry
    ) -> DriverHarness:
        """A running machine with the driver in it."""
        kind = self.driver.kind
        lives = Lives()
        plugin = DriverPlugin(self.driver, lives)
        # Set for the Kind, because that takes precedence over the driver and its traits.
        of_kind = attrs.evolve(machine_config.kinds.get(kind.name, KindSettings()), idle_after=_IDLE_AFTER)
        kinds = {**machine_config.kinds, kind.name: of_kind}
        config = attrs.evolve(machine_config, idle_after=_IDLE_AFTER, kinds=kinds)
        made = DriverHarness(
            self.driver,
            machine_registry,
            lives,
            lambda: start_machine(plugins=[plugin], config=self.configure(config)),
            self.kind_text or kind_to_create(kind),
            required_properties(kind) if self.properties is None else self.properties,
            self.parents,
            self.name,
        )
        await made.begin()
        return made

    def configure(self, config: Config) -> Config:
        """The configuration of the machine, made from ``config``. Override it for a driver that needs settings."""
        return config

    async def particle(self, harness: DriverHarness) -> Point:
        """A new particle; the test is skipped when only the platform makes particles of this Kind."""
        if not harness.creatable:
            pytest.skip(f"the platform itself makes the particles of Kind {self.driver.kind.name}")
        return await harness.new()

    async def change(self, harness: DriverHarness, point: Point) -> None:
        """Makes the calls that change a particle."""
        for method, body in self.changes:
            reply = await harness.client.ping(point, method, body)
            assert reply.ok, (
                f"the call {method} {body!r} of `changes` must be answered, and got {reply.status} {reply.error}: "
                "repair its handler, or correct `changes` in the test class"
            )
