"""Answers the waves that are sent to a client."""

from __future__ import annotations

import asyncio
import inspect
from collections import deque
from collections.abc import Callable
from typing import Any

from ..errors import HandlerFailed, HyperverseError, LaneFull, NotFound, TimedOut, Unavailable, described
from ..protocol.codec import encode_pong
from ..scheduling.cancellation import ends_task
from ..scheduling.guarded_log import guarded_log
from ..scheduling.presentable import presentable
from ..universe.waves.own_pong import own_pong
from ..universe.waves.wave import BOUNCE, Outcome, Ping, Pong, Signal
from .connection import ClientConnection
from .watching import CHANGED, ClientWatches

__all__ = ["ClientServing", "OnWave", "called"]

_log = guarded_log("hyperverse.client")
_MOST = 256
"""Number of callbacks that may run at the same time."""
_MOST_WAITING = 10_000
"""Number of waves that may wait for a callback to end."""

OnWave = Callable[[Ping | Signal], Any]
"""Receives a wave, and returns a body, a Pong, or an awaitable of either."""


class ClientServing:
    """Answers waves: ``Cmd<Bounce>`` by itself; changes of watched particles go to their watch, and all other waves to
    the callback.

    Args:
        watches: the watches of the client.

    Attributes:
        callback: handles the waves; None while the client serves none.
    """

    def __init__(self, watches: ClientWatches) -> None:
        self._watches = watches
        self.callback: OnWave | None = None
        self._loop = asyncio.get_running_loop()
        self._tasks: set[asyncio.Task[None]] = set()
        self._under_way = 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    def take(self, connection: ClientConnection, wave: Ping | Signal) -> None:
        """Handles a wave that has arrived over ``connection``."""
        if wave.method is BOUNCE:
            if type(wave) is Ping:
                self._answer(connection, wave, Pong(200))
            return
        if wave.method is CHANGED and self._watches.take(wave.body):
            return
        if self.callback is None:
            if type(wave) is Ping:
                error = NotFound(f"this client does not serve {wave.method}")
                self._answer(connection, wave, Pong.failure(error))
        elif len(self._tasks) < _MOST + _MOST_WAITING:
            task = self._loop.create_task(self._handle(connection, wave, self.callback))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        elif type(wave) is Ping:
            full = Unavailable(f"{_MOST_WAITING} waves wait for the callback of this client", retry_after=0.1)
            self._answer(connection, wave, Pong.failure(full))
        else:
            _log.warning("signal %s is lost: %d waves wait for the callback", wave.method, _MOST_WAITING)

    async def _handle(self, connection: ClientConnection, wave: Ping | Signal, call: OnWave) -> None:
        await self._turn()
        try:
            reply = await called(wave, call)
        finally:
            self._pass_on()
        if type(wave) is Ping:
            self._answer(connection, wave, reply)

    async def _turn(self) -> None:
        """Returns when one more callback may run. This is checked when a callback starts, not when its wave arrives: of
        hundreds that arrive together, most have ended when the last one starts, and all of them before the other side
        sees the last reply."""
        if self._under_way < _MOST and not self._waiting:
            self._under_way += 1
            return
        turn = self._loop.create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled():
                self._pass_on()  # the turn came at the moment of the cancellation
            raise

    def _pass_on(self) -> None:
        self._under_way -= 1
        while self._waiting and self._under_way < _MOST:
            turn = self._waiting.popleft()
            if not turn.done():
                self._under_way += 1
                turn.set_result(None)

    @staticmethod
    def _answer(connection: ClientConnection, wave: Ping, reply: Pong) -> None:
        reply.id = wave.id
        try:
            try:
                connection.transmit(connection.peer, encode_pong(reply))
            except LaneFull:
                raise
            except Unavailable:
                return  # the sender learns that this client is gone
            except HyperverseError as exc:
                failure = Pong.failure(HandlerFailed(exc.message, hint=exc.hint), Outcome.FAILED)
                failure.id = wave.id
                connection.transmit(connection.peer, encode_pong(failure))
        except LaneFull:
            _log.warning("the machine accepts no more replies: the reply to %s is lost", wave.id)

    async def close(self) -> None:
        """Cancels the callbacks that are running."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def called(wave: Ping | Signal, call: OnWave) -> Pong:
    """Returns the reply of a callback to a wave, whatever the callback returns or raises."""
    try:
        async with asyncio.timeout_at(None if wave.deadline == float("inf") else wave.deadline):
            said = call(wave)
            if inspect.isawaitable(said):
                said = await said
    except TimeoutError:
        return Pong.failure(TimedOut(f"the client did not finish {wave.method} in time"), Outcome.UNKNOWN)
    except HyperverseError as exc:
        return Pong.failure(exc, Outcome.FAILED)
    except BaseException as exc:
        if ends_task(exc):
            raise
        exc = presentable(exc)
        _log.error("the callback failed to handle %s", wave.method, exc_info=exc, extra={"wave": wave.id})
        return Pong.failure(HandlerFailed(described(exc)), Outcome.FAILED)
    try:
        return own_pong(said) if isinstance(said, Pong) else Pong(200, said)
    except HandlerFailed as exc:
        return Pong.failure(exc, Outcome.FAILED)
