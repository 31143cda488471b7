"""Hears that there is something new in the feed: from the database, or from another registry of this host that does.

A notification costs the server, and each process that it wakes, processor time for each listener. So one registry of a
host listens (:mod:`.host_news`). A registry that follows it listens itself as well when it finds news that the leader
did not pass on: the process of the leader may be stopped.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any, Final

import attrs

from hyperverse_core.errors import HyperverseError

from .faults import CONNECTING
from .host_news import HostNews, Part
from .link import Connection, Link

__all__ = ["NewsListener"]

_LATE: Final = 0.25
"""Seconds that a notification may come later than its change: a machine under load notifies late."""
_DOUBTS: Final = 10.0
"""Seconds for which a leader that was silent is not relied on, also if it speaks again."""


@attrs.define(eq=False)
class NewsListener:
    """Calls a function for each notification. The part that a registry has on its host is chosen with its first
    connection, and again when the leader ends."""

    _link: Link
    _channel: str
    _wake: Callable[[], None]
    _host: HostNews = attrs.field(init=False)
    _registry: str = ""
    _connection: Connection = None
    """The connection that listens; None when none does."""
    _doubted: float = 0.0
    """Since when the leader is not relied on, on the monotonic clock; 0 when it is."""
    _doubting: asyncio.TimerHandle | None = None
    _settling: asyncio.Task[None] | None = None
    _unsettled: bool = False
    _closed: bool = False

    @_host.default
    def _on_this_host(self) -> HostNews:
        return HostNews(self._told, self._settle_soon)

    async def opened(self, connection: Connection, registry: str) -> None:
        """Handles a new connection to the database, which listens if it must.

        Args:
            connection: used by nobody else yet.
            registry: identifies the registry: the server, the database and the schema.

        Raises:
            OSError, TimeoutError, and the errors of asyncpg: the connection is unusable.
        """
        if self._closed:
            return
        if registry != self._registry or self._host.part is Part.ALONE:
            self._host.leave()
        self._registry = registry
        await self._settle(connection)

    async def _settle(self, connection: Connection) -> None:
        """Chooses a part if this registry has none, and makes the connection listen, or stop listening."""
        try:
            if self._host.part is Part.NONE:
                self._doubted = 0.0
                await self._host.join(self._registry)
            must = self._host.part is not Part.FOLLOWS or self._doubted
            if must and self._connection is not connection:
                await connection.add_listener(self._channel, self._notified)
                connection.add_termination_listener(self._lost)
                self._connection = connection
            elif not must and self._connection is connection:
                self._connection = None
                await connection.remove_listener(self._channel, self._notified)
            # Not before it listens: a follower that is accepted relies on it.
            self._host.accept()
        except BaseException:
            self._host.leave()
            raise

    def _notified(self, *_: Any) -> None:
        self._wake()
        self._host.tell()

    def _lost(self, connection: Connection) -> None:
        """Handles the end of the connection that listens. A leader that hears nothing must not lead."""
        if connection is self._connection:
            self._connection = None
            if self._host.part is Part.LEADS:
                self._host.leave()
            self._wake()  # whoever looks now connects again

    def _told(self) -> None:
        """Handles news from the leader."""
        self._stop_doubting()
        if self._doubted and time.monotonic() - self._doubted > _DOUBTS:
            self._doubted = 0.0
            self._settle_soon()
        self._wake()

    # -- when the leader is silent or gone ----------------------------------------------------------------

    def missed(self) -> None:
        """Called when there was news without a notification. This registry listens itself if none follows."""
        if self._host.part is Part.FOLLOWS and not self._doubted and self._doubting is None:
            self._doubting = asyncio.get_running_loop().call_later(_LATE, self._doubt)

    def _doubt(self) -> None:
        self._doubting = None
        self._doubted = time.monotonic()
        self._settle_soon()

    def _stop_doubting(self) -> None:
        if self._doubting is not None:
            self._doubting.cancel()
            self._doubting = None

    def _settle_soon(self) -> None:
        self._stop_doubting()
        self._unsettled = True
        if self._settling is None and not self._closed:
            self._settling = asyncio.create_task(self._settle_again(), name="registry listening")

    async def _settle_again(self) -> None:
        try:
            while self._unsettled and not self._closed:
                self._unsettled = False
                try:
                    await self._link.ask(self._settle)
                except (HyperverseError, *CONNECTING):
                    continue  # the next connection to the database settles it
                self._wake()  # there may have been news in between
        finally:
            self._settling = None

    async def close(self) -> None:
        """Gives up its part. The connection is closed by its link. May be called twice."""
        self._closed = True
        self._stop_doubting()
        if self._settling is not None:
            self._settling.cancel()
        self._host.leave()
        if self._settling is not None:
            await asyncio.gather(self._settling, return_exceptions=True)
