"""A Ripple to more recipients than the window has room for: they are read and asked by pages."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from fabric.conftest import World
from hyperverse_core import Machine
from hyperverse_core.errors import Unavailable
from hyperverse_core.fabric.delivery.collected import RippleProgress
from hyperverse_core.fabric.delivery.paged_gathering import PagedGathering
from hyperverse_core.universe.address.point import Point
from hyperverse_core.universe.selectors.selector import Selector
from hyperverse_core.universe.waves.origin import WaveOptions
from hyperverse_core.universe.waves.wave import Echo, Outcome, Ripple

MANY, WINDOW, PAGE = 60, 20, 5
ALL = "localhost:*<Worker>"
DELIVERY = "hyperverse_core.fabric.delivery"


@pytest.fixture(autouse=True)
def small_window(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (f"{DELIVERY}.paged_gathering.WINDOW", f"{DELIVERY}.fan_out.WINDOW"):
        monkeypatch.setattr(name, WINDOW)
    for name in (f"{DELIVERY}.paged_gathering.PAGE", "hyperverse_core.fabric.caches.selections.PAGE"):
        monkeypatch.setattr(name, PAGE)


@pytest.fixture
async def crowd(machine: Machine, world: World) -> list[str]:
    """The points of more Workers than the window has room for, in order."""
    names = [f"w{number:03}" for number in range(MANY)]
    await world(*(f"{name}<Worker>" for name in names))
    return [f"localhost:{name}" for name in names]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many recipients had not answered, each time that others were asked."""
    seen: list[int] = []
    ask = PagedGathering._ask

    def noted(self: PagedGathering, points: list[Point], put: Callable[..., None]) -> None:
        seen.append(len(self.open))
        ask(self, points, put)

    monkeypatch.setattr(PagedGathering, "_ask", noted)
    return seen


def senders(echoes: list[Echo]) -> list[str]:
    return sorted(echo.sender.text for echo in echoes)


async def test_each_recipient_is_asked_once_and_no_more_at_once_than_the_window_allows(
    machine: Machine, crowd: list[str], asked: list[int]
) -> None:
    echoes = await machine.client().ripple(ALL, "Ext<Add>")
    assert senders(echoes) == crowd
    assert {(echo.status, echo.body, echo.outcome) for echo in echoes} == {(200, 1, Outcome.OK)}
    assert len(asked) == 1 + (MANY - WINDOW) // PAGE and max(asked) <= WINDOW


async def test_one_that_takes_long_keeps_nobody_behind_it(machine: Machine, crowd: list[str]) -> None:
    client = machine.client()
    stuck = asyncio.ensure_future(client.ping(crowd[0], "Ext<Work>", {"seconds": 60.0}, wait=90.0))
    await asyncio.sleep(0.1)
    echoes = await client.ripple(ALL, "Ext<Get>", wait=5.0)
    assert senders(echoes) == crowd
    late = {echo.sender.text: (echo.status, echo.outcome) for echo in echoes if not echo.ok}
    assert late == {crowd[0]: (408, Outcome.UNKNOWN)}
    assert (await stuck).ok


async def test_when_the_time_is_over_the_answers_are_kept_and_an_echo_says_that_others_were_not_asked(
    machine: Machine, crowd: list[str]
) -> None:
    client = machine.client()
    stuck = [
        asyncio.ensure_future(client.ping(point, "Ext<Work>", {"seconds": 60.0}, wait=90.0)) for point in crowd[2:30]
    ]
    await asyncio.sleep(0.1)
    echoes = await client.ripple(ALL, "Ext<Get>", wait=5.0)
    others = echoes.pop()
    assert (others.status, others.outcome, others.sender.text) == (
        408,
        Outcome.REJECTED,
        machine.parts.outbound.star.point.text,
    )
    assert "not all recipients of 'localhost:*<Worker>' were asked" in others.error
    assert Counter(echo.status for echo in echoes) == {200: 2, 408: len(echoes) - 2}
    assert senders(echoes) == crowd[: len(echoes)] and WINDOW - PAGE < len(echoes) - 2 <= WINDOW
    await asyncio.gather(*stuck)


async def test_a_page_that_cannot_be_read_costs_nobody_the_answer_that_has_come(
    machine: Machine, crowd: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    select = type(machine.registry).select

    async def failing(self: Any, selector: Selector, *, after: Point | None = None, limit: int = 100) -> Any:
        if after is not None and after.text >= crowd[30]:
            raise Unavailable("the disk is away")
        return await select(self, selector, after=after, limit=limit)

    monkeypatch.setattr(type(machine.registry), "select", failing)
    echoes = await machine.client().ripple(ALL, "Ext<Get>")
    others = echoes.pop()
    assert (others.status, others.outcome) == (503, Outcome.REJECTED)
    assert others.error == "not all recipients of 'localhost:*<Worker>' were asked: the disk is away"
    assert senders(echoes) == crowd[: len(echoes)] and 30 <= len(echoes) < MANY


@pytest.mark.parametrize("count", [1, WINDOW + 7, MANY])
async def test_as_many_echoes_as_asked_for_are_enough(
    machine: Machine, crowd: list[str], asked: list[int], count: int
) -> None:
    echoes = await machine.client().ripple(ALL, "Ext<Get>", count=count)
    assert len(echoes) == count and {echo.status for echo in echoes} == {200}
    assert count > WINDOW or len(asked) == 1, "nobody reads on for those who are not wanted"


# -- echoes that are handed on as they come ----------------------------------------------------------------------


def a_ripple(machine: Machine) -> Ripple:
    wave = machine.parts.outbound.origin.wave(Ripple, "localhost", "Ext<Get>", None, WaveOptions())
    wave.recipients = Selector.parse(ALL)
    return wave


async def test_echoes_are_handed_on_as_they_come_and_nobody_keeps_them(
    machine: Machine, crowd: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"{DELIVERY}.paged_gathering._HANDED_ON", 4)
    handed: list[Echo] = []
    sizes: list[int] = []

    async def hand_on(some: list[Echo]) -> None:
        sizes.append(len(some))
        handed.extend(some)

    rest = await machine.parts.outbound.spread(a_ripple(machine), hand_on=hand_on)
    assert max(sizes) == 4 and len(rest) <= 4
    assert senders(handed + rest) == crowd


async def test_nobody_else_is_asked_while_too_many_echoes_wait_to_be_handed_on(
    machine: Machine, crowd: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"{DELIVERY}.paged_gathering._HANDED_ON", 4)
    handed: list[Echo] = []
    slow = asyncio.Event()

    async def hand_on(some: list[Echo]) -> None:
        await slow.wait()
        handed.extend(some)

    progress = RippleProgress()
    ripple = asyncio.ensure_future(machine.parts.outbound.spread(a_ripple(machine), progress, hand_on))
    await asyncio.sleep(5.0)  # by the clock of the test: everything that can happen has happened
    assert not ripple.done() and progress.waiting is not None
    assert len(progress.waiting) + len(progress.echoes) <= WINDOW
    slow.set()
    assert senders(handed + await ripple) == crowd
