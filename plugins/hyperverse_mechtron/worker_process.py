"""A worker process, ``python -m hyperverse_mechtron.worker_process FD``. It runs guests for the machine at the other
end of the socket, and ends with that machine."""

from __future__ import annotations

import asyncio
import itertools
import os
import signal
import socket
import sys
import types
from collections.abc import Coroutine, Generator
from functools import partial
from pathlib import Path
from time import monotonic_ns
from typing import Any

from hyperverse_core.errors import HandlerFailed, HyperverseError, Unavailable, described

from .call_services import CallServices
from .code import deserialized
from .host.limits import GuestLimits
from .host.running import come_back, stuck
from .worker_messages import (
    BUFFER,
    Answered,
    Ask,
    Cancel,
    Close,
    Done,
    GuestCall,
    GuestFailed,
    Inbound,
    Messages,
    Outbound,
    Recipe,
    RunCommand,
    WaveFacts,
    framed,
)

__all__: list[str] = []

_numbers = itertools.count(1)


@types.coroutine
def _rest_of(call: Coroutine[Any, Any, None], waits_for: Any) -> Generator[Any, Any, None]:
    """Returns the rest of a call that was begun and now waits."""
    while True:
        try:
            got = yield waits_for
        except BaseException as exc:
            step = partial(call.throw, exc)
        else:
            step = partial(call.send, got)
        try:
            waits_for = step()
        except StopIteration:
            return


class _Worker:
    """This process's end of the socket.

    Args:
        end: the blocking socket.

    Attributes:
        ended: done when the machine is gone.
    """

    def __init__(self, end: socket.socket) -> None:
        self.ended = asyncio.get_running_loop().create_future()
        self._end = end
        self._buffer = memoryview(bytearray(BUFFER))
        self._messages = Messages(Inbound)
        self._guests: dict[int, _Held] = {}
        self._calls: dict[int, asyncio.Task[None]] = {}
        self._asked: dict[int, asyncio.Future[Answered]] = {}
        self._modules: dict[tuple[str, bool], Any] = {}
        asyncio.get_running_loop().add_reader(end, self._readable)

    def _readable(self) -> None:
        """Reads what has arrived. While no call is in progress, the event loop has nothing else to do: then this thread
        waits in the socket for the next message, since waking the loop takes three times as long."""
        while True:
            try:
                size = self._end.recv_into(self._buffer)
            except OSError:
                size = 0
            if not size:
                self._gone()
                return
            for message in self._messages.feed(self._buffer[:size]):
                self._take(message)
            if self._calls:
                return

    def _gone(self) -> None:
        asyncio.get_running_loop().remove_reader(self._end)
        if not self.ended.done():
            self.ended.set_result(None)

    def _take(self, message: Inbound) -> None:
        if isinstance(message, GuestCall):
            self._begin(message.number, self._call(message))
        elif isinstance(message, RunCommand):
            self._begin(message.number, self._run(message))
        elif isinstance(message, Answered):
            asked = self._asked.pop(message.ask, None)
            if asked is not None and not asked.done():
                asked.set_result(message)
        elif isinstance(message, Close):
            held = self._guests.pop(message.guest, None)
            if held is not None:
                held.guest.close()
        else:
            self._cancel(message)

    def _begin(self, number: int, call: Coroutine[Any, Any, None]) -> None:
        """Begins a call at once. Most calls end without waiting, so they need no task."""
        try:
            waits_for = call.send(None)
        except StopIteration:
            return
        task = self._calls[number] = asyncio.ensure_future(_rest_of(call, waits_for))
        task.add_done_callback(lambda _: self._calls.pop(number, None))

    def _cancel(self, message: Cancel) -> None:
        task = self._calls.get(message.number)
        if task is not None:
            task.cancel()

    def write(self, message: Outbound) -> None:
        """Sends a message. The machine always reads, so this does not block for long."""
        try:
            self._end.sendall(framed(message))
        except OSError:
            self._gone()

    async def _call(self, call: GuestCall) -> None:
        begun = monotonic_ns()
        services = None if call.facts is None else _Services(self, call.number, call.facts)
        lines = [] if services is None else services.lines
        try:
            held = self._guests.get(call.guest)
            if held is None:
                assert call.recipe is not None, "the first call of a guest carries it"
                held = self._guests[call.guest] = _Held(call.recipe, self._module(call.recipe))
            result = await held.answer(services, call.method, call.body)
            kept = await held.changed()
            changed = {} if services is None else services.changed
            self.write(Done(call.number, result, lines, changed, kept, monotonic_ns() - begun))
        except BaseException as exc:
            await self._left(exc)
            self._failed(call.number, exc, lines, call.guest)

    async def _run(self, message: RunCommand) -> None:
        from .host.command import run_command
        from .host.grants import GrantedFolder, WasiGrants
        from .instances import stand_ins_there

        grants = WasiGrants(
            message.arguments, message.environment, [GrantedFolder(*folder) for folder in message.folders]
        )
        limits = GuestLimits(*message.recipe.limits)
        try:
            done = await run_command(
                self._module(message.recipe),
                message.name,
                grants,
                limits,
                stdin=message.stdin,
                start=message.start,
                stand_ins=stand_ins_there(message.recipe.stand_ins),
            )
            self.write(Done(message.number, [done.code, done.stdout, done.stderr]))
        except BaseException as exc:
            await self._left(exc)
            self._failed(message.number, exc, [], 0)

    @staticmethod
    async def _left(exc: BaseException) -> None:
        """Lets the guest of a cancelled call leave its thread: otherwise the machine would be told that it never
        leaves it, and start another process."""
        if isinstance(exc, asyncio.CancelledError):
            await come_back()

    def _failed(self, number: int, exc: BaseException, lines: list[str], guest: int) -> None:
        held = self._guests.get(guest)
        if held is not None and isinstance(exc, asyncio.CancelledError):
            held.guest.close()
        dead = held is None or held.guest.dead
        if dead:
            self._guests.pop(guest, None)
        known = isinstance(exc, HyperverseError)
        name = type(exc).__name__ if known else HandlerFailed.__name__
        message, hint = (exc.message, exc.hint) if isinstance(exc, HyperverseError) else (described(exc), "")
        self.write(GuestFailed(number, name, message, hint, lines, dead, stuck() > 0))
        if not isinstance(exc, Exception) and not isinstance(exc, asyncio.CancelledError):
            raise exc

    def _module(self, recipe: Recipe) -> Any:
        key = (recipe.path, recipe.limits[2] is not None)
        found = self._modules.get(key)
        if found is None:
            found = deserialized(Path(recipe.path), key[1])
            if found is None:
                raise Unavailable("its compiled code is gone", hint="try again: it is compiled anew")
            if len(self._modules) >= 64:
                self._modules.clear()  # their guests hold those in use
            self._modules[key] = found
        return found

    async def ask(self, services: _Services, typed: bool, *question: Any) -> tuple[int, Any]:
        number = next(_numbers)
        answer: asyncio.Future[Answered] = asyncio.get_running_loop().create_future()
        self._asked[number] = answer
        try:
            self.write(Ask(services.number, number, typed, *question))
            found = await answer
        finally:
            self._asked.pop(number, None)
        return found.status, found.body


class _Services(CallServices):
    """What a guest asks for: anything missing here is requested from the machine, one request at a time."""

    def __init__(self, worker: _Worker, number: int, facts: WaveFacts) -> None:
        super().__init__(
            state=facts.state,
            most=facts.most,
            headers=facts.headers,
            path=facts.path,
            agent=facts.agent,
            carries_bytes=facts.carries_bytes,
        )
        self.number = number
        self._worker = worker

    async def ask(self, how: str, to: bytes, method: bytes, body: bytes, left: float) -> tuple[int, bytes]:
        return await self._worker.ask(self, False, how, to, method, body, left)

    async def send(self, how: str, to: str, method: str, body: Any, left: float) -> tuple[int, str | bytes]:
        return await self._worker.ask(self, True, how, to, method, body, left)


class _Held:
    """One instance, and what was last reported of what is kept of it."""

    def __init__(self, recipe: Recipe, module: Any) -> None:
        from .instances import made
        from .kept import keeper

        self._keeper = keeper(recipe.keeps, recipe.starts, recipe.kept)
        self.library = recipe.kind == "LIBRARY"
        self.guest = made(recipe, module, GuestLimits(*recipe.limits), self._keeper)

    async def answer(self, services: Any, method: str, body: Any) -> Any:
        if not self.library:
            return await self.guest.handle(services, method, body)
        from .steps import steps_of

        return await self.guest.run(steps_of(body))

    async def changed(self) -> dict[str, Any] | None:
        if self._keeper is None:
            return None
        from .kept import kept_body

        now = await self.guest.kept()
        if now == self._keeper.saved:
            return None
        self._keeper.saved = now
        return kept_body(now)


async def _serve(end: socket.socket) -> None:
    await _Worker(end).ended


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal also sends it to the machine, which ends this process
    asyncio.run(_serve(socket.socket(fileno=int(sys.argv[1]))))
    os._exit(0)  # a guest may be in a function that never returns, and exit would wait for its thread
