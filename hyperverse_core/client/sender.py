"""How a client sends its waves: as frames, in order, each with a future of its reply."""

from __future__ import annotations

import asyncio
import itertools
import secrets
from collections.abc import Mapping, Sequence
from typing import Any

from ..errors import HyperverseError, error_for_status
from ..protocol.frames import ClientPingFrame, ClientRippleFrame, ClientSignalFrame
from ..protocol.recipients_text import write_recipients
from ..universe.address.point import ROOT, Point
from ..universe.selectors.selector import Selector
from ..universe.waves.wave import (
    DEFAULT_HANDLING,
    Body,
    Echo,
    Handling,
    Method,
    Outcome,
    Pong,
    Priority,
    Recipients,
)
from .api import ClientApi, expected
from .pending import Pending, PendingWaves

__all__ = ["ClientSender"]


class ClientSender(ClientApi):
    """The waves of a client from outside. Who makes the connection gives them a way with ``self._pending``."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._pending = PendingWaves()
        self._closed: HyperverseError | None = None
        nonce = secrets.token_hex(6)
        self._ids = (f"c-{nonce}-{number:x}" for number in itertools.count(1))

    async def ping(
        self,
        to: Point | str,
        method: Method | str,
        body: Body = None,
        *,
        path: str = "/",
        headers: Mapping[str, str] | None = None,
        wait: float | None = None,
        retries: int = 0,
        priority: int = 3,
        expect: Any = None,
        topic: str = "",
    ) -> Pong:
        handling = _handling(wait, retries, priority)
        frame = ClientPingFrame(
            next(self._ids),
            (Point.parse(to) if isinstance(to, str) else to).text,
            (Method.parse(method) if isinstance(method, str) else method).text,
            body,
            path,
            headers if headers is None else dict(headers),
            handling.wait,
            retries,
            handling.priority,
            topic,
        )
        pong = await self._settled(frame, handling.wait, retries)
        return pong if expect is None else expected(pong, expect)

    async def signal(
        self,
        to: Point | str,
        method: Method | str,
        body: Body = None,
        *,
        path: str = "/",
        headers: Mapping[str, str] | None = None,
        priority: int = 3,
    ) -> Pong:
        handling = _handling(None, 0, priority)
        frame = ClientSignalFrame(
            next(self._ids),
            (Point.parse(to) if isinstance(to, str) else to).text,
            (Method.parse(method) if isinstance(method, str) else method).text,
            body,
            path,
            headers if headers is None else dict(headers),
            handling.wait,
            handling.priority,
            "",
        )
        return await self._settled(frame, handling.wait)

    async def ripple(
        self,
        to: Recipients | str | Sequence[Point],
        method: Method | str,
        body: Body = None,
        *,
        path: str = "/",
        headers: Mapping[str, str] | None = None,
        wait: float | None = None,
        count: int | None = None,
        priority: int = 3,
    ) -> list[Echo]:
        handling = _handling(wait, 0, priority)
        recipients = _recipients(to)
        frame = ClientRippleFrame(
            next(self._ids),
            write_recipients(recipients),
            (Method.parse(method) if isinstance(method, str) else method).text,
            body,
            path,
            headers if headers is None else dict(headers),
            handling.wait,
            count,
            handling.priority,
            "",
        )
        echoes: list[Echo] = []
        reply = await self._settled(frame, handling.wait, echoes=echoes)
        if reply.ok:
            return echoes
        if isinstance(recipients, tuple) and reply.outcome is Outcome.UNKNOWN:  # a partial answer is kept
            heard = {echo.sender for echo in echoes}
            late = [point for point in recipients if point not in heard]
            return echoes + [Echo(reply.status, reply.body, point, Outcome.UNKNOWN, reply.id) for point in late]
        raise error_for_status(reply.status, reply.error)

    async def _settled(
        self,
        frame: ClientPingFrame | ClientSignalFrame | ClientRippleFrame,
        wait: float,
        retries: int = 0,
        echoes: list[Echo] | None = None,
    ) -> Pong:
        if self._closed is not None:
            return Pong.failure(self._closed)
        pending = Pending(frame, self._loop.create_future(), self._loop.time() + wait, retries, echoes)
        self._pending.put(pending)
        try:
            reply = await pending.future
        finally:
            self._pending.forget(pending)
        if reply.sender is ROOT and isinstance(frame.to, str):
            reply.sender = Point.parse(frame.to)
        return reply


def _handling(wait: float | None, retries: int, priority: int) -> Handling:
    """Raises BadRequest."""
    if wait is None and not retries and priority == 3:
        return DEFAULT_HANDLING
    return Handling(DEFAULT_HANDLING.wait if wait is None else wait, retries, Priority(priority))


def _recipients(to: Recipients | str | Sequence[Point | str]) -> Recipients:
    if isinstance(to, str):
        return Selector.parse(to)
    if isinstance(to, Sequence):
        return tuple(Point.parse(point) if isinstance(point, str) else point for point in to)
    return to
