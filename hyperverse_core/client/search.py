"""Finding a machine to talk to."""

from __future__ import annotations

import os
from pathlib import Path

import attrs

from ..data_dir.endpoint_file import endpoint_files_in
from ..data_dir.tokens import read_token
from ..errors import Unavailable, did_you_mean

__all__ = ["NoMachine", "Search", "Target"]


class NoMachine(Unavailable):
    """No machine listens there: 503."""


@attrs.frozen
class Target:
    """Where a machine listens.

    Attributes:
        name: of the machine, empty when it is not known.
        pid: of its process on this computer, 0 when it may be on another.
        address, server_key: as in the contract of lane transports.
        transport: name of the lane transport.
    """

    name: str
    pid: int
    address: str
    server_key: str
    transport: str


@attrs.frozen
class Search:
    """What a user said about the machine to talk to; see :meth:`Client.connect`."""

    data_dir: Path
    machine: str | None = None
    address: str | None = None
    server_key: str | None = None
    given_token: str | None = attrs.field(default=None, repr=False)
    transport: str | None = None

    def targets(self, prefer: str = "") -> list[Target]:
        """Machines that may be there, that named ``prefer`` first. Raises NoMachine when there is none."""
        if self.address is not None:
            name = self.machine or ""
            return [Target(name, 0, self.address, self.server_key or "", self.transport or "zmq")]
        found = [
            Target(
                note.name,
                note.pid if note.address.startswith("ipc:") else 0,
                note.address,
                self.server_key or note.server_key,
                self.transport or note.transport,
            )
            for note in endpoint_files_in(self.data_dir)
        ]
        living = [target for target in found if not target.pid or is_alive(target.pid)]
        wanted = [t for t in living if self.machine is None or t.name == self.machine]
        if not wanted:
            raise self._nobody([target.name for target in living])
        return sorted(wanted, key=lambda target: target.name != prefer)

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
        """What to knock with. Raises Unauthorized when the token file cannot be read."""
        return self.given_token if self.given_token is not None else read_token(self.data_dir)


def is_alive(pid: int) -> bool:
    """Whether a process of this computer is there. One that has ended and that its parent has not yet noticed, which
    in a container may take for ever, is not."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    try:
        return Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()[0] != "Z"
    except (OSError, IndexError):  # no such file system here
        return True
