"""Virtual time jumps, stands still, and never hangs."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from hyperverse_core.testing.clock import ManualClock, VirtualClockLoop


def run(main: Coroutine[Any, Any, Any], *, autojump: bool = True) -> Any:
    with asyncio.Runner(loop_factory=lambda: VirtualClockLoop(autojump=autojump)) as runner:
        return runner.run(main)


def test_an_hour_passes_at_once() -> None:
    """A test that really waited for an hour would be ended long before."""

    async def main() -> float:
        await asyncio.sleep(3600)
        return asyncio.get_running_loop().time()

    assert run(main()) == pytest.approx(3600)


def test_timers_go_off_in_order_and_on_time() -> None:
    async def main() -> list[tuple[str, float]]:
        loop, seen = asyncio.get_running_loop(), []

        async def wait(name: str, seconds: float) -> None:
            await asyncio.sleep(seconds)
            seen.append((name, loop.time()))

        await asyncio.gather(wait("c", 3), wait("a", 1), wait("b", 2))
        return seen

    assert run(main()) == [("a", 1), ("b", 2), ("c", 3)]


def test_a_timeout_is_virtual_too() -> None:
    async def main() -> float:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(30):
                await asyncio.sleep(60)
        return asyncio.get_running_loop().time()

    assert run(main()) == pytest.approx(30)


def test_a_wait_that_nothing_can_end_is_told_instead_of_hanging() -> None:
    with pytest.raises(RuntimeError, match="deadlock"):
        run(asyncio.Event().wait())


def test_what_would_run_in_a_thread_runs_at_once_and_takes_no_time() -> None:
    async def main() -> None:
        began = asyncio.get_running_loop().time()
        assert await asyncio.to_thread(sum, [1, 2]) == 3
        with pytest.raises(ZeroDivisionError):
            await asyncio.to_thread(divmod, 1, 0)
        assert asyncio.get_running_loop().time() == began

    run(main())


def test_a_manual_clock_moves_only_when_told() -> None:
    async def main() -> None:
        clock = ManualClock()
        rang: list[int] = []
        for seconds in (1, 2, 3):
            asyncio.get_running_loop().call_later(seconds, rang.append, seconds)
        await asyncio.sleep(0)
        assert (clock.now, rang) == (0, [])
        await clock.advance(2.5)
        assert (clock.now, rang) == (2.5, [1, 2])
        with clock.autojump():
            await asyncio.sleep(10)
        assert (clock.now, rang) == (12.5, [1, 2, 3])

    run(main(), autojump=False)


def test_waiting_for_a_clock_that_stands_still_is_told_instead_of_hanging() -> None:
    with pytest.raises(RuntimeError, match="stands still"):
        run(asyncio.sleep(1), autojump=False)


async def test_a_manual_clock_needs_a_virtual_loop() -> None:
    with pytest.raises(RuntimeError, match="VirtualClockLoop"):
        ManualClock()
