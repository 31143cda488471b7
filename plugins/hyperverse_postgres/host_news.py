"""The registries of one user on one host that use the same database: one of them hears its news, and tells the others.

The one that leads listens at a Unix socket, in a directory that only this user may enter; the others connect to it. It
sends them a byte for each piece of news. A byte has no meaning but that there is news, so nothing that is received has
to be checked. The system closes the socket of a process that ends, however it ends: then the others choose again.
"""

from __future__ import annotations

import asyncio
import contextlib
import enum
import fcntl
import hashlib
import os
import socket
import struct
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import attrs

from hyperverse_core.errors import Unavailable
from hyperverse_core.transport import SocketFile

__all__ = ["HostNews", "Part"]

_NEWS: Final = b"\n"
_PREFIX: Final = "registry-"
_BACKLOG: Final = 128
_TRIES: Final = 50
_PAUSE: Final = 0.01
"""Seconds between two tries to lead while another process is about to lead, which takes much less than that."""
_FULL: Final = 1.0
"""Seconds after which a process that had no file descriptor left accepts followers again."""
_CREDENTIALS: Final = struct.Struct("3i")  # process, user, group
_ends: Final[weakref.WeakSet[socket.socket]] = weakref.WeakSet()
"""The sockets of this process. A forked child closes them: they would stay open when this process is killed."""


class Part(enum.Enum):
    """The part of a registry among those of its host."""

    NONE = "it has not joined them"
    LEADS = "it hears the news and passes it on"
    FOLLOWS = "it is told the news"
    ALONE = "it cannot join them, and hears the news itself"


@attrs.define(eq=False)
class HostNews:
    """One registry among those of its host.

    Attributes:
        heard: called when the leader has passed news on.
        ended: called when there is no leader any more; this registry then has no part.
        part: its part.
    """

    heard: Callable[[], None]
    ended: Callable[[], None]
    part: Part = attrs.field(default=Part.NONE, init=False)
    _socket: socket.socket | None = None
    """Of a leader: where it listens. Of a follower: the connection to the leader."""
    _file: SocketFile | None = None
    _followers: set[socket.socket] = attrs.field(factory=set, init=False)
    _accepts: bool = False
    _again: asyncio.TimerHandle | None = None

    async def join(self, registry: str) -> None:
        """Chooses a part: leads if nobody does, and otherwise follows.

        Args:
            registry: identifies the registry: the server, the database and the schema.
        """
        self.leave()
        name = _PREFIX + hashlib.sha256(registry.encode()).hexdigest()[:20]
        file = SocketFile.of_user(name)
        with contextlib.suppress(OSError):  # such as no permission, no descriptor, or a leader that does not accept
            for _ in range(_TRIES if file is not None else 0):
                if file is not None and (self._follows(file) or self._leads(file)):
                    return
                await asyncio.sleep(_PAUSE)
        self.leave()
        self.part = Part.ALONE

    def accept(self) -> None:
        """Starts to accept followers, when this registry leads and hears the news. May be called again."""
        if self.part is Part.LEADS and self._socket is not None and not self._accepts:
            self._accepts = True
            asyncio.get_running_loop().add_reader(self._socket, self._welcome)

    def tell(self) -> None:
        """Passes news on, when this registry leads."""
        for follower in tuple(self._followers):
            self._tell(follower)

    def leave(self) -> None:
        """Gives up its part. The followers of a leader choose again. May be called twice."""
        self._stop_accepting()
        if self._file is not None:
            with contextlib.suppress(OSError):  # then the file stays there, and harms nobody
                self._file.clear()
        for follower in tuple(self._followers):
            self._drop(follower)
        if self._socket is not None:
            if self.part is Part.FOLLOWS:
                asyncio.get_running_loop().remove_reader(self._socket)
            self._socket.close()
        self._socket = self._file = None
        self.part = Part.NONE

    # -- following ----------------------------------------------------------------------------------------

    def _follows(self, file: SocketFile) -> bool:
        """Connects to the leader. Returns whether there is one. Raises OSError."""
        end = _new_end()
        try:
            end.connect(str(file.path))
            if not _is_ours(end):
                raise PermissionError("the leader is a process of another user")
            asyncio.get_running_loop().add_reader(end, self._told)
        except (FileNotFoundError, ConnectionRefusedError):
            end.close()
            return False
        except BaseException:
            end.close()
            raise
        self._socket, self.part = end, Part.FOLLOWS
        return True

    def _told(self) -> None:
        """Handles a byte from the leader, or the end of the leader."""
        if self._socket is None:
            return
        try:
            said = self._socket.recv(4096)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            said = b""
        if said:
            self.heard()
        else:
            self.leave()
            self.ended()

    # -- leading ------------------------------------------------------------------------------------------

    def _leads(self, file: SocketFile) -> bool:
        """Becomes the leader. Returns False if another process is faster. Raises OSError."""
        with _locked(file.path.parent) as ours:
            if not ours:
                return False
            try:
                file.make_free(str(file.path))
            except (Unavailable, FileNotFoundError):  # a leader came, or has just gone
                return False
            end = _new_end()
            try:
                end.bind(str(file.path))
                end.listen(_BACKLOG)
                file.taken()
            except BaseException:
                end.close()
                raise
            self._socket, self._file, self.part = end, file, Part.LEADS
            _clear_away(file.path)
        return True

    def _welcome(self) -> None:
        """Accepts a follower, and tells it news: there may have been some before it was accepted."""
        if self._socket is None:
            return
        try:
            follower, _ = self._socket.accept()
        except (BlockingIOError, InterruptedError, ConnectionAbortedError):
            return
        except OSError:  # no descriptor is left: who waits to be accepted listens itself
            self._stop_accepting()
            self._again = asyncio.get_running_loop().call_later(_FULL, self.accept)
            return
        if not _is_ours(follower):
            follower.close()
            return
        follower.setblocking(False)
        _ends.add(follower)
        self._followers.add(follower)
        # A follower says nothing: when there is something to read, it is the end, or no follower.
        asyncio.get_running_loop().add_reader(follower, self._drop, follower)
        self._tell(follower)

    def _stop_accepting(self) -> None:
        if self._again is not None:
            self._again.cancel()
            self._again = None
        if self._accepts and self._socket is not None:
            asyncio.get_running_loop().remove_reader(self._socket)
        self._accepts = False

    def _tell(self, follower: socket.socket) -> None:
        try:
            follower.send(_NEWS)
        except (BlockingIOError, InterruptedError):
            pass  # it has not read what was sent before, and will find all news when it does
        except OSError:
            self._drop(follower)

    def _drop(self, follower: socket.socket) -> None:
        if follower in self._followers:
            self._followers.discard(follower)
            asyncio.get_running_loop().remove_reader(follower)
            follower.close()


def _new_end() -> socket.socket:
    end = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    end.setblocking(False)
    _ends.add(end)
    return end


def _in_forked_child() -> None:
    for end in tuple(_ends):
        end.close()


os.register_at_fork(after_in_child=_in_forked_child)


def _is_ours(end: socket.socket) -> bool:
    """Whether the process at the other end is one of this user. True where the system does not say: there the directory
    alone keeps other users out."""
    option = getattr(socket, "SO_PEERCRED", None)
    if option is None:
        return True
    _, user, _ = _CREDENTIALS.unpack(end.getsockopt(socket.SOL_SOCKET, option, _CREDENTIALS.size))
    return bool(user == os.geteuid())


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[bool]:
    """Locks the directory of the sockets until the end of a ``with``, which must not wait for anything. Gives False if
    another process has locked it."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        try:
            yield True
        finally:
            fcntl.flock(descriptor, fcntl.LOCK_UN)  # not by closing it alone: a forked child may have a copy
    finally:
        os.close(descriptor)


def _clear_away(own: Path) -> None:
    """Removes the sockets of other registries whose leader was killed."""
    for path in own.parent.glob(f"{_PREFIX}*.sock"):
        if path == own:
            continue
        with contextlib.suppress(OSError, Unavailable):  # it is in use
            SocketFile(path).make_free(str(path))
