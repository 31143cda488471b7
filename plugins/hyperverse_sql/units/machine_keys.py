"""Keys of machines, and the invitations that admit new ones."""

from __future__ import annotations

import time

import attrs
import sqlalchemy as sa

from hyperverse_core.registry import ChangeKind, MachineKey, is_storable, refusals

from ..engine.transaction import Transaction
from ..tables.schema import invitations, machine_keys

__all__ = ["Invitation", "NewKeys", "add_invitation", "all_keys", "may_be_there", "set_keys"]

_MACHINE = "GLOBAL::machine"
_KEYS = sa.select(machine_keys.c.machine, machine_keys.c.transport, machine_keys.c.key, machine_keys.c.admitted)


@attrs.frozen
class NewKeys:
    """Argument of :func:`set_keys`."""

    keys: tuple[MachineKey, ...]
    invitation: str | None


@attrs.frozen
class Invitation:
    """Argument of :func:`add_invitation`."""

    digest: str
    seconds: float


def all_keys(connection: sa.Connection) -> list[MachineKey]:
    """Returns all keys, ordered by transport and key."""
    rows = connection.execute(_KEYS.order_by(machine_keys.c.transport, machine_keys.c.key))
    return [MachineKey(*row) for row in rows]


def set_keys(tx: Transaction, wanted: NewKeys) -> None:
    """Stores keys, replacing those with the same transport and key, and spends an invitation. Raises NotFound.

    A database of an earlier release may have keys with texts that cannot be stored now: these can only be removed.
    """
    if wanted.invitation is not None:
        spent = sa.delete(invitations).where(
            invitations.c.digest == wanted.invitation, invitations.c.expires > time.time()
        )
        if tx.connection.execute(spent).rowcount != 1:
            raise refusals.no_invitation()
    for key in wanted.keys:
        same = (machine_keys.c.transport == key.transport, machine_keys.c.key == key.key)
        if not all(map(is_storable, (key.machine, key.transport, key.key))):
            tx.connection.execute(sa.update(machine_keys).where(*same).values(admitted=False))
            continue
        tx.connection.execute(sa.delete(machine_keys).where(*same))
        tx.connection.execute(machine_keys.insert(), attrs.asdict(key))
    tx.log(ChangeKind.MACHINE, _MACHINE)


def may_be_there(key: MachineKey) -> bool:
    """Whether the database may have that key: earlier releases have stored NUL, but never half a surrogate pair."""
    return all(is_storable(text.replace("\0", "")) for text in (key.machine, key.transport, key.key))


def add_invitation(tx: Transaction, wanted: Invitation) -> None:
    """Stores an invitation, replacing one with the same digest, and removes expired ones."""
    now = time.time()
    over = sa.or_(invitations.c.expires <= now, invitations.c.digest == wanted.digest)
    tx.connection.execute(sa.delete(invitations).where(over))
    tx.connection.execute(invitations.insert(), {"digest": wanted.digest, "expires": now + wanted.seconds})
