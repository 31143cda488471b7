"""Clients inside the machine's process: no socket."""

from __future__ import annotations

import abc
from collections.abc import Callable
from functools import partial
from typing import Self

import attrs

from ...client.api import GLOBAL_MACHINE, ClientApi
from ...client.arguments import as_callback
from ...client.serving import OnWave, called
from ...client.watching import CHANGED, ClientWatches
from ...contracts.gateway import Receive
from ...errors import NotFound, Unavailable
from ...universe.address.point import Point
from ...universe.address.surface import Surface
from ...universe.waves.wave import Directed, Ping, Pong, Signal
from .local_sender import LocalSender
from .outbound import Outbound

__all__ = ["InProcessClient", "LocalClient", "LocalSurface"]


@attrs.frozen
class LocalSurface:
    """The point of a client inside the process, and the call that removes it."""

    point: Point
    close: Callable[[], None]


class InProcessClient(ClientApi):
    """The base of clients inside the process: each serves and watches at its own point.

    They can be used with ``async with``, like a client outside the process.

    Attributes:
        machine: the name of the machine.
    """

    def __init__(self, machine: str) -> None:
        self.machine = machine
        self._callback: OnWave | None = None
        self._watches: ClientWatches | None = None

    @property
    def surface(self) -> Surface:
        """The particle that represents this client, to which others may send waves. It is created on first use; from
        then on the waves of this client are sent from there."""
        return Surface(self._own_point())

    @abc.abstractmethod
    def _own_point(self) -> Point:
        """Returns the point of the particle that represents this client."""

    def on_wave(self, callback: OnWave | None) -> OnWave | None:
        """Serves the waves that are sent to :attr:`surface`; can be used as a decorator.

        Args:
            callback: gets the wave and returns the body of the reply or a Pong, or an awaitable of one; an error that
                it raises becomes the reply. None stops serving. Cmd<Bounce> is answered without it.

        Raises:
            BadRequest: ``callback`` is not a function.
        """
        checked = as_callback(callback)
        self._own_point()
        self._callback = checked
        return callback

    async def _receive(self, wave: Directed) -> Pong | None:
        assert isinstance(wave, Ping | Signal)
        if wave.method is CHANGED and self._watches is not None and self._watches.take(wave.body):
            return None
        if self._callback is None:
            raise NotFound(f"this client does not serve {wave.method}")
        return await called(wave, self._callback)

    def _watching(self) -> ClientWatches:
        if self._watches is None:
            self._watches = ClientWatches(partial(self.ping, GLOBAL_MACHINE))
        self._own_point()
        return self._watches

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Ends its watches and its surface. May be called twice."""
        watches, self._watches = self._watches, None
        if watches is not None:
            watches.close()
            await self.ping(GLOBAL_MACHINE, "Ext<Unwatch>")


class LocalClient(InProcessClient, LocalSender):
    """The client that ``machine.client()`` returns. Its waves start at the machine's star, with the rights of
    ``agent``.

    It needs to be closed only after :meth:`watch` or :meth:`on_wave`, which use its surface.
    """

    def __init__(
        self,
        machine: str,
        outbound: Outbound,
        agent: Point,
        open_surface: Callable[[Point, Receive, Callable[[], None]], LocalSurface],
    ) -> None:
        InProcessClient.__init__(self, machine)
        LocalSender.__init__(self, outbound, sender=outbound.star.point, agent=agent)
        self._open_surface = open_surface
        self._own: LocalSurface | None = None

    def reopened(
        self, outbound: Outbound, open_surface: Callable[[Point, Receive, Callable[[], None]], LocalSurface]
    ) -> None:
        """Continues with other parts of the machine, which has closed and opened again. Its watches and its surface
        have ended.

        Args:
            outbound, open_surface: those of the new parts.
        """
        LocalSender.__init__(self, outbound, sender=outbound.star.point, agent=self.agent)
        self._open_surface = open_surface
        self._own = None

    @property
    def agent(self) -> Point:
        return self._origin.agent

    def _own_point(self) -> Point:
        if self._own is None:
            self._own = self._open_surface(self.agent, self._receive, self._ended)
            self._origin.sender = self._own.point
        return self._own.point

    def _ended(self) -> None:
        if self._watches is not None:
            self._watches.close(Unavailable(f"machine {self.machine!r} has stopped"))

    async def close(self) -> None:
        await super().close()
        own, self._own = self._own, None
        if own is not None:
            self._origin.sender = self._outbound.star.point
            own.close()
