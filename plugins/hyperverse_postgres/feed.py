"""The change feed: reads it, waits for it, and notifies other processes.

Entries are ordered by (transaction id, number), and are read up to the oldest running transaction. A commit of this
process wakes the waiting callers at once; a commit of another process wakes them by a notification. A slow poll finds
changes without a notification, and a fast one the changes that a running transaction holds up.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any, Final

import attrs

from hyperverse_core.errors import HyperverseError
from hyperverse_core.registry import Change, ChangeKind, Changes, Trouble
from hyperverse_core.values import Point

from .holder import who_holds
from .link import Connection
from .listening import NewsListener
from .reader import PostgresReader
from .schema import lock_class, named
from .settings import PostgresSettings

__all__ = ["PostgresFeed"]

_MOST: Final = 2000
_KINDS: Final = {kind.value: kind for kind in ChangeKind}
_SLOW: Final = 1.0
"""Seconds between two polls when no notification arrives."""
_POLL: Final = 0.1
"""The same behind a pooler, which carries no notifications."""
_CLOSE: Final = 0.002
_FARTHEST: Final = 0.1
"""Seconds between two polls while an older transaction holds up the feed: they grow from the first to the second."""
_GATHER: Final = 0.01
"""Seconds in which commits are gathered before other processes are notified: the cost grows with the listeners."""
_LONG: Final = 1.0
"""Seconds after which a transaction that holds up the feed is reported as a trouble."""
_BITS: Final = 24
_HISTORIES: Final = 88
_SERVER_COLUMNS: Final = """
(select system_identifier from pg_control_system()),
case when pg_is_in_recovery() then 0
     else ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::integer end
"""
"""The server and its timeline. A new timeline begins when a standby takes over or a backup is restored. This is the
timeline of the log, because that of pg_control_checkpoint() changes only with the next checkpoint."""
_SINCE: Final = " ".join(("select f.*,", _SERVER_COLUMNS, "from hv.changes_since($1, $2, $3) f"))
_NEWEST: Final = "select xid, n from hv.newest()"
_TELL: Final = "select hv.tell($1)"
_SERVER: Final = " ".join(
    (
        "select extract(epoch from pg_postmaster_start_time())::text,",
        "(select d.oid::text from pg_database d where d.datname = current_database()),",
        _SERVER_COLUMNS,
    )
)
"""The second part alone does not tell a server from one that runs on a copy of its files: the start does."""


def packed(history: int, xid: int, n: int) -> int:
    """Returns a position in the feed as one number, which grows along the feed. ``history`` counts how often the server
    was found to have a new history: a position of an earlier history is meaningless in a later one."""
    return history << _HISTORIES | xid << _BITS | n


def unpacked(revision: int) -> tuple[int, int, int]:
    """Returns the position that a number stands for."""
    place = revision & ((1 << _HISTORIES) - 1)
    return revision >> _HISTORIES, place >> _BITS, place & ((1 << _BITS) - 1)


@attrs.define(eq=False)
class PostgresFeed:
    """Answers :meth:`Registry.changes`."""

    _reader: PostgresReader
    _settings: PostgresSettings
    _news: NewsListener = attrs.field(init=False)
    _waiting: set[asyncio.Future[None]] = attrs.field(factory=set, init=False)
    _telling: asyncio.Task[None] | None = None
    _untold: bool = False
    _server: tuple[int, int] | None = None
    _history: int = 0  # how often the server was found to have a new history
    _held_since: float = 0.0
    _holder: Trouble | None = None
    _closed: bool = False

    @_news.default
    def _listens(self) -> NewsListener:
        return NewsListener(self._reader.link, self.channel, self.wake)

    @property
    def channel(self) -> str:
        """The notification channel of this registry."""
        return f"hyperverse_{lock_class(self._settings.schema)}"

    async def opened(self, connection: Connection) -> None:
        """Ensures that notifications are heard, over a new connection or another registry of this host, and checks
        whether the connection reaches the same server in the same history."""
        started, database, server, timeline = await connection.fetchrow(_SERVER)
        if not self._settings.pooler:
            await self._news.opened(connection, f"{server} {started} {database} {self._settings.schema}")
        self._is_at(server, timeline)
        self.wake()

    def _is_at(self, server: int, timeline: int) -> None:
        """Takes the identity and the history that the server reported."""
        here = (server, timeline)
        if self._server is not None and here != self._server:
            self._history += 1
        self._server = here

    # -- reading ------------------------------------------------------------------------------------------

    async def newest(self) -> int:
        """Returns the newest revision that can be read."""

        async def ask(connection: Connection) -> Any:
            return await connection.fetchrow(named(_NEWEST, self._settings.schema))

        xid, n = await self._reader.read(ask)
        return packed(self._history, xid, n)

    async def changes(self, since: int, timeout: float) -> Changes:
        """See :meth:`Registry.changes`."""
        loop = asyncio.get_running_loop()
        ends = loop.time() + timeout
        pause = _CLOSE
        look = _POLL if self._settings.pooler else _SLOW
        unannounced = False
        while True:
            # Before the query, so that a commit during the query wakes us.
            woken = loop.create_future()
            self._waiting.add(woken)
            try:
                found, held_up = await self._look(since)
                if unannounced and found.entries:
                    self._news.missed()
                left = ends - loop.time()
                if not held_up:
                    self._held_since, self._holder = 0.0, None
                if found.entries or found.lost or left <= 0 or self._closed:
                    return found
                if held_up:
                    await self._look_who()
                await asyncio.wait((woken,), timeout=min(left, pause if held_up else look))
                unannounced = not woken.done() and not held_up
                pause = min(pause * 1.5, _FARTHEST) if held_up else _CLOSE
            finally:
                self._waiting.discard(woken)

    async def _look(self, since: int) -> tuple[Changes, bool]:
        history, *place = unpacked(since)

        async def ask(connection: Connection) -> Any:
            return await connection.fetchrow(named(_SINCE, self._settings.schema), *place, _MOST)

        lost, held_up, newest, newest_n, xids, ns, kinds, points, epochs, *server = await self._reader.read(ask)
        self._is_at(*server)
        here = self._history
        if lost or history != here:
            behind = history != here or place > [newest, newest_n]
            return Changes((), packed(here, newest, newest_n), lost=True, set_back=behind), held_up
        if not xids:
            return Changes((), since), held_up
        entries = tuple(
            Change(packed(here, xid, n), _KINDS[kind], Point.parse(point), epoch)
            for xid, n, kind, point, epoch in zip(xids, ns, kinds, points, epochs, strict=True)
            if kind in _KINDS  # a newer version has more kinds; nothing here depends on unknown ones
        )
        return Changes(entries, packed(here, xids[-1], ns[-1])), held_up

    async def _look_who(self) -> None:
        """Records the transaction that holds up the feed, if it does so for long."""
        now = time.monotonic()
        self._held_since = self._held_since or now
        held = now - self._held_since
        if held < _LONG:
            return

        async def ask(connection: Connection) -> Trouble | None:
            return await who_holds(connection, held)

        found = await self._reader.read(ask)
        if self._held_since:  # otherwise it has ended meanwhile
            self._holder = found or self._holder

    @property
    def holder(self) -> Trouble | None:
        """The transaction that holds up the feed; None if there is none."""
        return self._holder

    # -- waking and notifying -----------------------------------------------------------------------------

    def wake(self) -> None:
        """Wakes all waiting callers."""
        for woken in self._waiting:
            if not woken.done():
                woken.set_result(None)

    def committed(self, logged: int) -> None:
        """Handles a commit of this process. Other processes are notified soon, once for all commits until then."""
        if not logged:
            return
        self.wake()
        self._untold = True
        if self._telling is None and not self._closed:
            self._telling = asyncio.create_task(self._tell(), name="registry notifications")

    async def _tell(self) -> None:
        try:
            while self._untold and not self._closed:
                self._untold = False

                async def ask(connection: Connection) -> None:
                    await connection.execute(named(_TELL, self._settings.schema), self.channel)

                await self._reader.read(ask)
                await asyncio.sleep(_GATHER)
        except HyperverseError:
            self._untold = False  # the others find it by their slow poll
        finally:
            self._telling = None

    async def close(self) -> None:
        """Ends all waiting. The callers get the changes that are there."""
        self._closed = True
        self.wake()
        await self._news.close()
        if self._telling is not None:
            self._telling.cancel()
            await asyncio.gather(self._telling, return_exceptions=True)
