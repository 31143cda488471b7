"""SqlRegistry: the registry in one SQLite file, which several processes may have open."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa

from hyperverse_core.errors import ConfigError, Unavailable
from hyperverse_core.registry import (
    Assigned,
    Assignment,
    Changes,
    Page,
    ParticleRecord,
    Registered,
    Registration,
    Registry,
    StarRecord,
    Status,
    Strategy,
    TokenRecord,
)
from hyperverse_core.values import AccessGrant, Point, Selector, SetProperty, StarKey, UnsetProperty

from . import assignments, deletion, grants, pages, particles, sqlite, stars
from .backup import copy_to
from .checking import check
from .connection import Connection
from .feed import Feed, FeedSize, newest_revision, oldest_revision
from .lookups import Lookups
from .opening import create_schema, prepare_file
from .reader import Reader
from .reads import load_state
from .settings import Settings
from .transaction import Transaction
from .upkeep import Upkeep
from .writer import Work, Writer, one_by_one

__all__ = ["SqlRegistry"]

_OVERRIDE: Final = one_by_one(particles.override)
_SET_PROPERTIES: Final = one_by_one(particles.set_properties)
_CHOWN: Final = one_by_one(particles.chown)
_DELETE: Final = one_by_one(deletion.delete)
_RELEASE: Final = one_by_one(assignments.release)
_ANNOUNCE: Final = one_by_one(stars.announce)
_RENEW: Final = one_by_one(stars.renew)
_WITHDRAW: Final = one_by_one(stars.withdraw)
_EXPIRE: Final = one_by_one(stars.expire)
_GRANT: Final = one_by_one(grants.add_grant)
_REVOKE: Final = one_by_one(grants.revoke)
_ADD_TOKEN: Final = one_by_one(grants.add_token)
_REVOKE_TOKEN: Final = one_by_one(grants.revoke_token)


def _create_schema(connection: sa.Connection) -> None:
    with connection.begin():
        create_schema(connection)


class SqlRegistry(Registry):
    """The registry in SQLite. ``async with SqlRegistry({"path": "registry.sqlite"}) as registry: ...``

    Args:
        settings: :class:`Settings`, or what :meth:`Settings.read` takes; raises ConfigError when they do not fit.

    One instance belongs to one event loop. Writes go over one connection and reads over two others: one for records
    and the feed, one for whatever may take longer.
    """

    def __init__(self, settings: Mapping[str, Any] | Settings) -> None:
        self._settings = settings if isinstance(settings, Settings) else Settings.read(settings)
        path = self._settings.path
        synchronous = self._settings.synchronous
        self._writing = Connection(path, writes=True, synchronous=synchronous)
        self._writer = Writer(path, self._committing, self._committed, self._writing)
        self._quick = Reader(path, "records", Connection(path, writes=False))
        self._scans = Reader(path, "pages", Connection(path, writes=False))
        self._lookups = Lookups(self._quick)
        self._feed = Feed(self._quick)
        self._size = FeedSize(self._settings.feed)
        self._upkeep = Upkeep(path, self._size, self._writer)
        self._opened = False
        self._closed = False

    async def __aenter__(self) -> SqlRegistry:
        await self.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    # -- life ---------------------------------------------------------------------------------------------

    async def open(self) -> None:
        if self._closed:
            raise Unavailable("the registry is closed", hint="make another one")
        if self._opened:
            return
        self._opened = True
        given_up = threading.Event()
        try:
            await asyncio.to_thread(prepare_file, self._settings, given_up)
            await self._connect()
        except BaseException:
            given_up.set()
            await self.close()
            raise

    async def _connect(self) -> None:
        try:
            await self._writing.open()
            await self._writing.run(_create_schema)
            self._writer.start()
            await self._quick.open()
            await self._scans.open()
            self._size.newest = await self._quick.read(newest_revision)
            self._size.oldest = await self._quick.read(oldest_revision)
        except (sa.exc.DBAPIError, Unavailable) as error:
            said = sqlite.translated(error, self._settings.path)
            raise ConfigError(said.message, hint=said.hint) from error

    async def close(self) -> None:
        self._closed = True
        await self._feed.close()
        await self._upkeep.close()
        await self._writer.close()
        await self._quick.close()
        await self._scans.close()

    def _committing(self, tx: Transaction) -> None:
        # Not behind the commit: the feed's reader has a thread of its own and may be back on the loop first, and who
        # then found an entry of ours newer than this would tell nobody. A commit that fails leaves a number behind
        # that says too much, until the next one: somebody is told of a commit that another process has told of.
        if tx.logged:
            self.committed = tx.revision

    def _committed(self, tx: Transaction) -> None:
        if tx.logged:
            self._feed.wake()
        self._upkeep.committed(tx.revision)

    async def _write(self, work: Work, argument: Any, *points: Point) -> Any:
        """Writes; with ``points`` it touches nothing else and may be done together with its like."""
        return await self._writer.write(work, argument, tuple(point.text for point in points) or None)

    # -- particles ----------------------------------------------------------------------------------------

    async def register(self, registration: Registration) -> Registered:
        if registration.strategy is Strategy.OVERRIDE:
            replaced: Registered = await self._write(_OVERRIDE, registration)
            return replaced
        registered: Registered = await self._write(particles.register, registration, registration.point)
        return registered

    async def records(self, points: Iterable[Point]) -> dict[Point, ParticleRecord]:
        return await self._lookups.records(points)

    async def children(self, point: Point, *, after: Point | None = None, limit: int = 100) -> Page:
        return await self._quick.read(partial(pages.children, point=point, after=after, limit=limit))

    async def select(self, selector: Selector, *, after: Point | None = None, limit: int = 100) -> Page:
        return await self._scans.read(partial(pages.select, selector=selector, after=after, limit=limit))

    async def delete(self, points: Sequence[Point]) -> list[ParticleRecord]:
        deleted: list[ParticleRecord] = await self._write(_DELETE, tuple(points))
        return deleted

    async def set_status(self, point: Point, status: Status) -> None:
        await self._write(particles.set_status, (point, status), point)

    async def set_properties(self, points: Sequence[Point], changes: Sequence[SetProperty | UnsetProperty]) -> None:
        update = particles.PropertyUpdate(tuple(points), tuple(changes))
        await self._write(_SET_PROPERTIES, update, *points)

    async def sequence(self, point: Point) -> int:
        number: int = await self._write(particles.next_numbers, point, point)
        return number

    async def chown(self, points: Sequence[Point], owner: Point) -> None:
        await self._write(_CHOWN, particles.Chown(tuple(points), owner), *points)

    # -- where they live ----------------------------------------------------------------------------------

    async def assign(self, point: Point, star: StarKey, incarnation: int, expected: Assignment | None) -> Assigned:
        wanted = assignments.Assign(point, star, incarnation, expected)
        assigned: Assigned = await self._write(assignments.assign, wanted, point)
        return assigned

    async def release(self, ended: Sequence[tuple[Point, Assignment]]) -> None:
        await self._write(_RELEASE, tuple(ended), *(point for point, _ in ended))

    async def save_state(self, point: Point, assignment: Assignment, state: bytes, *, announce: bool = False) -> None:
        save = assignments.Save(point, assignment, state, announce)
        await self._write(assignments.save_states, save, point)

    async def load_state(self, point: Point) -> bytes | None:
        return await self._quick.read(partial(load_state, point=point))

    # -- stars --------------------------------------------------------------------------------------------

    async def announce(self, star: StarRecord) -> StarRecord:
        announced: StarRecord = await self._write(_ANNOUNCE, star)
        return announced

    async def renew(self, stars: Sequence[StarRecord]) -> None:
        await self._write(_RENEW, tuple(stars))

    async def withdraw(self, stars: Sequence[StarRecord]) -> None:
        await self._write(_WITHDRAW, tuple(stars))

    async def expire(self, star: StarRecord) -> bool:
        expired: bool = await self._write(_EXPIRE, star)
        return expired

    async def stars(self) -> list[StarRecord]:
        return await self._quick.read(stars.directory)

    async def hosted(self, star: StarKey, *, after: Point | None = None, limit: int = 100) -> Page:
        return await self._quick.read(partial(pages.hosted, star=star, after=after, limit=limit))

    # -- who may touch them -------------------------------------------------------------------------------

    async def grant(self, grant: AccessGrant) -> AccessGrant:
        granted: AccessGrant = await self._write(_GRANT, grant)
        return granted

    async def grants(self, roots: Iterable[Point] | None = None) -> list[AccessGrant]:
        asked = None if roots is None else tuple(roots)
        return await self._quick.read(partial(grants.grants_at, roots=asked))

    async def revoke(self, grant_id: int) -> AccessGrant:
        revoked: AccessGrant = await self._write(_REVOKE, grant_id)
        return revoked

    async def add_token(self, token: TokenRecord) -> None:
        await self._write(_ADD_TOKEN, token)

    async def token(self, digest: str) -> TokenRecord | None:
        return await self._quick.read(partial(grants.find_token, digest=digest))

    async def tokens(self) -> list[TokenRecord]:
        return await self._quick.read(grants.tokens_of)

    async def revoke_token(self, digest: str) -> bool:
        revoked: bool = await self._write(_REVOKE_TOKEN, digest)
        return revoked

    # -- the change feed ----------------------------------------------------------------------------------

    async def revision(self) -> int:
        return await self._quick.read(newest_revision)

    async def changes(self, since: int, *, timeout: float) -> Changes:
        return await self._feed.changes(since, timeout)

    def hint(self, revision: int) -> None:
        self._feed.hint(revision)

    # -- care ---------------------------------------------------------------------------------------------

    async def check(self) -> list[str]:
        """What is wrong with the file and with what is in it, one line each; nothing when all is well."""
        return await self._scans.read(check)

    async def backup(self, path: Path) -> None:
        """Copies the registry, as it is at one moment, to the file ``path``; writers go on meanwhile.

        Raises:
            Conflict: there is a file already.
            Unavailable: it cannot be written.
        """
        await asyncio.to_thread(copy_to, self._settings.path, path)
