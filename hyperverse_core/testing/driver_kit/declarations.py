"""The declarations of a driver about itself and its Kind."""

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
        assert doc.strip(), f'KindDef({self.driver.kind.name!r}) has no doc: write one line, doc="..."'
        assert "\n" not in doc, f"the doc of {self.driver.kind.name!r} must be one line, and is {doc!r}"

    def test_the_kind_can_be_written_and_read(self) -> None:
        kind = kind_of(self.driver.kind, self.kind_text)
        assert Kind.parse(str(kind)) == kind, f"{str(kind)!r} must be read as the Kind that was written"
        name = self.driver.kind.name
        assert kind.base == name, f"`kind_text` must be of the Kind {name!r}, and is {self.kind_text!r}"

    def test_the_default_bind_is_one(self) -> None:
        if self.driver.bind is not None:
            BindConfig.parse(self.driver.bind)

    def test_the_particle_class_keeps_what_it_declares(self) -> None:
        particle = self.driver.particle
        assert issubclass(particle, Particle), f"`particle` must be a subclass of Particle, and is {particle!r}"
        if attrs.has(particle):
            return
        declared = [name for name, hint in get_type_hints(particle).items() if not _is_class_var(hint)]
        assert not declared, f"{particle.__name__} declares {declared}, but is not an attrs class: add @attrs.define"

    async def test_the_machine_serves_the_kind(self, harness: DriverHarness) -> None:
        assert harness.served.plugin, "a plugin must bring the driver"
        status = harness.machine.status()
        row = next(row for row in status["drivers"] if row["kind"] == self.driver.kind.name)
        assert row["state"] == "Ready", f"the driver must be Ready, and is {row['state']}: {row['cause']}"

    async def test_its_star_kinds_and_placement_are_known(self, harness: DriverHarness) -> None:
        known = harness.machine.plugins.star_kinds
        unknown = sorted((self.driver.star_kinds or frozenset()) - set(known))
        assert not unknown, f"unknown star kinds {unknown}; known: {sorted(known)}"
        names = harness.machine.plugins.names("placement")
        assert self.driver.placement in names, f"no placement {self.driver.placement!r}; known: {', '.join(names)}"

    async def test_some_star_takes_its_particles(self, harness: DriverHarness) -> None:
        name = self.driver.kind.name
        if harness.creatable:
            can = any(hosting.can_host(name) for hosting in harness.machine.parts.homes.values())
            assert can, f"no star of a standalone machine takes the Kind {name!r}: look at `star_kinds`"

    async def test_what_is_prepared_has_names(self, harness: DriverHarness) -> None:
        names = list(harness.served.driver.prepared())
        assert all(isinstance(name, str) for name in names), f"prepared() names {names!r}, which are not all texts"


def _is_class_var(hint: object) -> bool:
    return getattr(hint, "__origin__", None) is ClassVar or hint is ClassVar
