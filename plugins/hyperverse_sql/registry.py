"""SqlRegistry: the registry contract, each method as one unit of work."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa

from hyperverse_core.errors import ConfigError, Unavailable
from hyperverse_core.registry import (
    Assigned,
    Assignment,
    Changes,
    MachineKey,
    Page,
    ParticleRecord,
    Registered,
    Registration,
    Registry,
    StarRecord,
    Status,
    Strategy,
    TokenRecord,
    Trouble,
    check_new_states,
    check_state,
    check_text,
    check_texts,
    is_storable,
    refusals,
)
from hyperverse_core.values import AccessGrant, Point, Selector, SetProperty, StarKey, UnsetProperty

from .engine.batched_reads import BatchedReads
from .engine.database import Database
from .engine.reader import Reader
from .engine.sqlite.database import SqliteDatabase
from .engine.transaction import Transaction
from .engine.work import Work, one_by_one
from .engine.writer import Writer
from .feed import FeedReader
from .maintenance import FeedSize, Maintenance
from .settings import SqlSettings
from .tables.creation import create_tables
from .units import assignments, deletion, grants, machine_keys, pages, particles, registering, stars, states, tokens
from .units.changes import newest_revision, oldest_revision
from .units.consistency import check
from .units.records import records_at

__all__ = ["SqlRegistry"]

_OVERRIDE: Final = one_by_one(registering.override)
_SET_PROPERTIES: Final = one_by_one(particles.set_properties)
_REPLACE_VALUES: Final = one_by_one(particles.replace_values)
_CHOWN: Final = one_by_one(particles.chown)
_DELETE: Final = one_by_one(deletion.delete)
_RELEASE: Final = one_by_one(assignments.release)
_ANNOUNCE: Final = one_by_one(stars.announce)
_RENEW: Final = one_by_one(stars.renew)
_WITHDRAW: Final = one_by_one(stars.withdraw)
_EXPIRE: Final = one_by_one(stars.expire)
_GRANT: Final = one_by_one(grants.add_grant)
_REVOKE: Final = one_by_one(grants.revoke)
_ADD_TOKEN: Final = one_by_one(tokens.add_token)
_SET_KEYS: Final = one_by_one(machine_keys.set_keys)
_ADD_INVITATION: Final = one_by_one(machine_keys.add_invitation)
_NOTHING: Final = one_by_one(lambda tx, argument: None)
_MOST_CUT: Final = 4096
_REVOKE_TOKEN: Final = one_by_one(tokens.revoke_token)


class SqlRegistry(Registry):
    """The registry in a database: one SQLite file, which several processes may have open.

    Args:
        settings: :class:`Settings`, or the mapping that :meth:`Settings.read` takes.

    Raises:
        ConfigError: the settings are wrong.

    One instance belongs to one event loop. Writes use one connection, and reads use two others: one for records and
    the feed, one for reads that may take longer. ::

        async with SqlRegistry({"path": "registry.sqlite"}) as registry:
            root = await registry.record(ROOT)
    """

    settings_class = SqlSettings
    plain_settings = ("path", "create", "synchronous", "feed")

    def __init__(self, settings: Mapping[str, Any] | SqlSettings) -> None:
        settings = settings if isinstance(settings, SqlSettings) else SqlSettings.read(settings)
        database: Database = SqliteDatabase(settings.path, settings.create, settings.synchronous)
        self._database = database
        self._writing = database.connection(writes=True)
        self._writer = Writer(self._committing, self._committed, database, self._writing)
        self._quick = Reader("records", database, database.connection(writes=False))
        self._scans = Reader("pages", database, database.connection(writes=False))
        self._records = BatchedReads(records_at, self._quick)
        self._grants = BatchedReads(grants.grants_at, self._quick)
        self._feed = FeedReader(self._quick)
        self._size = FeedSize(settings.feed)
        self._maintenance = Maintenance(self._size, database, self._writer)
        self._cut_saves: set[str] = set()
        self._opened = False
        self._closed = False

    # -- life ---------------------------------------------------------------------------------------------

    async def open(self) -> None:
        if self._closed:
            raise refusals.closed(self)
        if self._opened:
            return
        self._opened = True
        given_up = threading.Event()
        try:
            await asyncio.to_thread(self._database.prepare, given_up)
            await self._connect()
        except BaseException:
            given_up.set()
            await self.close()
            raise

    async def _connect(self) -> None:
        try:
            await self._writing.open()
            await self._writing.run(create_tables)
            self._database.opened()
            self._writer.start()
            await self._quick.open()
            await self._scans.open()
            self._size.newest = await self._quick.read(newest_revision)
            self._size.oldest = await self._quick.read(oldest_revision)
        except (sa.exc.DBAPIError, Unavailable) as error:
            said = self._database.translated(error)
            raise ConfigError(said.message, hint=said.hint) from error

    async def close(self) -> None:
        self._closed = True
        await self._feed.close()
        await self._maintenance.close()
        await self._writer.close()
        await self._quick.close()
        await self._scans.close()

    def _committing(self, tx: Transaction) -> None:
        # Before the commit, not after it: the feed's reader has its own thread and may be back on the loop first. If
        # it found one of our entries newer than this number, no machine would be notified. After a failed commit the
        # number is too great until the next commit: a machine may then repeat a notice that another one has sent,
        # which is harmless.
        if tx.logged:
            self.committed = tx.revision

    def _committed(self, tx: Transaction) -> None:
        if tx.logged:
            self._feed.wake()
        self._maintenance.committed(tx.revision)

    async def _write(self, work: Work, argument: Any, *points: Point) -> Any:
        """Writes. With ``points``, the write touches only these points and may be grouped with others of its kind."""
        return await self._writer.write(work, argument, tuple(point.text for point in points) or None)

    # -- particles ----------------------------------------------------------------------------------------

    async def register(self, registration: Registration) -> Registered:
        if registration.state is not None or registration.below:
            check_new_states(registration)
        if registration.strategy is Strategy.OVERRIDE:
            replaced: Registered = await self._write(_OVERRIDE, registration)
            return replaced
        touches = (registration.point.text, *[below.point.text for below in registration.below])
        registered: Registered = await self._writer.write(registering.register, registration, touches)
        return registered

    async def records(self, points: Iterable[Point]) -> dict[Point, ParticleRecord]:
        return await self._records.at(points)

    async def children(self, point: Point, *, after: Point | None = None, limit: int = 100) -> Page:
        return await self._quick.read(partial(pages.children, point=point, after=after, limit=limit))

    async def select(self, selector: Selector, *, after: Point | None = None, limit: int = 100) -> Page:
        return await self._scans.read(partial(pages.select, selector=selector, after=after, limit=limit))

    async def delete(self, points: Sequence[Point], *, limit: int | None = None) -> list[ParticleRecord]:
        wanted = deletion.Deletion(tuple(points), limit)
        deleted: list[ParticleRecord] = await self._write(_DELETE, wanted)
        return deleted

    async def set_status(self, point: Point, status: Status) -> None:
        await self._write(particles.set_status, (point, status), point)

    async def set_properties(self, points: Sequence[Point], changes: Sequence[SetProperty | UnsetProperty]) -> None:
        update = particles.PropertyUpdate(tuple(points), tuple(changes))
        await self._write(_SET_PROPERTIES, update, *points)

    async def replace_values(self, point: Point, values: Mapping[str, tuple[str, str]]) -> bool:
        wanted = particles.Replacement(point, tuple((key, was, now) for key, (was, now) in values.items()))
        replaced: bool = await self._write(_REPLACE_VALUES, wanted, point)
        return replaced

    async def sequence(self, point: Point) -> int:
        number: int = await self._write(particles.next_numbers, point, point)
        return number

    async def chown(self, points: Sequence[Point], owner: Point) -> None:
        await self._write(_CHOWN, particles.OwnerChange(tuple(points), owner), *points)

    # -- where they live ----------------------------------------------------------------------------------

    async def assign(self, point: Point, star: StarKey, incarnation: int, expected: Assignment | None) -> Assigned:
        wanted = assignments.Assign(point, star, incarnation, expected)
        assigned: Assigned = await self._writer.write(assignments.assign, wanted, (point.text,))
        return assigned

    async def release(self, ended: Sequence[tuple[Point, Assignment]]) -> None:
        await self._write(_RELEASE, tuple(ended), *(point for point, _ in ended))

    async def save_state(self, point: Point, assignment: Assignment, state: bytes, *, announce: bool = False) -> None:
        check_state(point, state)
        # The same as `_write`, without the call: a particle waits for this.
        save = states.Save(point, assignment, state, announce)
        try:
            await self._writer.write(states.save_states, save, (point.text,))
        except asyncio.CancelledError:  # the save may be under way, and its thread continues
            if len(self._cut_saves) >= _MOST_CUT:
                self._cut_saves.clear()  # nearly all of them ended long ago
            self._cut_saves.add(point.text)
            raise

    async def load_state(self, point: Point) -> bytes | None:
        if point.text in self._cut_saves:
            await self._write(_NOTHING, None)  # waits for every write under way
            self._cut_saves.discard(point.text)
        return await self._quick.read(partial(states.load_state, point=point))

    # -- stars --------------------------------------------------------------------------------------------

    async def announce(self, star: StarRecord) -> StarRecord:
        check_texts((star,))
        announced: StarRecord = await self._write(_ANNOUNCE, star)
        return announced

    async def renew(self, stars: Sequence[StarRecord]) -> None:
        check_texts(stars)
        await self._writer.write(_RENEW, tuple(stars), urgent=True)  # if late, these stars lose all their particles

    async def withdraw(self, stars: Sequence[StarRecord]) -> None:
        await self._write(_WITHDRAW, tuple(stars))

    async def expire(self, star: StarRecord) -> bool:
        expired: bool = await self._write(_EXPIRE, star)
        return expired

    async def stars(self, keys: Collection[StarKey] | None = None) -> list[StarRecord]:
        if keys is None:
            return await self._quick.read(stars.directory)
        return await self._quick.read(partial(stars.directory, keys=keys))

    async def hosted(self, star: StarKey, *, after: Point | None = None, limit: int = 100) -> Page:
        return await self._quick.read(partial(pages.hosted, star=star, after=after, limit=limit))

    # -- who may touch them -------------------------------------------------------------------------------

    async def grant(self, grant: AccessGrant) -> AccessGrant:
        granted: AccessGrant = await self._write(_GRANT, grant)
        return granted

    async def grants(self, roots: Iterable[Point] | None = None) -> list[AccessGrant]:
        if roots is None:
            return await self._quick.read(grants.all_grants)
        found = await self._grants.at(roots)
        return sorted((grant for page in found.values() for grant in page), key=lambda grant: grant.id)

    async def grant_roots(self, most: int) -> frozenset[Point] | None:
        return await self._quick.read(partial(grants.roots_of_grants, most=most))

    async def revoke(self, grant_id: int) -> AccessGrant:
        revoked: AccessGrant = await self._write(_REVOKE, grant_id)
        return revoked

    async def add_token(self, token: TokenRecord) -> None:
        check_texts((token,))
        await self._write(_ADD_TOKEN, token)

    async def token(self, digest: str) -> TokenRecord | None:
        if not is_storable(digest):
            return None
        return await self._quick.read(partial(tokens.find_token, digest=digest))

    async def tokens(self) -> list[TokenRecord]:
        return await self._quick.read(tokens.all_tokens)

    async def revoke_token(self, digest: str) -> bool:
        return is_storable(digest) and bool(await self._write(_REVOKE_TOKEN, digest))

    # -- which machines are admitted ----------------------------------------------------------------------

    async def machine_keys(self) -> list[MachineKey]:
        return await self._quick.read(machine_keys.all_keys)

    async def set_machine_keys(self, keys: Sequence[MachineKey], *, invitation: str | None = None) -> None:
        check_texts(key for key in keys if key.admitted)
        keys = [key for key in keys if key.admitted or machine_keys.may_be_there(key)]
        if invitation is not None and not is_storable(invitation):
            raise refusals.no_invitation()
        await self._write(_SET_KEYS, machine_keys.NewKeys(tuple(keys), invitation))

    async def add_invitation(self, digest: str, seconds: float) -> None:
        check_text("the digest of an invitation", digest)
        await self._write(_ADD_INVITATION, machine_keys.Invitation(digest, seconds))

    # -- the change feed ----------------------------------------------------------------------------------

    async def revision(self) -> int:
        return await self._quick.read(newest_revision)

    async def changes(self, since: int, *, timeout: float) -> Changes:
        return await self._feed.changes(since, timeout)

    def notice(self, revision: int) -> None:
        self._feed.notice(revision)

    # -- maintenance ---------------------------------------------------------------------------------------------

    def trouble(self) -> str:
        misplaced, writer = self._database.misplaced(), self._writer
        if misplaced or not writer.failing:
            return misplaced
        since = asyncio.get_running_loop().time() - writer.failing_since
        return f"{writer.failing} (no write has succeeded for {since:.0f} s; each renewal of a lease tries again)"

    def troubles(self) -> list[Trouble]:
        slow = (self._writer.trouble(), self._quick.trouble(), self._scans.trouble())
        return [*(trouble for trouble in slow if trouble), *self._database.troubles()]

    async def check(self) -> list[str]:
        """Returns the faults of the database and its content, one line for each; an empty list when there are none."""
        return await self._scans.read(partial(check, database=self._database))

    async def backup(self, path: Path) -> None:
        """Copies a consistent snapshot of the registry to the file ``path``. Writers continue meanwhile.

        Raises:
            Conflict: the file exists.
            Unavailable: the file cannot be written.
        """
        await asyncio.to_thread(self._database.back_up, path)
