"""Tests of calls that are cancelled, that arrive together, or that are under way when the registry is closed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final

import pytest

from ...contracts.registry import (
    Assignment,
    Changes,
    MachineKey,
    PropertyValue,
    Registered,
    Registration,
    Registry,
    Status,
    Strategy,
    TokenRecord,
)
from ...errors import Conflict, Unavailable
from ...universe.address.point import HYPERUSER
from ...universe.address.star_key import StarKey
from ...universe.kind_defs.properties import SetProperty
from .fixture_tree import BASE, FOLD, LONG, RegistryKitBase, at, fold, hosted_at, outcomes, populate

__all__ = ["CancelledCalls"]

_A = at("localhost:a")
_TREE: Final = tuple(at(f"localhost:t{number}") for number in range(12))
_TURNS: Final = 6
_SAVES: Final = 30


class CancelledCalls(RegistryKitBase):
    """A test group of :class:`~hyperverse_core.testing.RegistryConformance`."""

    async def test_a_write_is_seen_as_a_whole_or_not_at_all_also_when_its_caller_was_cancelled(
        self, registry: Registry
    ) -> None:
        await populate(registry, "localhost<Space>", *(point.text for point in _TREE))
        numbers = iter(range(10**6))

        def writes() -> dict[str, Callable[[], Awaitable[Any]]]:
            new = str(next(numbers))
            below = tuple(Registration(at(f"localhost:n{new}:{part}"), BASE, HYPERUSER) for part in ("x", "y", "z"))
            keys = [MachineKey(f"m{number}", "one", f"key {number} {new}") for number in range(5)]
            return {
                "set_properties": lambda: registry.set_properties(_TREE, [SetProperty("x", new)]),
                "chown": lambda: registry.chown(_TREE, at(f"owner{new}")),
                "register": lambda: registry.register(
                    Registration(at(f"localhost:n{new}"), BASE, HYPERUSER, {"n": PropertyValue(new)}, below=below)
                ),
                "set_machine_keys": lambda: registry.set_machine_keys(keys),
            }

        async with asyncio.timeout(LONG):
            for turns in range(_TURNS):
                for name, write in writes().items():
                    await _cancelled(write(), turns)
                    await _check_whole(registry, name)
                for name, write in writes().items():  # and nobody is held up by those that were cancelled
                    writing = asyncio.ensure_future(write())
                    while not writing.done():
                        await _check_whole(registry, name)
                        await asyncio.sleep(0)
                    await writing

    async def test_calls_that_were_cancelled_hold_nobody_up(self, registry: Registry) -> None:
        await populate(registry, "localhost<Space>", "localhost:a")
        star = await registry.announce(fold())
        held = await hosted_at(registry, _A, star)
        calls: tuple[Callable[[], Awaitable[Any]], ...] = (
            lambda: registry.register(Registration(_A, BASE, HYPERUSER, strategy=Strategy.ENSURE)),
            lambda: registry.set_status(_A, Status.PAUSED),
            lambda: registry.set_properties([_A], [SetProperty("x", "1")]),
            lambda: registry.chown([_A], HYPERUSER),
            lambda: registry.assign(_A, FOLD, star.incarnation, held),
            lambda: registry.delete([at("localhost:missing")]),
            lambda: registry.announce(fold(StarKey("kit", "jump"))),
            lambda: registry.add_token(TokenRecord("ab", _A)),
            lambda: registry.set_machine_keys([MachineKey("alpha", "one", "key")]),
            lambda: registry.records([_A]),
            lambda: registry.children(at("localhost")),
            lambda: registry.load_state(_A),
            lambda: registry.sequence(_A),
            lambda: registry.renew([star]),
            lambda: registry.release([(at("localhost:b"), held)]),
            lambda: registry.stars(),
            lambda: registry.grants([_A]),
            lambda: registry.token("ab"),
            lambda: registry.revision(),
            lambda: registry.changes(0, timeout=LONG),
        )
        async with asyncio.timeout(LONG):
            for turns in range(_TURNS):
                await asyncio.gather(*(_cancelled(call(), turns) for call in calls))
                found = await outcomes(call() for call in calls)
                assert [one for one in found if isinstance(one, Exception) and not isinstance(one, Conflict)] == []

    async def test_saves_take_effect_in_the_order_of_their_calls(self, registry: Registry) -> None:
        held = await _hosted(registry)
        for count in range(_SAVES):
            cut = count % 4  # which of them are cancelled: none, all, every other, every third
            saving = []
            for number in range(count):
                saving.append(asyncio.ensure_future(registry.save_state(_A, held, b"%d/%d" % (count, number))))
                if number % 5 == 4:
                    await asyncio.sleep(0)
                if cut and number % cut == 0:
                    saving[-1].cancel()
            last = asyncio.ensure_future(registry.save_state(_A, held, b"%d/last" % count))
            await asyncio.wait_for(last, LONG)  # a task, as the others: it must not begin before them
            await asyncio.gather(*saving, return_exceptions=True)
            loaded = await registry.load_state(_A)
            await registry.sequence(_A)  # a write behind it
            assert loaded == await registry.load_state(_A) == b"%d/last" % count, (
                "the saves of one process for one particle must take effect in the order of the calls, also when "
                "callers of earlier ones were cancelled"
            )

    @pytest.mark.parametrize("turns", [None, 1, 2, 5])
    async def test_a_close_finishes_the_calls_in_progress(self, registry: Registry, turns: int | None) -> None:
        await populate(registry, "localhost<Space>")
        points = [at(f"localhost:p{number}") for number in range(100)]
        calls = [asyncio.ensure_future(registry.register(Registration(point, BASE, HYPERUSER))) for point in points]
        reads = [asyncio.ensure_future(registry.children(at("localhost"))) for _ in range(10)]
        await asyncio.sleep(0)
        if turns is not None:  # the caller gives up, and another one closes it again
            await _cancelled(registry.close(), turns)
        try:
            async with asyncio.timeout(LONG):
                await registry.close()
                found = await asyncio.gather(*calls, return_exceptions=True)
                await asyncio.gather(*reads, return_exceptions=True)
        except TimeoutError:
            raise AssertionError("close() finishes the calls in progress, and some of them have no answer") from None
        except asyncio.CancelledError:
            raise AssertionError("close() was cancelled before, and can be called again") from None
        unexpected = [one for one in found if not isinstance(one, Registered | Unavailable)]
        assert not unexpected, f"a call in progress must be finished, or raise Unavailable: {unexpected[0]!r}"
        if self.durable:
            again = await self.open_again(registry)
            try:
                done = {point for point, one in zip(points, found, strict=True) if isinstance(one, Registered)}
                assert set(await again.records(points)) == done
            finally:
                await again.close()

    async def test_a_closed_registry_refuses_calls_and_keeps_nobody_waiting(self, registry: Registry) -> None:
        await populate(registry, "localhost<Space>")
        waiting = asyncio.ensure_future(registry.changes(await registry.revision(), timeout=10 * LONG))
        await asyncio.sleep(0)
        await registry.sequence(at("localhost"))
        async with asyncio.timeout(LONG):
            await registry.close()
            (waited,) = await asyncio.gather(waiting, return_exceptions=True)
        assert isinstance(waited, Unavailable) or (isinstance(waited, Changes) and not waited.entries)
        late: tuple[Callable[[], Awaitable[Any]], ...] = (
            lambda: registry.records([_A]),
            lambda: registry.sequence(at("localhost")),
            lambda: registry.stars(),
            lambda: registry.changes(0, timeout=LONG),
        )
        for call in late:
            with pytest.raises(Unavailable):
                await asyncio.wait_for(call(), LONG)


async def _hosted(registry: Registry) -> Assignment:
    await populate(registry, "localhost<Space>", "localhost:a")
    return await hosted_at(registry, _A, await registry.announce(fold()))


async def _cancelled(call: Awaitable[Any], turns: int) -> None:
    """Begins ``call``, and cancels it after some turns of the event loop."""
    task = asyncio.ensure_future(call)
    for _ in range(turns):
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def _check_whole(registry: Registry, name: str) -> None:
    """Fails when half of a write can be seen."""
    records = (await registry.records(_TREE)).values()
    for what, seen in (
        ("properties", {str(sorted(record.properties.items())) for record in records}),
        ("owners", {record.owner for record in records}),
    ):
        assert len(seen) == 1, f"{name} is atomic, and some particles have the new {what}, others the old ones: {seen}"
    keys: dict[str, int] = {}
    for key in await registry.machine_keys():
        written = key.key.rpartition(" ")[2]
        keys[written] = keys.get(written, 0) + 1
    assert set(keys.values()) <= {5}, f"{name} is atomic, and only some of the keys are there"
    children = (await registry.children(at("localhost"), limit=1000)).records
    tops = [record.point for record in children if record.point.name.startswith("n")]
    parts = await registry.records([top.child(part) for top in tops for part in ("x", "y", "z")])
    assert len(parts) == 3 * len(tops), f"{name} is atomic, and what belongs below a particle is missing"
