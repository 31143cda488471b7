"""Addresses: ``unix:///path/to/socket`` and ``tcp://host:port``."""

from __future__ import annotations

import os
import re
import socket
from pathlib import Path

import attrs

from hyperverse_core.errors import BadRequest
from hyperverse_core.transport import SocketFile

__all__ = ["StreamAddress"]

_TCP = re.compile(r"tcp://(?:\[([0-9a-fA-F:.%\w]+)\]|([^\s:/\[\]]+)):(\d{1,5}|\*)")
_NOTATION = "unix:///path/to/socket, tcp://host:port or tcp://127.0.0.1:*"


@attrs.frozen
class StreamAddress:
    """An address to listen at or connect to.

    Attributes:
        file: the socket; None for TCP.
        host: host name or address; empty for a Unix socket.
        port: the port; 0 to let the system choose.
    """

    file: SocketFile | None = None
    host: str = ""
    port: int = 0

    @classmethod
    def parse(cls, address: str) -> StreamAddress:
        """Parses an address. Raises BadRequest when the text is not an address."""
        if address.startswith("unix://"):
            return cls(SocketFile.at(address.removeprefix("unix://")))
        found = _TCP.fullmatch(address)
        if found is None or (found[3] != "*" and int(found[3]) > 65535):
            raise BadRequest(f"not an address: {address!r}", hint=_NOTATION)
        return cls(None, found[1] or found[2], 0 if found[3] == "*" else int(found[3]))

    @classmethod
    def choose(cls) -> StreamAddress:
        """Returns the address of a socket with a name that cannot be guessed."""
        return cls(SocketFile.temporary())

    @classmethod
    def default(cls, purpose: str, directory: Path) -> str:
        """Returns the address to listen at for ``purpose``; empty when no directory belongs to this user alone."""
        found = SocketFile.default(purpose, directory)
        return "" if found is None else str(cls(found))

    def __str__(self) -> str:
        if self.file is not None:
            return f"unix://{self.file.path}"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"tcp://{host}:{self.port or '*'}"

    def listen(self, backlog: int) -> socket.socket:
        """Returns a socket that listens here.

        Args:
            backlog: connections that may wait to be accepted.

        Raises:
            Unavailable: another process listens here, or a file is in the way.
            OSError: the system refuses.
        """
        if self.file is None:
            family, kind, protocol, _, where = socket.getaddrinfo(
                self.host, self.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
            )[0]
            opened = socket.socket(family, kind, protocol)
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        else:
            self.file.make_free(str(self))
            opened, where = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM), str(self.file.path)  # type: ignore[assignment]
        try:
            before = os.umask(0o177)  # a Unix socket belongs to this user alone, from the start
            try:
                opened.bind(where)
            finally:
                os.umask(before)
            if self.file is not None:
                self.file.taken()
            opened.listen(backlog)
            opened.setblocking(False)
        except BaseException:
            opened.close()
            raise
        return opened
