"""Answers that are found once: nobody overtakes, and nobody gets an answer from before a change."""

from __future__ import annotations

import asyncio

import pytest

from hyperverse_core.errors import NotFound, Unavailable
from hyperverse_core.scheduling.single_flight import SingleFlight


class Found:
    """Finds an answer when it is told to."""

    def __init__(self) -> None:
        self.begun: list[asyncio.Future[str]] = []
        self.kept: dict[str, str] = {}
        self.flight: SingleFlight[str, str, str] = SingleFlight(self._find, self._keep)
        self.order: list[tuple[str, str]] = []

    async def _find(self, asked: str) -> str:
        self.begun.append(asyncio.get_running_loop().create_future())
        return await self.begun[-1]

    def _keep(self, key: str, value: str) -> None:
        self.kept[key] = value

    async def ask(self, name: str) -> None:
        """As those do that use it: what is kept is taken without waiting."""
        value = self.kept.get("key") or await self.flight.get("key", "asked")
        self.order.append((name, value))

    async def begin(self, *names: str) -> list[asyncio.Task[None]]:
        tasks = [asyncio.ensure_future(self.ask(name)) for name in names]
        await turns()
        return tasks


async def turns() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_one_finds_it_for_all_and_all_go_on_in_order() -> None:
    found = Found()
    tasks = await found.begin("a", "b", "c")
    assert len(found.begun) == 1
    found.begun[0].set_result("1")
    await asyncio.gather(*tasks, *await found.begin("d"))
    assert found.order == [(name, "1") for name in "abcd"]
    assert found.kept == {"key": "1"}


@pytest.mark.parametrize("first_done", [0, 1])
async def test_who_asks_after_a_change_gets_the_new_answer_and_overtakes_nobody(first_done: int) -> None:
    found = Found()
    tasks = await found.begin("a", "b", "c")
    found.flight.forget("key")
    tasks += await found.begin("d", "e")
    assert len(found.begun) == 2
    found.begun[first_done].set_result(str(first_done))
    tasks += await found.begin("f")
    found.begun[1 - first_done].set_result(str(1 - first_done))
    await asyncio.gather(*tasks)
    told = dict(found.order)
    assert told == {"a": "0", "b": "1", "c": "1", "d": "1", "e": "1", "f": "1"}
    assert [name for name, _ in found.order if name != "a"] == list("bcdef")
    assert found.kept == {"key": "1"}


async def test_an_answer_that_a_change_has_overtaken_is_not_kept() -> None:
    found = Found()
    tasks = await found.begin("a")
    found.flight.forget_all()
    found.begun[0].set_result("0")
    await asyncio.gather(*tasks)
    assert (found.order, found.kept) == ([("a", "0")], {})


async def test_a_failure_is_told_to_all_who_wait_and_nothing_is_kept() -> None:
    found = Found()
    tasks = await found.begin("a", "b")
    found.flight.forget("key")
    tasks += await found.begin("c")
    found.begun[1].set_exception(NotFound("gone"))
    assert [str(task) for task in await asyncio.gather(*tasks[1:], return_exceptions=True)] == ["gone", "gone"]
    found.begun[0].set_result("0")
    await tasks[0]
    assert (found.order, found.kept) == ([("a", "0")], {})
    assert "key" not in found.flight


async def test_one_who_gives_up_is_no_answer_for_the_others() -> None:
    found = Found()
    first, *others = await found.begin("a", "b", "c")
    first.cancel()
    await turns()
    assert len(found.begun) == 2
    others[0].cancel()
    found.begun[1].set_result("1")
    await others[1]
    assert found.order == [("c", "1")]
    assert found.kept == {"key": "1"}


async def test_whoever_waits_when_it_is_closed_is_told() -> None:
    found = Found()
    first, second = await found.begin("a", "b")
    first.cancel()
    await turns()
    await found.flight.close()
    with pytest.raises(Unavailable):
        await second
