"""Writes to the directory of stars."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs
import sqlalchemy as sa

from hyperverse_core.contracts.registry import ChangeKind, StarRecord
from hyperverse_core.errors import Conflict, NotHostedHere

from .assignments import release_hosted
from .rows import STAR, star_of, star_row
from .schema import stars
from .transaction import Transaction

__all__ = ["announce", "directory", "expire", "renew", "withdraw"]


def directory(connection: sa.Connection) -> list[StarRecord]:
    """The announced stars, in the order of their keys."""
    rows = connection.execute(sa.select(*STAR).where(stars.c.announced))
    return sorted((star_of(row) for row in rows), key=lambda star: star.key)


def announce(tx: Transaction, star: StarRecord) -> StarRecord:
    """Takes the star's place, with its next incarnation."""
    key = str(star.key)
    row = tx.connection.execute(sa.select(*STAR).where(stars.c.key == key)).first()
    held = None if row is None else star_of(row)
    if held is not None and row is not None and row.announced and held.machine != star.machine:
        raise Conflict(
            f"star '{star.key}' is held by machine {held.machine!r}",
            hint=f"stop it there, or wait until its lease of {held.lease:g} s has ended",
        )
    announced = attrs.evolve(star, incarnation=1 if held is None else held.incarnation + 1, renewals=0)
    values = star_row(announced) | {"incarnation": announced.incarnation, "renewals": 0}
    if held is None:
        tx.connection.execute(stars.insert(), values)
    else:
        tx.connection.execute(sa.update(stars).where(stars.c.key == key).values(values))
        release_hosted(tx, key, before=announced.incarnation)
    tx.log(ChangeKind.STAR, star.key.point.text)
    return announced


def renew(tx: Transaction, renewed: Sequence[StarRecord]) -> None:
    """Counts a renewal for each, or raises."""
    held = {star.key: star for star in directory(tx.connection)}
    gone = [star for star in renewed if not _is_held(held.get(star.key), star)]
    if gone:
        names = ", ".join(f"'{star.key}' (incarnation {star.incarnation})" for star in gone)
        raise NotHostedHere(f"not in the directory any more: {names}", hint="the lease has ended; announce it again")
    for star in renewed:
        before = held[star.key]
        values: dict[str, Any] = {
            name: value for name, value in star_row(star).items() if name in ("particles", "kinds", "links", "draining")
        }
        tx.connection.execute(
            sa.update(stars).where(stars.c.key == str(star.key)).values(values | {"renewals": stars.c.renewals + 1})
        )
        if (before.kinds, before.links, before.draining) != (star.kinds, star.links, star.draining):
            tx.log(ChangeKind.STAR, star.key.point.text)


def withdraw(tx: Transaction, withdrawn: Sequence[StarRecord]) -> None:
    """Takes those out of the directory that are the announced ones."""
    held = {star.key: star for star in directory(tx.connection)}
    for star in withdrawn:
        if _is_held(held.pop(star.key, None), star):
            _take_out(tx, star)


def expire(tx: Transaction, star: StarRecord) -> bool:
    """Withdraws a star that stands where the record says; tells whether it did."""
    held = {found.key: found for found in directory(tx.connection)}.get(star.key)
    if held is None or (held.incarnation, held.renewals) != (star.incarnation, star.renewals):
        return False
    _take_out(tx, star)
    return True


def _is_held(held: StarRecord | None, star: StarRecord) -> bool:
    return held is not None and held.incarnation == star.incarnation


def _take_out(tx: Transaction, star: StarRecord) -> None:
    key = str(star.key)
    # The row stays: the next incarnation has to be a greater one.
    tx.connection.execute(sa.update(stars).where(stars.c.key == key).values(announced=False))
    release_hosted(tx, key)
    tx.log(ChangeKind.STAR, star.key.point.text)
