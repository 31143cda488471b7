"""Translates errors of the database and its connection for callers of the registry."""

from __future__ import annotations

import ssl
from typing import Final

import asyncpg
from asyncpg import exceptions as pg

from hyperverse_core.errors import (
    BadRequest,
    ConfigError,
    HyperverseError,
    InternalError,
    TooLarge,
    Unavailable,
)

__all__ = [
    "CONNECTING",
    "away",
    "breaks",
    "hits_all",
    "is_of_a_value",
    "may_go_on",
    "own_copy",
    "refusal",
    "translated",
    "unsent",
]

RETRY_AFTER: Final = 1.0

CONNECTING: Final = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)
"""What asyncpg raises when it cannot connect. The last one: no server of the URL takes writes."""
_BREAKS: Final = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    pg.PostgresConnectionError,
    pg.AdminShutdownError,
    pg.CrashShutdownError,
    pg.CannotConnectNowError,
    pg.DatabaseDroppedError,
    pg.IdleSessionTimeoutError,
)
_LOGIN: Final = "28"
"""The class of PostgreSQL's error codes for rejected users."""
_POOLER: Final = "set `pooler = true` in [registry], or name the server itself in `url`"
_AGAIN: Final = (pg.DeadlockDetectedError, pg.SerializationError, pg.InvalidCachedStatementError)
_CHANGED: Final = (
    pg.InsufficientPrivilegeError,
    pg.InvalidSchemaNameError,
    pg.UndefinedTableError,
    pg.UndefinedColumnError,
    pg.UndefinedFunctionError,
)
_HITS_ALL: Final = (
    *_CHANGED,
    pg.InsufficientResourcesError,
    pg.ReadOnlySQLTransactionError,
    pg.QueryCanceledError,
    pg.LockNotAvailableError,
    pg.DataCorruptedError,
    pg.IndexCorruptedError,
)


def breaks(error: BaseException) -> bool:
    """Whether ``error`` makes the connection unusable. A statement in progress may have been committed."""
    return isinstance(error, _BREAKS)


def may_go_on(error: BaseException) -> bool:
    """Whether the same statement may succeed if repeated at once. Nothing was written."""
    return isinstance(error, _AGAIN) or unsent(error)


def unsent(error: BaseException) -> bool:
    """Whether the connection was unusable already, so that asyncpg sent nothing: the server has said that it ends it,
    and has not ended it yet."""
    return isinstance(error, asyncpg.InternalClientError) and "cannot switch to state" in str(error)


def is_of_a_value(error: BaseException) -> bool:
    """Whether a value of the group caused the error. Then the group has run and was rolled back, so an earlier attempt
    to write it was not committed: its outcome would have been found first."""
    return isinstance(error, pg.DataError | pg.IntegrityConstraintViolationError | pg.ProgramLimitExceededError)


def hits_all(error: BaseException) -> bool:
    """Whether every other group of writes would fail too, so that trying the parts of a group is pointless."""
    return isinstance(error, _HITS_ALL)


def away(where: str, why: str) -> Unavailable:
    """Returns the error for a database that cannot be reached."""
    return Unavailable(
        f"the database of the registry, {where}, cannot be reached: {why}; nothing was written",
        hint="check that the server runs and can be reached from this host; a running machine continues by itself",
        retry_after=RETRY_AFTER,
    )


def translated(error: BaseException, where: str) -> HyperverseError:
    """Returns the error that a caller gets for ``error``, with ``error`` as its cause. Nothing was written."""
    if isinstance(error, HyperverseError):
        return error
    meaning = _meaning(error, where)
    meaning.__cause__ = error
    return meaning


def own_copy(error: BaseException) -> BaseException:
    """Returns a copy for one of several callers, each of which adds a traceback; ``error`` itself if it is not one of
    our errors."""
    if not isinstance(error, HyperverseError):
        return error
    copy = type(error).__new__(type(error), *error.args)  # each class has an __init__ of its own
    copy.__dict__.update(vars(error))
    copy.__cause__ = error.__cause__
    return copy


def _meaning(error: BaseException, where: str) -> HyperverseError:
    said = said_by(error)
    if isinstance(error, _CHANGED):
        return Unavailable(
            f"the registry in {where} cannot be used: {said}",
            hint="its tables were removed or changed, or the rights of this user; restore a backup",
            retry_after=RETRY_AFTER,
        )
    match error:
        case pg.DiskFullError() | pg.OutOfMemoryError() | pg.InsufficientResourcesError():
            return Unavailable(
                f"the database of the registry, {where}, is full: {said}; nothing was written",
                hint="free what the server has run out of; the registry then continues by itself",
                retry_after=RETRY_AFTER,
            )
        case pg.ReadOnlySQLTransactionError():
            return Unavailable(
                f"the database of the registry, {where}, accepts no writes: {said}",
                hint="it is a standby, or was set to read only; name the primary in the url",
                retry_after=RETRY_AFTER,
            )
        case pg.QueryCanceledError() | pg.LockNotAvailableError():
            return Unavailable(
                f"the database of the registry, {where}, took too long: {said}; nothing was written",
                hint="look in pg_stat_activity for sessions that hold locks",
                retry_after=RETRY_AFTER,
            )
        case pg.DuplicatePreparedStatementError() | pg.InvalidSQLStatementNameError():
            return Unavailable(f"there is a pooler in front of {where}: {said}", hint=_POOLER)
        case pg.ProgramLimitExceededError():
            return TooLarge(
                f"a value is larger than the registry can store: {said}",
                hint="a point may have about 2,600 bytes, and the data written with it must be less than 1 GB",
            )
        case pg.DataError() | UnicodeError() | OverflowError():
            return BadRequest(f"the registry cannot store this value: {said}")
    if breaks(error):
        return away(where, said)
    return InternalError(f"the registry failed: {type(error).__name__}: {said}")


def said_by(error: BaseException) -> str:
    """Returns the text of ``error`` in one line."""
    if isinstance(error, TimeoutError) and not str(error):
        return "no answer in time"
    lines = str(error).splitlines()
    return lines[0] if lines else type(error).__name__


def refusal(error: BaseException, where: str, schema: str) -> HyperverseError:
    """Returns the error when the registry cannot be opened: what is wrong and how to fix it."""
    if isinstance(error, HyperverseError):
        return error
    meaning = _refusal(error, where, schema)
    meaning.__cause__ = error
    return meaning


def _refusal(error: BaseException, where: str, schema: str) -> HyperverseError:
    said = said_by(error)
    match error:
        case asyncpg.PostgresError() if "pg_hba.conf" in said:
            return ConfigError(
                f"the database of the registry, {where}, does not admit this user from this host: {said}",
                hint="let its administrator permit them in pg_hba.conf; if only encrypted connections are permitted, "
                "add `?sslmode=require` to `url` of [registry]",
            )
        case asyncpg.PostgresError() if str(error.sqlstate).startswith(_LOGIN):
            return ConfigError(
                f"the database of the registry, {where}, rejects this user: {said}",
                hint="check user and password in `url` of [registry]; the password can also be set in `password`",
            )
        case pg.InvalidCatalogNameError():
            return ConfigError(
                f"the database of the registry, {where}, does not exist: {said}",
                hint="create it with `createdb`, or correct the name in `url` of [registry]",
            )
        case pg.InsufficientPrivilegeError():
            return ConfigError(
                f"this user may not create the registry in {where}: {said}",
                hint=_to_be_granted(said, schema),
            )
        case pg.DuplicateTableError() | pg.DuplicateObjectError() | pg.DuplicateFunctionError():
            return ConfigError(
                f"the schema {schema!r} of {where} has tables of another program: {said}",
                hint="name another schema with `schema` in [registry], or another database in `url`",
            )
        case pg.ReadOnlySQLTransactionError():
            return ConfigError(
                f"the database of the registry, {where}, accepts no writes: {said}",
                hint="it is a standby, or was set to read only; name the primary in `url` of [registry]",
            )
        case pg.ProtocolViolationError() if "startup parameter" in said:
            return ConfigError(f"there is a pooler in front of {where}: {said}", hint=_POOLER)
        case pg.DuplicatePreparedStatementError() | pg.InvalidSQLStatementNameError():
            return ConfigError(f"there is a pooler in front of {where}: {said}", hint=_POOLER)
        case ConnectionError() if "SSL upgrade" in said:
            return ConfigError(
                f"the database of the registry, {where}, has no TLS: {said}",
                hint="switch TLS on at the server, or change `sslmode` in `url` of [registry]",
            )
        case ssl.SSLCertVerificationError():
            return ConfigError(
                f"the certificate of the database of the registry, {where}, is not trusted: {said}",
                hint="name the certificate of its authority with `sslrootcert` in `url` of [registry]; `verify-full` "
                "also compares the host in the certificate with that in `url`",
            )
        case ssl.SSLError():
            return ConfigError(
                f"no encrypted connection to the database of the registry, {where}: {said}",
                hint="check `sslmode` and the files that `url` of [registry] names",
            )
        case pg.TargetServerAttributeNotMatched():
            return ConfigError(
                f"the database of the registry, {where}, accepts no writes: no server of `url` is a primary",
                hint="name the primary in `url` of [registry]",
            )
        case asyncpg.ClientConfigurationError():
            return ConfigError(f"url of the postgres registry: {said}", hint="correct `url` of [registry]")
        case pg.TooManyConnectionsError():
            return Unavailable(
                f"the database of the registry, {where}, has no connection left: {said}",
                hint="each machine takes two; raise max_connections of the server",
                retry_after=RETRY_AFTER,
            )
    return translated(error, where)


def _to_be_granted(said: str, schema: str) -> str:
    if "for database" in said:  # the schema does not exist yet
        return (
            f"ask the owner of the database to run: CREATE SCHEMA {schema} AUTHORIZATION the user; or name a schema "
            "where this user may create tables with `schema` in [registry]"
        )
    return (
        f"ask the owner of the database to run: GRANT CREATE, USAGE ON SCHEMA {schema} TO the user; or name another "
        "schema with `schema` in [registry]"
    )
