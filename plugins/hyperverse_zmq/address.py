"""Addresses: ``ipc:///path/to/socket`` and ``tcp://host:port``."""

from __future__ import annotations

import re
from pathlib import Path

import attrs

from hyperverse_core.errors import BadRequest, Unavailable
from hyperverse_core.transport import SocketFile

__all__ = ["ZmqAddress", "default_address", "in_use"]

_TCP = re.compile(r"tcp://(\[[0-9a-fA-F:.%\w]+\]|[^\s:/\[\]]+):(\d{1,5}|\*)")
_NOTATION = "ipc:///path/to/socket, tcp://host:port or tcp://127.0.0.1:*"


@attrs.define
class ZmqAddress:
    """An address, and the socket file that belongs to it.

    Attributes:
        address: the address in the notation of ZeroMQ.
    """

    address: str
    _file: SocketFile | None = None

    @classmethod
    def parse(cls, address: str) -> ZmqAddress:
        """Parses an address. Raises BadRequest when the text is not an address."""
        if address.startswith("ipc://") and len(address) > 6 and "\0" not in address:
            path = address[6:]
            found = SocketFile.at(path)
            return cls(address, None if path.startswith("@") else found)
        tcp = _TCP.fullmatch(address)
        if tcp is None or (tcp[2] != "*" and int(tcp[2]) > 65535):
            raise BadRequest(f"not an address: {address!r}", hint=_NOTATION)
        return cls(address)

    @classmethod
    def choose(cls) -> ZmqAddress:
        """Returns the address of a socket in the folder for temporary files, with a name that cannot be guessed."""
        found = SocketFile.temporary()
        return cls(f"ipc://{found.path}", found)

    @property
    def host(self) -> str:
        """Name or address of the computer; empty for a socket."""
        tcp = _TCP.fullmatch(self.address)
        return "" if tcp is None else tcp[1]

    def make_free(self) -> None:
        """Removes the socket file that a killed process left behind. (ZeroMQ on its own would take over the address of
        a running process.) Raises Unavailable when a process listens there."""
        if self._file is not None:
            self._file.make_free(self.address)

    def taken(self, address: str) -> None:
        """Records that we now listen at the ``address`` that ZeroMQ reports."""
        self.address = address
        if self._file is not None:
            self._file.taken()

    def clear(self) -> None:
        """Removes our socket file, unless another process has put its own there."""
        if self._file is not None:
            self._file.clear()

    @property
    def is_ipv6(self) -> bool:
        """Whether the host is written as an IPv6 address."""
        return "[" in self.address


def default_address(purpose: str, directory: Path) -> str:
    """Returns the address of the socket of :meth:`SocketFile.default`; empty when there is none."""
    found = SocketFile.default(purpose, directory)
    return "" if found is None else f"ipc://{found.path}"


def in_use(address: str) -> Unavailable:
    """Returns the error for an address that another process uses."""
    return Unavailable(
        f"the address {address!r} is in use",
        hint="stop the machine that runs there, or choose another address",
    )
