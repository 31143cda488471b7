"""A client inside the machine's process: no socket, no knock."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ...client.api import ClientApi, expected
from ...errors import Forbidden
from ...universe.address.point import Point
from ...universe.waves.wave import Body, Method, MethodKind, Ping, Pong
from ..particles.context import handling_of, timed_out
from .local_sender import LocalSender

if TYPE_CHECKING:
    from ..machine import Machine

__all__ = ["LocalClient"]


class LocalClient(LocalSender, ClientApi):
    """What ``machine.client()`` returns. Its waves start at the machine's star, with the rights of ``agent``.

    It can be used as ``async with`` like a client from outside; there is nothing to close.

    Attributes:
        machine: name of the machine.
        surface: the point that its waves come from.
    """

    def __init__(self, machine: Machine, agent: Point) -> None:
        super().__init__(machine, sender=machine.machine_star.point, agent=agent)
        self.machine = machine.name
        self.surface = machine.machine_star.point

    @property
    def agent(self) -> Point:
        return self._agent

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
        path: str = "/",
        headers: Mapping[str, str] | None = None,
        wait: float | None = None,
        retries: int = 0,
        priority: int = 3,
        expect: Any = None,
        topic: str = "",
    ) -> Pong:
        star = self._star
        handling = handling_of(wait, retries, priority)
        wave = Ping(
            Point.parse(to) if isinstance(to, str) else to,
            Method.parse(method) if isinstance(method, str) else method,
            body,
            path,
            headers,
            self._sender,
            self._agent,
            self._scope,
            handling,
            star.loop.time() + handling.wait,
            (),
            0,
            star.new_id(),
            topic,
            star.text,
        )
        if wave.method.kind is MethodKind.HYP:
            return star.refusal(wave, Forbidden(f"{method} is between stars"))
        with star.deadlines.by(wave.deadline):
            reply = await star.ask(wave)
            return reply if expect is None else expected(reply, expect)
        return timed_out(wave, handling.wait)
