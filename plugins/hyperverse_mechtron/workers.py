"""Worker processes for guests whose documents say ``isolation=process``.

A worker that dies takes down only its current calls. Each is answered 503 with the outcome ``unknown``, and the next
call starts another worker.
"""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from typing import TYPE_CHECKING, Any, Final, Protocol

import attrs

from hyperverse_core import errors
from hyperverse_core.errors import HandlerFailed, OutcomeUnknown, TimedOut, Unavailable

from .short_waits import Callers, Lookout, usable_cores
from .worker_messages import (
    BUFFER,
    Answered,
    Ask,
    Cancel,
    Done,
    GuestFailed,
    Messages,
    Outbound,
    framed,
)

if TYPE_CHECKING:
    from .short_waits import ShortWaits
    from .wave_services import WaveServices
    from .worker_messages import GuestCall, Inbound, RunCommand

__all__ = ["Worker", "WorkerRefused", "Workers"]

_GRACE: Final = 10.0
"""Seconds beyond a guest's deadline after which its worker counts as hung."""
_RESTS_AFTER: Final = 60.0
"""Seconds without a guest after which a worker ends."""


class _Numbered(Protocol):
    @property
    def number(self) -> int: ...


@attrs.frozen(eq=False)
class _CallUnderWay:
    """A call in progress.

    Attributes:
        hung: time of the event loop after which its process counts as hung.
        seconds: time limit of the guest.
    """

    waiter: asyncio.Future[Done]
    hung: float
    seconds: float


class Worker(asyncio.BufferedProtocol):
    """One worker process, as the machine sees it.

    Args:
        process: the running process.
        end: our end of the socket, from which the event loop reads as well.

    Attributes:
        gone: whether it has ended.
        guests: number of instances that it holds.
        retired: whether a guest holds one of its threads forever: it ends once its other guests have ended.
    """

    def __init__(self, process: asyncio.subprocess.Process, end: socket.socket) -> None:
        self.gone = False
        self.guests = 0
        self.retired = False
        self.process = process
        self._end = end
        self._lookout = Lookout(end, usable_cores())
        self._messages = Messages(Outbound)
        self._buffer = memoryview(bytearray(BUFFER))
        self._pending: dict[int, _CallUnderWay] = {}
        self._watch: asyncio.TimerHandle | None = None
        self._services: dict[int, WaveServices] = {}
        self._asking: set[asyncio.Task[None]] = set()
        self._transport: Any = None
        self._last = 0

    @property
    def load(self) -> tuple[int, int]:
        """Its load: calls in progress, and instances."""
        return len(self._pending), self.guests

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the event loop."""
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by the event loop: the process has ended."""
        self.gone = True
        if self._watch is not None:
            self._watch.cancel()
        for pending in self._pending.values():
            if not pending.waiter.done():
                pending.waiter.set_exception(
                    OutcomeUnknown(
                        "the worker process of the guest has died; it is unknown what the guest did",
                        hint="the next call starts another process; the machine's log may say why it died",
                    )
                )
        for task in self._asking:
            task.cancel()

    def get_buffer(self, sizehint: int) -> memoryview:
        """Called by the event loop."""
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        """Called by the event loop."""
        for message in self._messages.feed(self._buffer[:nbytes]):
            if isinstance(message, Ask):
                self._ask(message)
                continue
            pending = self._pending.get(message.number)
            self.retired = self.retired or (isinstance(message, GuestFailed) and message.stuck)
            if pending is None or pending.waiter.done():
                continue
            if isinstance(message, Done):
                pending.waiter.set_result(message)
            else:
                pending.waiter.set_exception(WorkerRefused(message))

    def next_number(self) -> int:
        """Returns a new number for a call or an instance."""
        self._last += 1
        return self._last

    async def call(
        self,
        message: GuestCall | RunCommand,
        seconds: float,
        services: WaveServices | None = None,
        waits: ShortWaits | None = None,
    ) -> Done:
        """Sends it a task, and returns the outcome.

        Args:
            message: the task.
            seconds: time limit of the guest.
            services: answers what the guest asks the machine for.
            waits: whether to wait briefly in this thread for a quick guest.

        Raises:
            OutcomeUnknown: the worker has died.
            TimedOut: the worker did not answer, and was ended.
            WorkerRefused: the guest has failed.
        """
        if self.gone:
            raise Unavailable("the worker process of the guest has ended", hint="try again")
        number, loop = message.number, asyncio.get_running_loop()
        pending = _CallUnderWay(loop.create_future(), loop.time() + seconds + _GRACE, seconds)
        self._pending[number] = pending
        if self._watch is None or self._watch.when() > pending.hung:
            self._watch_from(loop, pending.hung)
        if services is not None:
            self._services[number] = services
        self._transport.write(framed(message))
        if waits is not None and waits.worth_it() and len(self._pending) == 1:
            self._wait_a_moment()
            waits.waited(answered=pending.waiter.done())
        try:
            return await pending.waiter
        except asyncio.CancelledError:
            self.send(Cancel(number))
            raise
        finally:
            self._pending.pop(number, None)
            self._services.pop(number, None)

    def _wait_a_moment(self) -> None:
        """Reads what arrives within a moment. If the connection is being closed, the event loop notices that, and it
        sends the rest of a large message."""
        transport = self._transport
        if transport.is_closing() or transport.get_write_buffer_size() or not self._lookout.soon():
            return
        try:
            size = self._end.recv_into(self._buffer)
        except OSError:
            return
        self.buffer_updated(size)

    def _watch_from(self, loop: asyncio.AbstractEventLoop, when: float) -> None:
        if self._watch is not None:
            self._watch.cancel()
        self._watch = loop.call_at(when, self._look, loop)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        """Ends a process that does not answer. One timer watches all calls."""
        self._watch = None
        late = [each for each in self._pending.values() if each.hung <= loop.time()]
        for each in late:
            if not each.waiter.done():
                each.waiter.set_exception(
                    TimedOut(f"the guest did not finish within {each.seconds:g} s, and its process does not answer")
                )
        if late:
            self.kill()
        elif self._pending:
            self._watch_from(loop, min(each.hung for each in self._pending.values()))

    def kill(self) -> None:
        """Ends the process at once."""
        if self.process.returncode is None:
            self.process.kill()

    def send(self, message: Inbound) -> None:
        """Sends a message, unless the process has ended."""
        if not self.gone:
            self._transport.write(framed(message))

    def _ask(self, question: Ask) -> None:
        services = self._services.get(question.number)
        if services is None:
            return
        task = asyncio.ensure_future(self._answer(services, question))
        self._asking.add(task)
        task.add_done_callback(self._asking.discard)

    async def _answer(self, services: WaveServices, question: Ask) -> None:
        send: Any = services.send if question.typed else services.ask
        status, body = await send(question.how, question.to, question.method, question.body, question.left)
        self.send(Answered(question.ask, status, body))

    async def close(self) -> None:
        """Ends the worker, and waits until it has ended."""
        if self._transport is not None:
            self._transport.abort()
        self.kill()
        await self.process.wait()
        await asyncio.gather(*self._asking, return_exceptions=True)


class WorkerRefused(Exception):
    """A call that failed, as the worker reports it."""

    def __init__(self, message: GuestFailed) -> None:
        super().__init__(message.message)
        self.told = message

    def as_error(self) -> errors.HyperverseError:
        """Returns the error that the guest, or the host in the worker, raised."""
        kind = getattr(errors, self.told.error, HandlerFailed)
        found: errors.HyperverseError = kind(self.told.message, hint=self.told.hint)
        return found


class Workers:
    """The worker processes of a machine: one for each core, started on demand.

    Attributes:
        callers: the callers of their guests.
    """

    def __init__(self) -> None:
        self.callers = Callers()
        self._workers: list[Worker] = []
        self._beginning: asyncio.Task[Worker] | None = None
        self._closing: set[asyncio.Task[None]] = set()
        self._most = os.cpu_count() or 2

    async def free(self) -> Worker:
        """Returns the least busy worker; starts another one if all are busy and there may be more."""
        self._workers = [each for each in self._workers if not each.gone]
        best = min(self._usable(), key=lambda each: each.load, default=None)
        if best is not None and (best.load == (0, 0) or len(self._usable()) >= self._most):
            return best
        if self._beginning is None:
            self._beginning = asyncio.ensure_future(self._begin())
            self._beginning.add_done_callback(self._begun)
        if best is not None and best.load[0] == 0:
            return best  # the new one serves the next call
        return await asyncio.shield(self._beginning)

    def _usable(self) -> list[Worker]:
        return [each for each in self._workers if not each.retired]

    async def _begin(self) -> Worker:
        ours, theirs = socket.socketpair()
        try:
            with theirs:
                argv = ["-m", f"{__package__}.worker_process", str(theirs.fileno())]
                process = await asyncio.create_subprocess_exec(
                    sys.executable, *argv, stdin=asyncio.subprocess.DEVNULL, pass_fds=(theirs.fileno(),)
                )
        except BaseException:
            ours.close()
            raise
        _, worker = await asyncio.get_running_loop().create_connection(lambda: Worker(process, ours), sock=ours)
        self._workers.append(worker)
        return worker

    def _begun(self, task: asyncio.Task[Worker]) -> None:
        self._beginning = None
        if not task.cancelled():
            task.exception()  # its waiters got the error

    def rest(self, worker: Worker) -> None:
        """Called when a call or an instance ends: an idle worker ends after a while."""
        if worker.load == (0, 0) and not worker.gone:
            rest = 0.0 if worker.retired else _RESTS_AFTER
            asyncio.get_running_loop().call_later(rest, self._end_idle, worker, worker.next_number())

    def _end_idle(self, worker: Worker, number: int) -> None:
        if worker.load == (0, 0) and worker.next_number() == number + 1 and not worker.gone:
            task = asyncio.ensure_future(worker.close())
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)

    async def close(self) -> None:
        """Ends all workers."""
        if self._beginning is not None:
            await asyncio.wait({self._beginning})
        workers, self._workers = self._workers, []
        await asyncio.gather(*(each.close() for each in workers), *self._closing, return_exceptions=True)

    async def run(self, message: RunCommand, seconds: float) -> tuple[int, bytes, bytes]:
        """Runs a command. Returns its exit code, its output and its error output.

        Args:
            message: the command; its number is assigned here.
            seconds: most seconds that it may run.
        """
        import msgspec

        worker = await self.free()
        numbered = msgspec.structs.replace(message, number=worker.next_number())
        try:
            code, stdout, stderr = (await worker.call(numbered, seconds)).result
        except WorkerRefused as exc:
            raise exc.as_error() from None
        finally:
            self.rest(worker)
        return code, stdout, stderr
