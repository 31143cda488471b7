"""Virtual time: an event loop whose clock jumps to the next timer whenever there is nothing to do.

A test that waits for an hour takes a millisecond, and always runs in the same order::

    with asyncio.Runner(loop_factory=VirtualClockLoop) as runner:
        runner.run(main())
"""

from __future__ import annotations

import asyncio
import contextlib
import selectors
from collections.abc import Iterator
from typing import Any

__all__ = ["ManualClock", "VirtualClockLoop"]


class _JumpingSelector(selectors.DefaultSelector):
    """Polls the system and never waits; the loop's clock moves on by the time for which it would have waited."""

    loop: VirtualClockLoop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready: list[tuple[selectors.SelectorKey, int]] = super().select(0)
        if not ready and (timeout is None or timeout > 0):
            self.loop._idle(timeout)
        return ready


class VirtualClockLoop(asyncio.SelectorEventLoop):
    """An event loop with a clock of its own, which begins at 0.

    Threads are refused, because the clock cannot know when one of them will be done. A wait that nothing in the loop
    can ever end raises RuntimeError, where a real loop would hang.

    Args:
        autojump: whether time moves by itself when there is nothing to do. Otherwise only :meth:`advance` moves it.
    """

    def __init__(self, *, autojump: bool = True) -> None:
        selector = _JumpingSelector()
        selector.loop = self
        self._now = 0.0
        self._until: list[float] = []
        self.autojump = autojump
        super().__init__(selector)

    def time(self) -> float:
        """Seconds since the loop was made, by its own clock."""
        return self._now

    async def advance(self, seconds: float) -> None:
        """Lets ``seconds`` pass. All timers in between fire, in order."""
        target = self._now + seconds
        passed: asyncio.Future[None] = self.create_future()
        timer = self.call_at(target, passed.set_result, None)
        self._until.append(target)
        try:
            await passed
        finally:
            timer.cancel()
            self._until.remove(target)

    def _idle(self, timeout: float | None) -> None:
        if timeout is not None and (self.autojump or self._until):
            limit = timeout if self.autojump else min(timeout, max(self._until) - self._now)
            self._now += max(limit, 0.0)
        elif timeout is None:
            raise RuntimeError("deadlock: nothing is ready and no timer is set, so nothing can ever happen")
        else:
            raise RuntimeError("deadlock: all tasks wait for time to pass, and the clock stands still")

    def run_in_executor(self, executor: Any, func: Any, *args: Any) -> asyncio.Future[Any]:  # type: ignore[override]
        """Calls ``func`` with ``args`` at once, in this thread: that takes no time of this clock, which could not know
        when a thread would be done.

        Args:
            executor: not used.
            func: what would run in a thread. It must not wait for something that this loop does.
            args: its arguments.
        """
        done = self.create_future()
        try:
            done.set_result(func(*args))
        except Exception as exc:
            done.set_exception(exc)
        return done


class ManualClock:
    """The clock of the running :class:`VirtualClockLoop`. It stands still until a test moves it.

    Raises:
        RuntimeError: the running event loop is not a VirtualClockLoop.

    Example::

        async def test_a_ping_times_out_after_two_seconds(constellation, clock):
            echo, mute = await constellation("echo", "mute")
            with clock.autojump(), pytest.raises(TimedOut):
                await echo.ping(mute.point, "Ext<Hello>")
            assert clock.now == pytest.approx(2.0)
    """

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        if not isinstance(loop, VirtualClockLoop):
            raise RuntimeError(f"this needs a VirtualClockLoop, and {type(loop).__name__} is running")
        self._loop = loop
        loop.autojump = False

    @property
    def now(self) -> float:
        """Seconds since the loop was made, by its own clock."""
        return self._loop.time()

    async def advance(self, seconds: float) -> None:
        """Lets ``seconds`` pass. All timers in between fire, in order."""
        await self._loop.advance(seconds)

    @contextlib.contextmanager
    def autojump(self) -> Iterator[None]:
        """Within this block, time jumps to the next timer whenever there is nothing to do."""
        before, self._loop.autojump = self._loop.autojump, True
        try:
            yield
        finally:
            self._loop.autojump = before
