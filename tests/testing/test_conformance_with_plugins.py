"""A file of tests that runs the kit for a driver, and has the plugin of that driver in its other machines."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import attrs
import pytest

from hyperverse_core import Ctx, Driver, KindDef, Particle, handler, hookimpl
from hyperverse_core.client.api import ClientApi
from hyperverse_core.testing import DriverConformance
from kits import without


@attrs.define
class Shelf(Particle):
    books: list[str] = attrs.field(factory=list)

    @handler("Ext<Put>")
    async def put(self, ctx: Ctx, title: str) -> int:
        self.books.append(title)
        await ctx.save()
        return len(self.books)


class ShelfDriver(Driver):
    kind = KindDef("Shelf", doc="Books")
    particle = Shelf


class ShelfPlugin:
    @hookimpl
    def hyperverse_register_drivers(self, register: Callable[[type[Driver]], None]) -> None:
        register(ShelfDriver)


@pytest.fixture
def machine_plugins() -> Sequence[object]:
    return (ShelfPlugin(),)


@without(
    "test_what_a_particle_dumps_is_what_another_one_loads",
    "test_what_is_wrong_is_the_answer_of_create",
    "test_a_check_can_be_repeated",
    "test_calls_that_read_are_answered_and_change_nothing",
)
class TestShelf(DriverConformance):
    driver = ShelfDriver
    changes = (("Ext<Put>", {"title": "Emma"}),)


async def test_it_counts_its_books(client: ClientApi) -> None:
    await client.exec("create localhost<Space>; create localhost:mine<Shelf>")
    assert await client.ask("localhost:mine", "Ext<Put>", {"title": "Emma"}) == 1
