"""What Tab offers in ``hyperverse term``."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import attrs
import pytest
from prompt_toolkit.completion import CompleteEvent
from prompt_toolkit.document import Document

from hyperverse_core import Client, Ctx, Driver, KindDef, Machine, Particle, handler, hookimpl
from hyperverse_core.cli.talk.term_completion import TermCompleter
from hyperverse_core.values import PropertiesConfig, PropertyDef


async def offered(client: Client, text: str) -> list[str]:
    completer = TermCompleter(client)
    found = completer.get_completions_async(Document(text), CompleteEvent(completion_requested=True))
    return [text[: len(text) + c.start_position] + c.text async for c in found]


@pytest.fixture
async def filled(client: Client) -> Client:
    """A client of a machine with some particles."""
    script = "create localhost<Space>; create localhost:hits<Base>; create localhost:hats<Base>; create other<Space>;"
    for result in await client.exec(script):
        assert result.ok, result.error
    return client


async def test_commands_are_completed(filled: Client) -> None:
    assert await offered(filled, "cre") == ["create"]
    assert "select" in await offered(filled, "")


async def test_points_are_completed_segment_by_segment(filled: Client) -> None:
    assert "ping localhost" in await offered(filled, "ping lo")
    assert await offered(filled, "ping localhost:h") == ["ping localhost:hats", "ping localhost:hits"]


async def test_kinds_are_completed_behind_the_bracket(filled: Client) -> None:
    assert await offered(filled, "create x<Spa") == ["create x<Space>"]


async def test_nothing_is_offered_where_nothing_fits(filled: Client) -> None:
    assert await offered(filled, "ping nowhere:x") == []


@attrs.define
class Shelf(Particle):
    """Holds things."""

    @handler("Ext<Put>")
    async def put(self, ctx: Ctx) -> None:
        """Puts."""

    @handler("Ext<Pull>")
    async def pull(self, ctx: Ctx) -> None:
        """Pulls."""


class ShelfDriver(Driver):
    kind = KindDef("Shelf", properties=PropertiesConfig([PropertyDef("colour"), PropertyDef("width")]))
    particle = Shelf


class ShelfPlugin:
    @hookimpl
    def hyperverse_register_drivers(self, register: Callable[[type[Driver]], None]) -> None:
        register(ShelfDriver)


@pytest.fixture
async def shelves(start_machine: Callable[..., Awaitable[Machine]]) -> Client:
    """A client of a machine with a shelf."""
    client = (await start_machine(plugins=[ShelfPlugin()])).client()
    await client.exec("create localhost<Space>; create localhost:s<Shelf>")
    return client  # type: ignore[return-value]  # it has the methods that completion uses


@pytest.mark.parametrize(
    ("typed", "offers"),
    [
        ("ping localhost:s ", ["Ext<Put>", "Ext<Pull>", "Cmd<Bounce>", "Cmd<Read>"]),
        ("ping localhost:s Ext<Pu", ["Ext<Put>", "Ext<Pull>"]),
        ("signal localhost:s Ext<Put", ["Ext<Put>"]),
        ("get localhost:s; ping localhost:s C", ["Cmd<Bounce>", "Cmd<Read>"]),
        ("set localhost:s {+c", ["colour"]),
        ("set localhost:s{+colour=red, +", ["colour", "width"]),
        ("set localhost:s{!w", ["width"]),
        ("get localhost:s{", ["colour", "width"]),
        ("create localhost:t<Shelf>{+wi", ["width"]),
        ("ping localhost:nobody Ext<", []),
        ("delete localhost:", ["localhost:s"]),
    ],
)
async def test_methods_properties_and_points_are_completed_in_their_place(
    shelves: Client, typed: str, offers: list[str]
) -> None:
    found = await offered(shelves, typed)
    start = max(typed.rfind(mark) + 1 for mark in " {+!")
    assert [text[start:] for text in found] == offers
