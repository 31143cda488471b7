"""What a driver is asked about one particle: whether it may be created, how it differs, and its object."""

from __future__ import annotations

import attrs
import pytest

from ...errors import NotFound
from .base import DriverKitBase
from .harness import DriverHarness

__all__ = ["EachParticle"]


class EachParticle(DriverKitBase):
    """The answers are about the particle that the driver was asked about, and the same each time."""

    async def test_what_is_wrong_is_the_answer_of_create(self, harness: DriverHarness) -> None:
        if not self.refused:
            pytest.skip("nothing is refused")
        await self.particle(harness)
        for properties in self.refused:
            point = await harness.unused()
            reply = await harness.try_to_create(point, properties)
            assert 400 <= reply.status < 500, (
                f"`check` must refuse {dict(properties)} with a status from 400 to 499, and create was answered "
                f"{reply.status} {reply.error}"
            )
            with pytest.raises(NotFound):
                await harness.registry.record(point)

    async def test_a_check_can_be_repeated(self, harness: DriverHarness) -> None:
        if not harness.served.checks:
            pytest.skip("it checks nothing")
        record = await harness.registry.record(await self.particle(harness))
        point = await harness.unused()
        for _ in range(2):  # a client that has got no answer tries again
            await harness.served.check(point, record.kind, record.properties, record.owner, None)
        reply = await harness.try_to_create(point, harness.properties)
        assert reply.ok, f"it was checked before, and is answered {reply.status} {reply.error}"

    async def test_a_particle_has_the_same_traits_each_time(self, harness: DriverHarness) -> None:
        record = await harness.registry.record(await self.particle(harness))
        driver = harness.served.driver
        one, other = driver.traits(record), driver.traits(attrs.evolve(record))
        assert one == other, f"`traits` must give equal values for equal records, and gave {one!r} and {other!r}"
        served = harness.served.of_record(record)
        assert served is harness.served.of_record(attrs.evolve(record)), "equal records, but unequal traits"

    async def test_a_new_particle_shares_nothing_with_another(self, harness: DriverHarness) -> None:
        point, another = await self.particle(harness), await harness.new()
        one, other = await harness.make(point), await harness.make(another)
        assert one is not other, "`create` must make a new object each time, and returned the same one twice"
        for field in getattr(type(one), "__attrs_attrs__", ()):
            mine, its = getattr(one, field.name), getattr(other, field.name, None)
            if isinstance(mine, list | dict | set | bytearray):
                assert mine is not its, f"all particles have the same {field.name!r}: use attrs.Factory"
