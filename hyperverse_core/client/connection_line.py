"""A queue for connections: a program makes only a few at a time, in order.

A handshake costs both sides a few milliseconds of processor time. If hundreds started together, each would wait for all
the others, and many would time out. In a queue, the time limit of each starts when its turn comes.
"""

from __future__ import annotations

import asyncio
import weakref
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from ..errors import Unavailable

__all__ = ["ConnectionLine"]

_AT_ONCE: Final = 32


class ConnectionLine:
    """The connections that the clients of one event loop are making."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = weakref.ref(loop)
        self._under_way = 0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._progress = 0.0

    @classmethod
    def of(cls, loop: asyncio.AbstractEventLoop) -> ConnectionLine:
        """Returns the queue of an event loop."""
        line = _lines.get(loop)
        if line is None:
            line = _lines[loop] = cls(loop)
        return line

    @asynccontextmanager
    async def turn(self, patience: float) -> AsyncIterator[None]:
        """A context that is entered when it is the caller's turn to connect.

        Args:
            patience: seconds after which to give up if no other connection has been made meanwhile.

        Raises Unavailable.
        """
        if self._under_way < _AT_ONCE:
            self._under_way += 1
        else:
            await self._wait(patience)
        try:
            yield
            self._progress = self._now()
        finally:
            self._pass_on()

    async def _wait(self, patience: float) -> None:
        joined = self._now()
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(place)
        try:
            while not place.done():
                left = max(joined, self._progress) + patience - self._now()
                if left <= 0:
                    raise Unavailable(
                        f"{_AT_ONCE} connections of this program have made no progress for {patience:g} s",
                        hint="check with `hyperverse status` whether the machine hangs",
                        retry_after=1.0,
                    )
                await asyncio.wait((place,), timeout=left)
        except BaseException:
            if place.done():
                self._pass_on()  # the turn came while this caller was giving up
            else:
                self._waiting.remove(place)
            raise

    def _pass_on(self) -> None:
        if self._waiting:
            self._waiting.popleft().set_result(None)
        else:
            self._under_way -= 1

    def _now(self) -> float:
        loop = self._loop()
        return 0.0 if loop is None else loop.time()


_lines: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, ConnectionLine] = weakref.WeakKeyDictionary()
