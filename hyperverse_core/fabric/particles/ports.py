"""The parts of the layers above that a particle uses, as Protocols, so that imports point down."""

from __future__ import annotations

from collections.abc import Coroutine, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from ...contracts.driver import Ctx
from ...contracts.registry import ParticleRecord, Strategy
from ...errors import HyperverseError
from ...scheduling.deadlines import Deadlines
from ...universe.address.point import Point
from ...universe.commands.command import Command
from ...universe.kind_defs.properties import PropertyScalar
from ...universe.waves.wave import Directed, Echo, Ping, Pong, Ripple, Signal
from .caller import Caller

if TYPE_CHECKING:
    from .resident import Resident

__all__ = ["GatePort", "OutboundPort", "RoutingPort", "ServicesPort", "TablePort"]


class GatePort(Protocol):
    """Decides which waves may reach a particle."""

    def turn_away(self, active: Resident, wave: Directed) -> None:
        """Raises the refusal of the wave if it is already known. Raises Forbidden or Unauthorized."""

    def kept_refusal(self, active: Resident, wave: Directed) -> HyperverseError | None:
        """Returns the refusal of the wave if it is already known."""

    def begin(self, active: Resident, wave: Directed) -> Coroutine[Any, Any, None] | None:
        """Returns None when the wave may continue, or the rest of the decision. Both raise like :meth:`authorise`."""

    async def authorise(self, active: Resident, wave: Directed) -> None:
        """Returns if the wave may continue. Raises Forbidden or Unavailable."""

    async def authorise_again(self, wave: Directed) -> None:
        """Returns if a wave that was handled before may continue now. Raises Forbidden or Unavailable."""

    async def demand(self, active: Resident, wave: Directed, privilege: str) -> None:
        """Returns if the wave's agent has ``privilege`` on the particle. Raises Forbidden or Unavailable."""


class RoutingPort(Protocol):
    """Routes waves by a particle's bind."""

    async def follow(self, active: Resident, wave: Directed) -> Pong | None:
        """Sends the wave along its route; returns None if the particle's handlers must handle it."""


class OutboundPort(Protocol):
    """Sends waves from one star. Replies are returned unchanged; only Ripples raise."""

    deadlines: Deadlines

    async def ask(self, wave: Ping) -> Pong: ...

    def unanswered(self, wave: Directed) -> Pong:
        """Returns the reply to a wave whose deadline has passed."""

    def accepted(self, wave: Signal) -> Pong | None:
        """Sends a Signal if that needs no wait; returns None if the caller must use `notify`."""

    async def notify(self, wave: Signal) -> Pong: ...

    async def spread(self, wave: Ripple) -> list[Echo]: ...


class ServicesPort(Protocol):
    """The services of the machine for a handler."""

    def create(
        self,
        where: str,
        kind: str,
        properties: Mapping[str, PropertyScalar],
        strategy: Strategy,
        caller: Caller,
    ) -> Coroutine[Any, Any, ParticleRecord]:
        """Registers a particle on behalf of ``caller``."""

    async def execute(self, command: Command | str, ctx: Ctx) -> Pong:
        """Carries out a command as the agent of ``ctx``, the handler's context."""

    def logged(self, point: Point, level: str, text: str) -> None:
        """Handles a line that a particle wrote to its log."""


class TablePort(Protocol):
    """The part of the table of a star's particles that the particles use. See :class:`~.active_table.ActiveTable`."""

    def renew(self, active: Resident, record: ParticleRecord) -> None:
        """Applies a newer record of the particle from the registry."""

    def lose(self, active: Resident) -> None:
        """Called when the particle no longer lives here."""

    def taken(self, active: Resident) -> None:
        """Called when the registry no longer assigns the particle to this star."""
