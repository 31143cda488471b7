"""What a driver says of itself and of its Kind."""

from __future__ import annotations

from typing import ClassVar, get_type_hints

import attrs

from ...contracts.driver import Particle
from ...universe.kinds.kind import Kind
from ...universe.routing.bind import BindConfig
from .base import DriverKitBase
from .harness import DriverHarness, kind_of

__all__ = ["Declarations"]


class Declarations(DriverKitBase):
    """The class attributes of the driver fit together, and a machine can serve the Kind."""

    def test_the_kind_has_a_line_for_people(self) -> None:
        doc = self.driver.kind.doc
        assert doc.strip(), f"KindDef({self.driver.kind.name!r}) has no doc"
        assert "\n" not in doc

    def test_the_kind_can_be_written_and_read(self) -> None:
        kind = kind_of(self.driver.kind, self.kind_text)
        assert Kind.parse(str(kind)) == kind
        assert kind.base == self.driver.kind.name

    def test_the_default_bind_is_one(self) -> None:
        if self.driver.bind is not None:
            BindConfig.parse(self.driver.bind)

    def test_the_particle_class_keeps_what_it_declares(self) -> None:
        particle = self.driver.particle
        assert issubclass(particle, Particle)
        if attrs.has(particle):
            return
        declared = [name for name, hint in get_type_hints(particle).items() if not _is_class_var(hint)]
        assert not declared, f"{particle.__name__} declares {declared}, but is not an attrs class: add @attrs.define"

    async def test_the_machine_serves_the_kind(self, harness: DriverHarness) -> None:
        status = harness.machine.status()
        row = next(row for row in status["drivers"] if row["kind"] == self.driver.kind.name)
        assert (row["state"], row["cause"]) == ("Ready", "")

    async def test_its_star_kinds_and_placement_are_known(self, harness: DriverHarness) -> None:
        known = harness.machine.plugins.star_kinds
        unknown = sorted((self.driver.star_kinds or frozenset()) - set(known))
        assert not unknown, f"unknown star kinds {unknown}; known: {sorted(known)}"
        assert self.driver.placement in harness.machine.plugins.names("placement")

    async def test_some_star_takes_its_particles(self, harness: DriverHarness) -> None:
        name = self.driver.kind.name
        if harness.creatable:
            assert any(hosting.can_host(name) for hosting in harness.machine.parts.homes.values())

    async def test_what_is_prepared_has_names(self, harness: DriverHarness) -> None:
        names = list(harness.served.driver.prepared())
        assert all(isinstance(name, str) for name in names), f"prepared() names {names!r}, which are not all texts"


def _is_class_var(hint: object) -> bool:
    return getattr(hint, "__origin__", None) is ClassVar or hint is ClassVar
