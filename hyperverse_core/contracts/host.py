"""What plugins see of a running machine."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

from ..universe.address.point import HYPERUSER, Point
from .driver import Sender
from .registry import Registry

__all__ = ["RunningMachine"]


class RunningMachine(Protocol):
    """The machine, as the hooks ``hyperverse_machine_started`` and ``hyperverse_machine_stopping`` get it. It is a
    :class:`hyperverse_core.Machine`, which offers more."""

    name: str
    data_dir: Path

    @property
    def registry(self) -> Registry:
        """The registry of this Hyperverse."""

    def client(self, agent: Point | str = HYPERUSER) -> Sender:
        """Returns a client inside the process.

        Args:
            agent: the agent in whose name it sends.
        """

    def status(self) -> dict[str, Any]:
        """State of the machine, its stars, drivers and plugins, with causes, as plain values."""

    def request_stop(self) -> None:
        """Asks whoever runs the machine to stop it."""
