"""What a driver may use of its machine."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ...config import Config
from ...contracts.driver import DriverHost
from ...universe.kind_defs.kind_def import KindDef
from ..delivery.local_sender import LocalSender
from ..delivery.outbound import Outbound
from ..particles.served import ServedKinds

__all__ = ["Host"]


class Host(LocalSender, DriverHost):
    """Sends as the driver's own particle, ``<<STAR::machine:NAME[0]>>::star:drivers:KIND``, with the rights of that
    particle.

    Args:
        outbound: of the star that stands for this machine.
        kind: the Kind that the driver serves.
    """

    def __init__(self, outbound: Outbound, kind: str, config: Config, data_dir: Path, served: ServedKinds) -> None:
        point = outbound.star.point.child(f"drivers:{kind.lower()}")
        super().__init__(outbound, sender=point, agent=point)
        self._config = config
        self._data_dir = data_dir
        self._served = served
        self._kind = kind

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
        return logging.getLogger(f"hyperverse.driver.{self._kind}")

    def kinds(self) -> Iterable[KindDef]:
        return self._served.known.values()
