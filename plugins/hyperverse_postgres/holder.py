"""Finds the transaction that holds up the change feed."""

from __future__ import annotations

import time
from typing import Final

from hyperverse_core.registry import Trouble

from .link import Connection

__all__ = ["who_holds"]

# In seconds of the server's clock, which may differ from ours. A user who is no administrator sees of a transaction of
# another user only whose it is.
_HOLDER: Final = """
select seconds, what, whose, database from (
  select age(a.backend_xid) as age, extract(epoch from clock_timestamp() - a.xact_start)::float8 as seconds,
         format('transaction of %s (process %s', coalesce(nullif(a.application_name, ''), a.backend_type, 'a program'),
                a.pid) as what, coalesce(a.usename::text, '') as whose, coalesce(a.datname::text, '') as database
  from pg_stat_activity a where a.backend_xid is not null and a.pid <> pg_backend_pid()
  union all
  select age(p.transaction), extract(epoch from clock_timestamp() - p.prepared)::float8,
         format('prepared transaction (%L', p.gid), p.owner::text, p.database::text
  from pg_prepared_xacts p
) f order by age desc limit 1
"""


async def who_holds(connection: Connection, noticed: float) -> Trouble | None:
    """Returns the oldest transaction that has an id; None if there is none any more.

    Args:
        noticed: how many seconds ago the feed was first found to be held up.
    """
    row = await connection.fetchrow(_HOLDER)
    if row is None:
        return None
    seconds, what, whose, database = row
    return Trouble(
        "the change feed of the database",
        f"a {what}, user {whose!r}, database {database!r}) is open; later changes of others become visible when it "
        "ends",
        time.time() - (noticed if seconds is None else seconds),
    )
