"""The watches of a client: changes of particles, as they happen."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, NoReturn

import attrs

from ..errors import BadRequest, HyperverseError, TryAgain, did_you_mean
from ..scheduling.guarded_log import guarded_log
from ..universe.address.point import Point
from ..universe.waves.wave import Method, Pong
from .arguments import type_named

__all__ = ["ASPECTS", "CHANGED", "ChangeWatch", "ClientWatches", "ParticleChange", "as_aspects"]

_log = guarded_log("hyperverse.client")
_VALUED: Final = ("State", "Property")
"""Aspects that have a value to read after a change."""
ASPECTS: Final = ("Log", "State", "Property", "Child")
CHANGED: Final = Method.parse("Ext<Changed>")
_MOST = 10_000
"""Changes that may wait for a slow reader."""
_PAUSE = 0.5
"""Seconds before retrying a watch that the machine could not begin."""

Ask = Callable[[str, dict[str, Any]], Awaitable[Pong]]
"""Sends the machine a request with a method and a body."""


@attrs.frozen
class ParticleChange:
    """A change of a watched particle.

    Attributes:
        watched: the particle that is watched.
        aspect: what has changed: ``Log``, ``State``, ``Property`` or ``Child``; empty when ``missed``.
        point: the particle that has changed: ``watched`` itself, or a child of it.
        change: what happened, such as ``state``, ``properties``, ``registered`` or ``deleted``; ``missed``.
        level, text: level and text of a log line; empty for other aspects.
        value: the state or the properties after the change, if the watch was asked for values; None when they cannot
            be read, and for other aspects.
        missed: whether changes before this one may have been missed, because the machine was lost or the reader is too
            slow. Read the particle again.
    """

    watched: Point
    aspect: str
    point: Point
    change: str
    level: str = ""
    text: str = ""
    missed: bool = False
    value: Any = None


Read = Callable[[ParticleChange], Awaitable[Any]]
"""Reads the value after a change."""


class ChangeWatch:
    """The changes of one particle. Made by ``client.watch``::

        async for change in client.watch("localhost:hits"):
            print(change.aspect, change.change)

        async with client.watch("localhost:hits", "State") as changes:      # watches from here on
            await client.ask("localhost:hits", "Ext<Add>")
            async for change in changes:
                break

    The watch continues when the particle moves, and when the client has lost its machine and connects again. Then, and
    when more than 10,000 changes wait to be read, it yields a change with ``missed``.
    """

    def __init__(
        self, watches: ClientWatches, point: Point, aspects: tuple[str, ...], *, read: Read | None = None
    ) -> None:
        self.point = point
        self.aspects = aspects
        self.begun = False
        self._watches = watches
        self._read = read
        self._waiting: deque[ParticleChange] = deque()
        self._news = asyncio.Event()
        self._over: HyperverseError | None = None
        self._closed = False

    async def __aenter__(self) -> ChangeWatch:
        await self._begin()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def __aiter__(self) -> AsyncIterator[ParticleChange]:
        return self._changes()  # a generator: leaving the loop ends it, and with it the watch

    if not TYPE_CHECKING:  # a type checker is to see that there is no such thing

        def __iter__(self) -> NoReturn:
            raise BadRequest("a watch needs `async for`, not `for`", hint="async for change in client.watch(point)")

        def __await__(self) -> NoReturn:
            raise BadRequest("a watch needs `async for`, not `await`", hint="async for change in client.watch(point)")

    async def _changes(self) -> AsyncIterator[ParticleChange]:
        entered = self.begun
        await self._begin()
        try:
            while True:
                while self._waiting:
                    yield await self._with_value(self._waiting.popleft())
                if self._over is not None:
                    raise self._over
                if self._closed:
                    return
                self._news.clear()
                await self._news.wait()
        finally:
            if not entered:  # otherwise `async with` ends it
                await self.close()

    async def _with_value(self, change: ParticleChange) -> ParticleChange:
        if self._read is None or change.aspect not in _VALUED:
            return change
        return attrs.evolve(change, value=await self._read(change))

    async def _begin(self) -> None:
        """Begins the watch. Raises the error with which the machine refuses it."""
        if not self.begun and not self._closed:
            self.begun = True
            await self._watches.begin(self)

    async def close(self) -> None:
        """Ends the watch. Changes that have arrived can still be read. May be called twice."""
        if not self._closed:
            self._closed = True
            self._news.set()
            await self._watches.end(self)

    # -- for the client -----------------------------------------------------------------------------------

    def put(self, change: ParticleChange) -> None:
        """Adds a change for the reader."""
        if len(self._waiting) >= _MOST:
            self._waiting.clear()
            change = self._missed()
        self._waiting.append(change)
        self._news.set()

    def miss(self) -> None:
        """Tells the reader that changes may have been missed."""
        if not self._waiting or not self._waiting[-1].missed:
            self.put(self._missed())

    def _missed(self) -> ParticleChange:
        return ParticleChange(self.point, "", self.point, "missed", missed=True)

    def finish(self, error: HyperverseError | None) -> None:
        """Ends the changes; ``error`` is raised after those that have arrived."""
        self._over = error
        self._closed = True
        self._news.set()


class ClientWatches:
    """All watches of one client.

    Args:
        ask: sends a request to the machine that the client is connected to.
    """

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self._open: dict[ChangeWatch, None] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def begin(self, watch: ChangeWatch) -> None:
        """Asks the machine to notify the client. Raises the error with which the machine refuses."""
        self._open[watch] = None
        try:
            (await self._ask("Ext<Watch>", _body(watch.point, watch.aspects))).unwrap()
        except BaseException:
            self._open.pop(watch, None)
            raise

    async def end(self, watch: ChangeWatch) -> None:
        """Ends a watch. The machine stops notifying the client of the particle, unless another watch needs it."""
        if self._open.pop(watch, watch) is watch:
            return  # it was ended together with all others
        wanted = {aspect for other in self._open if other.point == watch.point for aspect in other.aspects}
        left = tuple(aspect for aspect in watch.aspects if aspect not in wanted)
        if left:
            reply = await self._ask("Ext<Unwatch>", _body(watch.point, left))
            if not reply.ok:
                _log.debug("the machine still sends changes of %s: %s", watch.point, reply.error)

    def take(self, body: Any) -> bool:
        """Takes an ``Ext<Changed>``. Returns whether it was for one of the watches."""
        if not self._open or not isinstance(body, Mapping):
            return False
        aspect, watched, mine = body.get("aspect"), body.get("watched"), False
        for watch in list(self._open):
            if watch.point.text != watched or aspect not in watch.aspects:
                continue
            mine = True
            if body.get("change") == "missed":
                watch.miss()
            else:
                watch.put(_change(watch.point, body))
        return mine

    def connected_again(self) -> None:
        """The client has a new connection: it registers all its watches with the machine again."""
        for watch in list(self._open):
            task = asyncio.get_running_loop().create_task(self._again(watch), name=f"watch {watch.point} again")
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _again(self, watch: ChangeWatch) -> None:
        while watch in self._open:
            try:
                (await self._ask("Ext<Watch>", _body(watch.point, watch.aspects))).unwrap()
            except TryAgain as exc:
                _log.debug("%s is not watched yet: %s", watch.point, exc)
                await asyncio.sleep(_PAUSE)
            except HyperverseError as exc:
                self._open.pop(watch, None)
                watch.finish(exc)
            else:
                watch.miss()
                return

    def close(self, error: HyperverseError | None = None) -> None:
        """Ends all watches; their readers get ``error`` after the changes that have arrived."""
        for watch in list(self._open):
            watch.finish(error)
        self._open.clear()
        for task in self._tasks:
            task.cancel()


def as_aspects(aspects: tuple[object, ...]) -> tuple[str, ...]:
    """Returns the aspects to watch; all when none is named. Raises BadRequest."""
    for aspect in aspects:
        if aspect not in ASPECTS:
            said = f"{aspect!r}{did_you_mean(aspect, ASPECTS)}" if isinstance(aspect, str) else type_named(aspect)
            raise BadRequest(f"aspects contain {said}", hint=f"known: {', '.join(ASPECTS)}")
    return tuple(dict.fromkeys(map(str, aspects))) or ASPECTS


def _body(point: Point, aspects: tuple[str, ...]) -> dict[str, Any]:
    return {"point": point.text, "aspects": list(aspects)}


def _change(watched: Point, body: Mapping[str, Any]) -> ParticleChange:
    return ParticleChange(
        watched,
        str(body.get("aspect", "")),
        Point.parse(str(body.get("point", watched.text))),
        str(body.get("change", "logged")),
        str(body.get("level", "")),
        str(body.get("text", "")),
    )
