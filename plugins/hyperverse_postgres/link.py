"""A connection to the database that reconnects after it breaks."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeAlias, TypeVar

import asyncpg
import attrs
from asyncpg.exceptions import CannotConnectNowError, TargetServerAttributeNotMatched

from hyperverse_core.errors import Unavailable

from .answers import AnswerTimes, watched
from .faults import CONNECTING, away, said_by
from .settings import PostgresSettings

__all__ = ["Connection", "Link"]

_T = TypeVar("_T")
Connection: TypeAlias = Any
"""An ``asyncpg.Connection``."""

_CLOSE: Final = 1.0
"""Seconds in which the server must answer a goodbye."""
_PAUSE: Final = 0.25
"""Seconds between two attempts to connect."""
_NAME: Final = {"application_name": "hyperverse"}
_SESSION: Final = {
    **_NAME,
    # Set explicitly: a server may have other defaults, and an epoch that was handed out must survive a crash.
    "default_transaction_isolation": "read committed",
    "synchronous_commit": "on",
    # Statements of a client that is gone end by themselves.
    "statement_timeout": "30000",
    "idle_in_transaction_session_timeout": "30000",
    # A user may have one that is meant for other programs. Whoever waits for a lock here waits for a write of others.
    "lock_timeout": "0",
    "tcp_keepalives_idle": "5",
    "tcp_keepalives_interval": "2",
    "tcp_keepalives_count": "3",
    "tcp_user_timeout": "10000",
    "jit": "off",
    # Everything is found through an index. A cached plan that was made while the tables were nearly empty would scan
    # them: 1.0 ms for a look-up among 9,000 particles instead of 0.2.
    "enable_seqscan": "off",
}


_CHECK: Final = """
do $$ begin
  if current_setting('enable_seqscan') <> 'off' then
    raise protocol_violation using message = 'it ignores startup parameters';
  end if;
  perform set_config('client_connection_check_interval', '1000', false);
exception when invalid_parameter_value then null;  -- not supported on every system
end $$
"""
"""Checks that the parameters with which we connected apply, by one of them. The server then ends statements whose
connection has closed meanwhile, even while they wait for a lock."""


@attrs.define(eq=False)
class Link:
    """One connection. Its users take turns: each uses it inside of ``async with``.

    Attributes:
        answers: how long the server may take to answer.
        trouble: why there is no connection; empty when there is one, or none was requested yet.
        since: when the trouble began, in seconds since the epoch.
    """

    _settings: PostgresSettings
    _opened: Callable[[Connection], Awaitable[None]]
    answers: AnswerTimes
    _turn: asyncio.Lock = attrs.field(factory=asyncio.Lock, init=False)
    _connection: Connection = None
    _next: float = 0.0
    _closed: bool = False
    trouble: str = attrs.field(default="", init=False)
    since: float = attrs.field(default=0.0, init=False)

    async def __aenter__(self) -> Link:
        await self._turn.acquire()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._turn.release()

    async def connect(self) -> Connection:
        """Makes the first connection. Raises the errors of asyncpg, and OSError."""
        self._connection = await _connected(self._settings, self.answers.connect)
        await self._opened(self._connection)
        return self._connection

    async def connection(self) -> Connection:
        """Returns the connection, or a new one when it broke.

        Raises:
            Unavailable: there is no connection now. The next caller tries again, a little later.
        """
        if self._connection is not None and not self._connection.is_closed():
            return self._connection
        if self._closed:
            raise Unavailable("the registry is closed")
        now = time.monotonic()
        if now < self._next:
            raise away(self._settings.where, self.trouble or "the connection broke")
        try:
            connection = await _connected(self._settings, self.answers.connect)
            try:
                async with asyncio.timeout(self.answers.connect):
                    await self._opened(connection)
            except BaseException:
                connection.terminate()
                raise
        except CONNECTING as error:
            self._next = time.monotonic() + _PAUSE
            self._note(said_by(error))
            raise away(self._settings.where, self.trouble) from error
        self._connection, self.trouble = connection, ""
        return connection

    async def ask(self, query: Callable[[Connection], Awaitable[_T]]) -> _T:
        """Returns the result of ``query``, called once with this connection and no other. The connection is given up
        when that fails, whatever the error is.

        Raises:
            Unavailable: there is no connection now; otherwise the error of ``query``, TimeoutError included.
        """
        async with self:
            connection = await self.connection()
            try:
                async with asyncio.timeout(self.answers.wait(0)):
                    return await query(connection)
            except Exception as error:
                self.broke(error)
                raise

    def broke(self, error: BaseException) -> None:
        """Gives up the connection. A new one is made at once."""
        if self._connection is not None:
            self._connection.terminate()
        self._connection = None
        self._next = 0.0
        self._note(said_by(error))

    def _note(self, why: str) -> None:
        if not self.trouble:
            self.since = time.time()
        self.trouble = why

    async def close(self) -> None:
        """Closes the connection. May be called twice."""
        self._closed = True
        connection, self._connection = self._connection, None
        if connection is None or connection.is_closed():
            return
        try:
            # Some versions of asyncpg wait without a limit for the end of a statement that was cancelled.
            async with asyncio.timeout(2 * _CLOSE):
                await connection.close(timeout=_CLOSE)
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
            connection.terminate()


class _Watched(asyncpg.Connection):  # type: ignore[misc]  # its package has no types
    """A connection whose transport is watched by the operating system."""

    def __init__(self, protocol: Any, transport: asyncio.BaseTransport, *rest: Any) -> None:
        watched(transport)
        super().__init__(protocol, transport, *rest)


async def _connected(settings: PostgresSettings, seconds: float) -> Connection:
    given: dict[str, Any] = {"connection_class": _Watched}
    given |= {} if settings.password is None else {"password": settings.password}
    if settings.pooler:
        # Each transaction may run in another session, so nothing may depend on the state of a session.
        given |= {"server_settings": dict(_NAME), "statement_cache_size": 0}
    else:
        given["server_settings"] = dict(_SESSION)
    async with asyncio.timeout(seconds):
        connection = await _reached(settings, seconds, given)
        if not settings.pooler:
            try:
                await connection.execute(_CHECK)
            except BaseException:
                connection.terminate()
                raise
    return connection


async def _reached(settings: PostgresSettings, seconds: float, given: dict[str, Any]) -> Connection:
    """Returns a connection to the server of the URL, or to the one of several servers that takes writes. Each may take
    its share of the time: asyncpg would give all of it to the first one, which may be unplugged."""
    servers = settings.servers
    if len(servers) < 2:
        return await asyncpg.connect(settings.url, timeout=seconds, command_timeout=None, **given)
    if not settings.target:
        given["target_session_attrs"] = "primary"  # and not a standby that comes first
    ends, failed = time.monotonic() + seconds, []
    for left, (host, port) in zip(range(len(servers), 0, -1), servers, strict=True):
        share = (ends - time.monotonic()) / left
        try:
            async with asyncio.timeout(share):
                return await asyncpg.connect(
                    settings.url, host=host, port=port, timeout=share, command_timeout=None, **given
                )
        except (OSError, TimeoutError, CannotConnectNowError, TargetServerAttributeNotMatched) as error:
            failed.append(error)
    raise next((error for error in failed if isinstance(error, TargetServerAttributeNotMatched)), failed[-1])
