"""Grants, tokens, and the keys of admitted machines."""

from __future__ import annotations

import abc
from collections.abc import Iterable, Sequence

from ...errors import BadRequest
from ...universe.access.access import AccessGrant
from ...universe.address.point import Point
from .records import MachineKey, TokenRecord

__all__ = ["TrustRegistry"]


class TrustRegistry(abc.ABC):
    """The part of a :class:`Registry` with grants, tokens and keys of machines. :class:`Registry` says what holds for
    every method."""

    @abc.abstractmethod
    async def grant(self, grant: AccessGrant) -> AccessGrant:
        """Stores ``grant``, and returns it with its id, which no other grant ever gets.

        Raises:
            NotFound: the grantor (``grant.by``) is not registered and is not the hyperuser.
        """

    @abc.abstractmethod
    async def grants(self, roots: Iterable[Point] | None = None) -> list[AccessGrant]:
        """Returns the grants whose query root is one of ``roots``, all grants when ``roots`` is None, in the order of
        their ids."""

    async def grant_roots(self, most: int) -> frozenset[Point] | None:
        """Returns the query roots of all grants, so that nobody need ask for the grants of other points; None when
        there are more than ``most``, or when the registry cannot list them without reading all grants, which is the
        default.
        """
        return None

    @abc.abstractmethod
    async def revoke(self, grant_id: int) -> AccessGrant:
        """Removes the grant with the id ``grant_id``, and returns it.

        Raises:
            NotFound: there is no such grant.
        """

    @abc.abstractmethod
    async def add_token(self, token: TokenRecord) -> None:
        """Stores ``token``, and replaces one with the same digest."""

    @abc.abstractmethod
    async def token(self, digest: str) -> TokenRecord | None:
        """Returns the token with that ``digest``, None when there is none."""

    @abc.abstractmethod
    async def tokens(self) -> list[TokenRecord]:
        """Returns all tokens, ordered by label and digest."""

    @abc.abstractmethod
    async def revoke_token(self, digest: str) -> bool:
        """Removes the token with that ``digest``. Returns whether there was one."""

    async def machine_keys(self) -> list[MachineKey]:
        """Returns the keys of machines that were admitted or removed here, ordered by transport and key. The default,
        for a registry that keeps none, returns nothing: then the key files of each host decide which machines are
        admitted."""
        return []

    async def set_machine_keys(self, keys: Sequence[MachineKey], *, invitation: str | None = None) -> None:
        """Stores ``keys``, each replacing one with the same transport and key, also an earlier one of ``keys``: all of
        them or none.

        Args:
            invitation: the digest of an invitation, which this call spends; None stores without one.

        Raises:
            NotFound: there is no such invitation, or no longer: it was spent, or has expired.
            BadRequest: this registry keeps no keys, which is the default; or an admitted key has a text that cannot be
                stored. The removal of such a key finds nothing (:func:`keys_to_store`).
        """
        raise _keeps_no_keys()

    async def add_invitation(self, digest: str, seconds: float) -> None:
        """Stores an invitation, which :meth:`set_machine_keys` spends, and replaces one with the same digest.

        Args:
            digest: the digest of its text (:func:`hyperverse_core.policy.token_digest`).
            seconds: how long it can be spent, in seconds by the clock of the store.

        Raises:
            BadRequest: this registry keeps no invitations, which is the default.
        """
        raise _keeps_no_keys()


def _keeps_no_keys() -> BadRequest:
    return BadRequest(
        "this registry keeps no keys of machines",
        hint="allow the key on each host instead, with `hyperverse keys allow`",
    )
