"""The services of the machine for handlers: creating particles, executing commands, and showing log lines to
watchers."""

from __future__ import annotations

from collections.abc import Coroutine, Mapping
from typing import Any

from ....contracts.driver import Ctx
from ....contracts.registry import ParticleRecord, Strategy
from ....universe.address.point import Point
from ....universe.commands.command import Command
from ....universe.kind_defs.properties import PropertyScalar
from ....universe.waves.wave import Pong
from ...particles.caller import Caller
from ...particles.context import Context
from ...placement.provisioner import Provisioner
from ..changes.watches import Watches
from ..commands.executor import Commands

__all__ = ["ParticleServices"]


class ParticleServices:
    """Passes each request of a particle to the part that performs it."""

    def __init__(self, provisioner: Provisioner, commands: Commands, watches: Watches) -> None:
        self._provisioner = provisioner
        self._commands = commands
        self._watches = watches

    def create(
        self,
        where: str,
        kind: str,
        properties: Mapping[str, PropertyScalar],
        strategy: Strategy,
        caller: Caller,
    ) -> Coroutine[Any, Any, ParticleRecord]:
        """Like :meth:`Provisioner.create`."""
        return self._provisioner.create(where, kind, properties, strategy, caller)

    async def execute(self, command: Command | str, ctx: Ctx) -> Pong:
        """Like :meth:`Commands.run`."""
        assert isinstance(ctx, Context), "every handler gets one"
        return await self._commands.run(command, ctx)

    def logged(self, point: Point, level: str, text: str) -> None:
        """Like :meth:`Watches.logged`."""
        self._watches.logged(point, level, text)
