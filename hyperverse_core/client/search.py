"""Finds a machine to which a client can connect."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs

from ..data_dir.endpoint_file import EndpointFile, endpoint_files_in
from ..data_dir.tokens import read_token
from ..errors import Unavailable, did_you_mean

__all__ = ["NoMachine", "Search", "SearchTarget"]


class NoMachine(Unavailable):
    """No machine listens at the address, or runs on the data directory: 503."""


@attrs.frozen
class SearchTarget:
    """A machine to connect to, and its address.

    Attributes:
        name: name of the machine; empty when it is unknown.
        pid: process id of the machine on this computer; 0 when it may run on another one.
        address, server_key: its address, and the key that it must prove; see :meth:`LaneTransport.connect`.
        transport: name of the lane transport.
        settings: settings of the transport that the machine has written to its data directory.
    """

    name: str
    pid: int
    address: str
    server_key: str
    transport: str
    settings: Mapping[str, Any] = attrs.field(factory=dict)


@attrs.frozen
class Search:
    """The caller's arguments about the machine to connect to; see :meth:`Client.connect`."""

    data_dir: Path
    machine: str | None = None
    address: str | None = None
    server_key: str | None = None
    given_token: str | None = attrs.field(default=None, repr=False)
    transport: str | None = None

    def targets(self, prefer: str = "") -> list[SearchTarget]:
        """Returns the machines that may be running, the one named ``prefer`` first. Raises NoMachine if there is
        none."""
        if self.address is not None:
            from ..config.default_transport import DEFAULT_TRANSPORT, transport_of_address

            transport = self.transport or transport_of_address(self.address) or DEFAULT_TRANSPORT
            return [SearchTarget(self.machine or "", 0, self.address, self.server_key or "", transport)]
        found = [self._target(file) for file in endpoint_files_in(self.data_dir)]
        living = [target for target in found if not target.pid or is_alive(target.pid)]
        wanted = [t for t in living if self.machine is None or t.name == self.machine]
        if not wanted:
            raise self._nobody([target.name for target in living])
        return sorted(wanted, key=lambda target: target.name != prefer)

    def _target(self, file: EndpointFile) -> SearchTarget:
        transport = self.transport or file.transport
        older = bool(self.server_key) and self.server_key == file.older_key
        return SearchTarget(
            file.name,
            file.pid if file.local else 0,
            file.older_address if older else file.address,
            self.server_key or file.server_key,
            transport,
            file.settings if transport == file.transport else {},
        )

    def _nobody(self, living: list[str]) -> NoMachine:
        if self.machine is None:
            return NoMachine(
                f"no machine runs on {str(self.data_dir)!r}", hint="start one with `hyperverse up`", retry_after=1.0
            )
        running = f"; running: {', '.join(living)}" if living else ""
        return NoMachine(
            f"no machine named {self.machine!r} runs on {str(self.data_dir)!r}{running}",
            hint=did_you_mean(self.machine, living).removeprefix("; ") or "start it with `hyperverse up --name`",
            retry_after=1.0,
        )

    def token(self) -> str:
        """Returns the token to present. Raises Unauthorized if the token file cannot be read."""
        return self.given_token if self.given_token is not None else read_token(self.data_dir)


def is_alive(pid: int) -> bool:
    """Returns whether a process of this computer is running. A process that has ended is not, even while its parent has
    not yet collected it, which in a container may never happen."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    try:
        return Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()[0] != "Z"
    except (OSError, IndexError):  # this system has no /proc
        return True
