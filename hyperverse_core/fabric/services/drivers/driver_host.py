"""The access of a driver to its machine."""

from __future__ import annotations

import copy
import logging
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from ....config import Config
from ....contracts.blobs import Blobs
from ....contracts.driver import DriverHost, Particle, Sender
from ....scheduling.guarded_log import guarded_log
from ....universe.access.scope import Scope
from ....universe.address.point import Point
from ....universe.kind_defs.kind_def import KindDef
from ...delivery.local_sender import LocalSender
from ...delivery.outbound import Outbound
from ...particles.served import ServedKinds

__all__ = ["Host"]


class Host(LocalSender, DriverHost):
    """Sends as the driver's own particle, ``<<STAR::machine:NAME[0]>>::star:drivers:KIND``, with the rights of that
    particle.

    Args:
        outbound: sends from the star that represents this machine.
        kind: the Kind that the driver serves.
        blobs: the blob store of this machine.
        pin: makes a particle answer at a point of this machine, for every agent.

    Attributes:
        asked_by: sends on behalf of the agent whose request the driver handles; None outside a request.
    """

    def __init__(
        self,
        outbound: Outbound,
        kind: str,
        config: Config,
        data_dir: Path,
        served: ServedKinds,
        blobs: Blobs,
        pin: Callable[[Point, Particle], None],
    ) -> None:
        point = outbound.star.point.child(f"drivers:{kind.lower()}")
        super().__init__(outbound, sender=point, agent=point)
        self._config = config
        self._data_dir = data_dir
        self._served = served
        self._kind = kind
        self._point = point
        self._blobs = blobs
        self._pin = pin
        self.asked_by: LocalSender | None = None

    def acting_for(self, agent: Point, scope: Scope | None) -> Host:
        """Returns the same host for requests of an agent, with the scope of that agent."""
        asked = copy.copy(self)
        asked.asked_by = LocalSender(self._outbound, sender=self._point, agent=agent, scope=scope)
        return asked

    @property
    def on_behalf(self) -> Sender:
        return super().on_behalf if self.asked_by is None else self.asked_by

    @property
    def machine(self) -> str:
        return self._config.name

    @property
    def settings(self) -> Mapping[str, Any]:
        return self._config.drivers.get(self._kind, {})

    @property
    def data_dir(self) -> str:
        path = self._data_dir / "drivers" / self._kind
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        return str(path)

    @property
    def log(self) -> logging.Logger:
        return guarded_log(f"hyperverse.driver.{self._kind}")

    @property
    def blobs(self) -> Blobs:
        return self._blobs

    def serve(self, particle: Particle) -> None:
        self._pin(self._point, particle)

    def kinds(self) -> Iterable[KindDef]:
        return self._served.known.values()
