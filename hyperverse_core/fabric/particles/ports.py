"""What a particle uses of the rooms above it, as Protocols: the arrows point down."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

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
        """Raises the refusal of the wave if it is known already. Raises Forbidden, Unauthorized."""

    def kept_refusal(self, active: Resident, wave: Directed) -> HyperverseError | None:
        """The refusal of the wave if it is known already."""

    async def authorise(self, active: Resident, wave: Directed) -> None:
        """Returns when the wave may go on. Raises Forbidden, Unavailable."""

    async def authorise_again(self, wave: Directed) -> None:
        """Returns when a wave that was handled before might go on now. Raises Forbidden, Unavailable."""

    async def demand(self, active: Resident, wave: Directed, privilege: str) -> None:
        """Returns when the wave's agent has ``privilege`` on the particle. Raises Forbidden, Unavailable."""


class RoutingPort(Protocol):
    """The way that a particle's bind has for a wave."""

    async def follow(self, active: Resident, wave: Directed) -> Pong | None:
        """Sends the wave by that way; None lets it through to the particle's handlers."""


class OutboundPort(Protocol):
    """Sends waves from one star. Replies come back as they are; nothing but Ripples raises."""

    deadlines: Deadlines

    async def ask(self, wave: Ping) -> Pong: ...

    def accepted(self, wave: Signal) -> Pong | None:
        """Sends a Signal if nothing has to be waited for; None leaves it to `notify`."""

    async def notify(self, wave: Signal) -> Pong: ...

    async def spread(self, wave: Ripple) -> list[Echo]: ...


class ServicesPort(Protocol):
    """What a handler may have its machine do."""

    async def create(
        self,
        where: str,
        kind: str,
        properties: Mapping[str, PropertyScalar],
        strategy: Strategy,
        caller: Caller,
    ) -> ParticleRecord:
        """Registers a particle in the name of ``caller``."""

    async def execute(self, command: Command | str, ctx: Ctx) -> Pong:
        """Carries out a command as the agent of ``ctx``, which is what the handler was given."""

    def logged(self, point: Point, level: str, text: str) -> None:
        """A particle has written a line to its log."""


class TablePort(Protocol):
    """The table of the particles of one star, as far as they use it. See :class:`~.active_table.ActiveTable`."""

    def renew(self, active: Resident, record: ParticleRecord) -> None:
        """The registry has a newer record of the particle."""

    def lose(self, active: Resident) -> None:
        """The particle does not live here any more."""

    def taken(self, active: Resident) -> None:
        """The registry does not assign the particle to this star any more."""
