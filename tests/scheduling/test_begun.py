"""A coroutine that is begun at once gives its result without waiting, or goes on as if it had been awaited."""

from __future__ import annotations

import asyncio
from contextvars import Context
from typing import Any

import pytest

from hyperverse_core.scheduling.begun import Begun, begin


async def rest(begun: Any) -> Any:
    """What the rest of a coroutine gives."""
    assert isinstance(begun, Begun)
    return await begun


async def test_one_that_waits_for_nothing_has_its_result_at_once() -> None:
    async def seven() -> int:
        return 7

    assert begin(seven(), Context()) == 7


async def test_what_it_raises_at_once_is_raised_at_once() -> None:
    async def fails() -> int:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        begin(fails(), Context())


async def test_one_that_waits_goes_on_with_what_it_waits_for() -> None:
    loop = asyncio.get_running_loop()
    future: asyncio.Future[int] = loop.create_future()

    async def sums() -> int:
        first = await future
        await asyncio.sleep(0)
        return first + await asyncio.sleep(0.01, 2)

    begun = begin(sums(), Context())
    loop.call_soon(future.set_result, 5)
    assert await rest(begun) == 7


async def test_an_error_of_what_it_waits_for_arrives_in_it() -> None:
    future: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def careful() -> str:
        try:
            await future
        except LookupError as exc:
            await asyncio.sleep(0)
            return f"caught {exc}"
        return "nothing"

    begun = begin(careful(), Context())
    future.set_exception(LookupError("lost"))
    assert await rest(begun) == "caught lost"


async def test_what_it_raises_later_is_raised_to_whoever_awaits_it() -> None:
    async def fails() -> int:
        await asyncio.sleep(0)
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await rest(begin(fails(), Context()))


async def test_a_task_that_is_cancelled_cancels_it_and_what_it_waits_for() -> None:
    seen: list[str] = []
    future: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def waits() -> None:
        try:
            await future
        finally:
            seen.append("ended")

    async def run() -> None:
        await rest(begin(waits(), Context()))

    task = asyncio.create_task(run())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert seen == ["ended"]
    assert future.cancelled()


async def test_a_time_limit_in_it_works() -> None:
    async def limited() -> str:
        try:
            async with asyncio.timeout(0.01):
                await asyncio.Event().wait()
        except TimeoutError:
            return "late"
        return "never"

    assert await rest(begin(limited(), Context())) == "late"
