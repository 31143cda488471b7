"""The tables and functions in the database: creates them when they are missing, and checks them otherwise."""

from __future__ import annotations

import zlib
from functools import lru_cache
from importlib import resources
from typing import Final

import asyncpg

from hyperverse_core.errors import ConfigError
from hyperverse_core.registry import Registration, Status
from hyperverse_core.values import HYPERUSER, ROOT, Kind

from .link import Connection
from .rows import new_row
from .settings import PostgresSettings

__all__ = ["lock_class", "made_ready", "named"]

SCHEMA_VERSION: Final = 7
_OLDEST_SERVER: Final = 14
_STEPS: Final[tuple[str, ...]] = ("from_1_to_2.sql", "", "", "", "", "")
"""What each version added to the tables, in order; may be empty. A new registry applies all of them."""
_FUNCTIONS: Final = (
    "writing.sql",
    "particles.sql",
    "assignments.sql",
    "directory.sql",
    "trust.sql",
    "reading.sql",
)
_LOCK: Final = -1
"""The advisory lock of the schema; the locks of points are 0 and higher."""
_OVERTAKEN: Final = "YH001"
"""An SQLSTATE of our own."""
_CHECK: Final = """
do $check$ begin
  if not ({seen}) then
    raise exception 'another machine has created or upgraded the registry' using errcode = '{overtaken}';
  end if;
end $check$
"""
_NO_META: Final = """
not exists (select from pg_class c join pg_namespace s on s.oid = c.relnamespace
            where s.nspname = '{schema}' and c.relname = 'meta')
"""
"""Not by to_regclass(): it may answer from what this session has looked up before another machine created the table."""
_AT_VERSION: Final = "(select value from hv.meta where key = 'schema') = '{version}'"
_FIRST_META: Final = "insert into hv.meta (key, value) values ('made by', 'hyperverse'), ('schema', '{version}')"
_FIRST_PARTICLE: Final = """
insert into hv.particles (point, route, depth, kind, owner, status, properties) values ({values})
"""
_NEW_VERSION: Final = "update hv.meta set value = '{version}' where key = 'schema'"


@lru_cache(maxsize=256)
def named(text: str, schema: str) -> str:
    """Returns SQL with the name of the schema in place of ``hv``."""
    return text.replace("hv.", f'"{schema}".').replace("hv_lock", str(lock_class(schema)))


def lock_class(schema: str) -> int:
    """Returns the class of a registry's advisory locks: several registries may share a database."""
    return zlib.crc32(f"hyperverse {schema}".encode()) & 0x7FFFFFFF


async def made_ready(connection: Connection, settings: PostgresSettings) -> None:
    """Creates the registry in the database unless it exists. Raises ConfigError, and the errors of asyncpg."""
    version = connection.get_server_version()
    if version.major < _OLDEST_SERVER:
        raise ConfigError(
            f"the server of {settings.where} is PostgreSQL {version.major}, which is too old",
            hint=f"the registry needs PostgreSQL {_OLDEST_SERVER} or newer",
        )
    schema = settings.schema
    # Otherwise the session itself sets it. Behind a pooler only the role or the database can.
    isolation = await connection.fetchval("show default_transaction_isolation")
    if isolation != "read committed":
        raise ConfigError(
            f"transactions of this user in {settings.where} are {isolation!r}, and a pooler keeps sessions "
            "from changing that",
            hint="an administrator must run: ALTER ROLE the_user SET default_transaction_isolation = 'read committed'",
        )
    while not await _is_ready(connection, schema):
        try:
            await connection.execute(await _script(connection, settings))
        except asyncpg.PostgresError as error:
            if error.sqlstate != _OVERTAKEN:
                raise
        else:
            return


async def _is_ready(connection: Connection, schema: str) -> bool:
    """Whether there is nothing to do. In one turn and without a lock, so that a machine that is stopped here does not
    keep others from starting."""
    try:
        rows = await connection.fetch(
            named("select key::text, value::text, system_identifier::text from hv.meta, pg_control_system()", schema)
        )
    except asyncpg.PostgresError:  # what is there instead is found out next
        return False
    found = {row[0]: row[1] for row in rows}
    wanted = {"made by": "hyperverse", "schema": str(SCHEMA_VERSION)}
    return bool(rows) and found == {**wanted, "server": rows[0][2]}


def _check_encoding(connection: Connection, settings: PostgresSettings) -> None:
    encoding = connection.get_settings().server_encoding
    if encoding not in ("UTF8", "SQL_ASCII"):
        raise ConfigError(
            f"the database {settings.where} has the encoding {encoding}, which cannot store all characters",
            hint="create one with `createdb --encoding UTF8 --locale C --template template0 --owner USER NAME`, and "
            "name it in `url` of [registry]",
        )


async def _script(connection: Connection, settings: PostgresSettings) -> str:
    """Returns statements that create or upgrade the registry. They are one message, which the server carries out in one
    transaction under the lock of the schema, so a machine that is stopped keeps no other from starting. They fail with
    the state ``_OVERTAKEN`` when another machine was faster."""
    schema = settings.schema
    if await connection.fetchval("select to_regclass($1)::text", f'"{schema}".meta') is None:
        _check_encoding(connection, settings)
        missing = not await connection.fetchval("select exists (select from pg_namespace where nspname = $1)", schema)
        seen = _NO_META.format(schema=schema)
        statements = [f'create schema "{schema}"'] if missing else []
        statements += _creating()
    else:
        found = await _version(connection, settings)
        seen = _AT_VERSION.format(version=found)
        statements = _upgrading(found)
    begin = [f"select pg_advisory_xact_lock(hv_lock, {_LOCK})", _CHECK.format(seen=seen, overtaken=_OVERTAKEN)]
    return named(";\n".join((*begin, *statements, _text("same_server.sql"))), schema)


def _creating() -> list[str]:
    root = new_row(Registration(ROOT, Kind("Root"), HYPERUSER, status=Status.READY))
    return [
        *map(_text, ("tables.sql", *filter(None, _STEPS), *_FUNCTIONS)),
        _FIRST_META.format(version=SCHEMA_VERSION),
        _FIRST_PARTICLE.format(values=", ".join(map(_literal, root[:7]))),
    ]


def _literal(value: str | int | None) -> str:
    if value is None:
        return "null"
    return str(value) if isinstance(value, int) else "'" + value.replace("'", "''") + "'"


def _text(file: str) -> str:
    return resources.files(__package__).joinpath("sql", file).read_text(encoding="utf-8")


def _upgrading(found: int) -> list[str]:
    """Machines of the older version keep running: the functions accept what they accepted before."""
    if found == SCHEMA_VERSION:
        return []
    return [
        *map(_text, filter(None, _STEPS[found - 1 :])),
        *(_text(file).replace("create function ", "create or replace function ") for file in _FUNCTIONS),
        _NEW_VERSION.format(version=SCHEMA_VERSION),
    ]


async def _version(connection: Connection, settings: PostgresSettings) -> int:
    """Returns the version of the existing registry. Raises ConfigError when it is not a registry, or is of a newer
    version."""
    schema = settings.schema
    columns = await connection.fetch(
        "select attname from pg_attribute where attrelid = to_regclass($1) and attnum > 0 and not attisdropped",
        f'"{schema}".meta',
    )
    found: dict[str, str] = {}
    if sorted(row[0] for row in columns) == ["key", "value"]:
        rows = await connection.fetch(named("select key::text, value::text from hv.meta", schema))
        found = {row[0]: row[1] for row in rows}
    if found.get("made by") != "hyperverse" or not found.get("schema", "").isdecimal():
        raise ConfigError(
            f"the schema {schema!r} of {settings.where} has a table 'meta' of another program",
            hint="name another schema with `schema` in [registry], or another database in `url`",
        )
    if int(found["schema"]) > SCHEMA_VERSION:
        raise ConfigError(
            f"the registry in {settings.where} was written by a newer version (schema {found['schema']}; this one "
            f"supports {SCHEMA_VERSION})",
            hint="upgrade cosmic-hyperverse on this host, or name another schema or database",
        )
    return int(found["schema"])
