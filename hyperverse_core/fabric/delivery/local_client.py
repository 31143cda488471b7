"""A client inside the machine's process: no socket, no credentials."""

from __future__ import annotations

from typing import Any, Unpack

from ...client.api import ClientApi, expected
from ...errors import Forbidden
from ...universe.address.point import Point
from ...universe.waves.origin import WaveOptions, timed_out
from ...universe.waves.own_copy import IMMUTABLE, own_copy
from ...universe.waves.wave import Body, Method, Ping, Pong
from .local_sender import LocalSender
from .outbound import Outbound

__all__ = ["LocalClient"]


class LocalClient(LocalSender, ClientApi):
    """What ``machine.client()`` returns. Its waves start at the machine's star, with the rights of ``agent``.

    It can be used as ``async with`` like a client from outside; there is nothing to close.

    Attributes:
        machine: name of the machine.
        surface: the point that its waves come from.
    """

    def __init__(self, machine: str, outbound: Outbound, agent: Point) -> None:
        super().__init__(outbound, sender=outbound.star.point, agent=agent)
        self.machine = machine
        self.surface = outbound.star.point

    @property
    def agent(self) -> Point:
        return self._origin.agent

    async def __aenter__(self) -> LocalClient:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Nothing is kept open."""

    async def ping(
        self,
        to: Point | str,
        method: Method | str,
        body: Body = None,
        *,
        expect: Any = None,
        **options: Unpack[WaveOptions],
    ) -> Pong:
        if type(body) not in IMMUTABLE:
            body = own_copy(body)
        try:
            wave = self._origin.wave(Ping, to, method, body, options)
        except Forbidden as exc:
            return Pong.failure(exc)
        outbound = self._outbound
        with outbound.deadlines.by(wave.deadline):
            reply = await outbound.ask(wave)
            return reply if expect is None else expected(reply, expect)
        return timed_out(wave, wave.handling.wait)  # reached when the deadline has ended the block above
