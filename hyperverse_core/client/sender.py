"""Sends the waves of a client as frames, in order, with a future for each reply."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

from ..errors import HyperverseError, error_for_status
from ..protocol.codec import client_frame
from ..universe.address.point import ROOT, Point
from ..universe.waves.origin import Origin, UnguessableIds, WaveOptions
from ..universe.waves.wave import Body, Directed, Echo, Method, Outcome, Ping, Pong, Ripple, Signal
from .api import ClientApi
from .pending import Pending, PendingWaves

__all__ = ["ClientSender"]

W = TypeVar("W", bound=Directed)


class ClientSender(ClientApi):
    """Sends waves as frames. The subclass makes the connection and passes it to ``self._pending``."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._pending = PendingWaves()
        self._closed: HyperverseError | None = None
        # The machine knows the identity of the client, so a client's frames have no fields for sender, agent and star.
        self._origin = Origin(ROOT, ROOT, "", UnguessableIds("c-"), self._loop.time)

    def _make(self, kind: type[W], to: Point | str, method: Method | str, body: Body, options: WaveOptions) -> W:
        return self._origin.wave(kind, to, method, body, options)

    def _ask(self, wave: Ping) -> Awaitable[Pong]:
        return self._settled(wave)

    def _notify(self, wave: Signal) -> Awaitable[Pong]:
        return self._settled(wave)

    async def _spread(self, wave: Ripple) -> list[Echo]:
        echoes: list[Echo] = []
        reply = await self._settled(wave, echoes)
        if reply.ok:
            return echoes
        if isinstance(wave.recipients, tuple) and reply.outcome is Outcome.UNKNOWN:  # a partial answer is kept
            heard = {echo.sender for echo in echoes}
            late = [point for point in wave.recipients if point not in heard]
            return echoes + [Echo(reply.status, reply.body, point, Outcome.UNKNOWN, reply.id) for point in late]
        raise error_for_status(reply.status, reply.error)

    async def _settled(self, wave: Directed, echoes: list[Echo] | None = None) -> Pong:
        """Sends a wave, and waits for the machine's reply."""
        if self._closed is not None:
            return Pong.failure(self._closed)
        handling = wave.handling
        until = self._loop.time() + handling.wait
        pending = Pending(client_frame(wave), self._loop.create_future(), until, handling.retries, echoes)
        self._pending.put(pending)
        try:
            reply = await pending.future
        except BaseException:  # cancelled; a wave that was answered has already been dropped
            self._pending.forget(pending)
            raise
        if reply.sender is ROOT and type(wave) is not Ripple:
            reply.sender = wave.to
        return reply
