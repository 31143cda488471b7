"""Sessions of the command language for programs without ``await``."""

from __future__ import annotations

from collections.abc import Mapping

from ..universe.address.point import Point
from ..universe.address.surface import Surface
from .command_session import CommandSession
from .loop_thread import LoopThread
from .tables import Results

__all__ = ["BlockingSession"]


class BlockingSession:
    """A :class:`CommandSession` whose calls block. Made by :meth:`BlockingClient.open_session`."""

    __slots__ = ("_session", "_thread")

    def __init__(self, thread: LoopThread, session: CommandSession) -> None:
        self._thread = thread
        self._session = session

    @property
    def surface(self) -> Surface:
        """The address of its commands."""
        return self._session.surface

    def __repr__(self) -> str:
        return f"<BlockingSession at {self.surface}>"

    def exec(
        self,
        text: str,
        *,
        check: bool = True,
        keep_going: bool = False,
        working: Point | str | None = None,
        files: Mapping[str, bytes] | None = None,
        wait: float | None = None,
    ) -> Results:
        """See :meth:`CommandSession.exec`."""
        return self._thread.wait_for(
            self._session.exec, text, check=check, keep_going=keep_going, working=working, files=files, wait=wait
        )
