"""The directory of stars."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import attrs
import sqlalchemy as sa

from hyperverse_core.registry import ChangeKind, StarRecord, refusals
from hyperverse_core.values import Point, StarKey

from ..engine.batch_statement import BatchStatement
from ..engine.expressions import listed, listing
from ..engine.transaction import Transaction
from ..tables.rows import STAR, star_of, star_row
from ..tables.schema import stars

__all__ = ["announce", "directory", "expire", "renew", "withdraw"]

_TOLD = ("address", "door_key", "kinds", "links", "draining")
"""The columns that a renewal may change and that the change feed reports."""
_RENEWED = ("address", "door_key", "kinds", "links", "particles", "draining", "facts")
_HELD = sa.select(stars.c.key, stars.c.incarnation, *(stars.c[name] for name in _TOLD)).where(
    stars.c.announced, stars.c.key.in_(listed("keys"))
)
_SOME = sa.select(*STAR).where(stars.c.announced, stars.c.key.in_(listed("keys")))
_RENEW = BatchStatement(
    sa.update(stars)
    .where(stars.c.key == sa.bindparam("star"))
    .values({name: sa.bindparam(name) for name in _RENEWED} | {"renewals": stars.c.renewals + sa.literal_column("1")}),
    (*_RENEWED, "star"),
)


def directory(connection: sa.Connection, keys: Collection[StarKey] | None = None) -> list[StarRecord]:
    """Returns the announced stars, all or those with ``keys``, in the order of their keys."""
    if keys is None:
        rows = connection.execute(sa.select(*STAR).where(stars.c.announced))
    else:
        rows = connection.execute(_SOME, {"keys": listing(map(str, keys))})
    return sorted((star_of(row) for row in rows), key=_in_order)


def _in_order(star: StarRecord) -> tuple[str, str, int]:
    # The same order as comparing keys, without the cost of comparing them in Python.
    return star.key.constellation, star.key.name, star.key.index


def announce(tx: Transaction, star: StarRecord) -> StarRecord:
    """Enters a star into the directory, with its next incarnation. From now on no assignment to an earlier incarnation
    is valid, without a write to any other row."""
    key = str(star.key)
    row = tx.connection.execute(sa.select(*STAR).where(stars.c.key == key)).first()
    held = None if row is None else star_of(row)
    if held is not None and row is not None and row.announced and held.machine != star.machine:
        raise refusals.star_held(held)
    # Never an incarnation that was announced before, even if this registry was restored from an older backup.
    incarnation = max(star.incarnation, 0 if held is None else held.incarnation) + 1
    announced = attrs.evolve(star, incarnation=incarnation, renewals=0)
    values = star_row(announced) | {"incarnation": announced.incarnation, "renewals": 0}
    if held is None:
        tx.connection.execute(stars.insert(), values)
    else:
        tx.connection.execute(sa.update(stars).where(stars.c.key == key).values(values))
    tx.log(ChangeKind.STAR, Point.of_star(star.key).text)
    return announced


def renew(tx: Transaction, renewed: Sequence[StarRecord]) -> None:
    """Records a renewal for each star, or raises and renews none."""
    held = {row.key: row for row in tx.connection.execute(_HELD, {"keys": listing(str(star.key) for star in renewed)})}
    gone = [star for star in renewed if _incarnation(held.get(str(star.key))) != star.incarnation]
    if gone:
        raise refusals.not_in_directory(gone)
    rows = [(star, star_row(star)) for star in renewed]
    _RENEW.run(tx.connection, [tuple(row[name] for name in (*_RENEWED, "key")) for _, row in rows])
    for star, row in rows:
        before = held[row["key"]]
        if any(getattr(before, name) != row[name] for name in _TOLD):
            tx.log(ChangeKind.STAR, Point.of_star(star.key).text)


def _incarnation(row: Any) -> int | None:
    return None if row is None else row.incarnation


def withdraw(tx: Transaction, withdrawn: Sequence[StarRecord]) -> None:
    """Removes from the directory those stars whose incarnation is the announced one."""
    held = {star.key: star for star in directory(tx.connection, [star.key for star in withdrawn])}
    for star in withdrawn:
        if _is_held(held.pop(star.key, None), star):
            _take_out(tx, star)


def expire(tx: Transaction, star: StarRecord) -> bool:
    """Withdraws a star if its incarnation and renewals are those of the record. Returns whether it did."""
    held = next(iter(directory(tx.connection, (star.key,))), None)
    if held is None or (held.incarnation, held.renewals) != (star.incarnation, star.renewals):
        return False
    _take_out(tx, star)
    return True


def _is_held(held: StarRecord | None, star: StarRecord) -> bool:
    return held is not None and held.incarnation == star.incarnation


def _take_out(tx: Transaction, star: StarRecord) -> None:
    key = str(star.key)
    # The row stays, because the next incarnation must be greater.
    tx.connection.execute(sa.update(stars).where(stars.c.key == key).values(announced=False))
    tx.log(ChangeKind.STAR, Point.of_star(star.key).text)
