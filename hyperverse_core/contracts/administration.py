"""How a policy is administered: grants, owners, and who may do what."""

from __future__ import annotations

import abc
from collections.abc import Sequence

import attrs

from ..universe.access.access import Access, AccessGrant
from ..universe.access.scope import Scope
from ..universe.address.point import Point
from ..universe.selectors.selector import Selector
from .registry import ParticleRecord, TokenRecord

__all__ = ["AccessChange", "Administration", "Holders", "Holding", "IssuedToken", "Preview"]


@attrs.frozen
class Holding:
    """The access of one agent to a particle.

    Attributes:
        agent: the agent.
        access: what it may do.
        rule: the rule that gives the access, as part of a sentence.
        grants: the numbers of the grants that give it.
    """

    agent: Point
    access: Access
    rule: str
    grants: tuple[int, ...] = ()


@attrs.frozen
class Holders:
    """The agents that have access to a particle.

    Attributes:
        holdings: the agents, in the order of their points.
        note: further agents with access that are not listed one by one; empty for none.
        complete: False when agents were left out because there are too many.
    """

    holdings: tuple[Holding, ...]
    note: str = ""
    complete: bool = True


@attrs.frozen
class AccessChange:
    """What an agent may do on a particle now, and what it could do after the change."""

    agent: Point
    point: Point
    before: Access
    after: Access


@attrs.frozen
class Preview:
    """What a grant, a revocation or a new owner would change.

    Attributes:
        changes: the access that would change; in the order of the particles, then of the agents.
        complete: False when changes were left out because there are too many.
    """

    changes: tuple[AccessChange, ...]
    complete: bool = True


@attrs.frozen
class IssuedToken:
    """A token that was issued.

    Attributes:
        secret: the text that its bearer presents. It cannot be read a second time.
        record: its record in the registry.
    """

    secret: str = attrs.field(repr=False)
    record: TokenRecord


class Administration(abc.ABC):
    """What a policy may offer to administrators, who use the commands ``grant``, ``grants``, ``revoke``, ``chown`` and
    ``access``, and the commands for tokens.

    The gate first decides whether the agent may use such a command at all (the actions of the same names, and
    ``token``); the implementation then checks what else the policy's own rules require. It is never called for an agent
    whose wave has a scope.

    Every method raises Forbidden when the agent may not do it, NotFound when something that the call names does not
    exist, and Unavailable when the registry cannot be reached. In each case nothing was changed.
    """

    @abc.abstractmethod
    async def grant(self, grant: AccessGrant) -> AccessGrant:
        """Makes a grant on behalf of its grantor (``grant.by``). Returns it with its number."""

    @abc.abstractmethod
    async def revoke(self, number: int, *, by: Point) -> AccessGrant:
        """Revokes the grant with that ``number``, on behalf of the agent ``by``. Returns the grant as it was."""

    @abc.abstractmethod
    async def grants(
        self, *, on: Selector | None = None, to: Selector | None = None, by: Point
    ) -> Sequence[AccessGrant]:
        """Returns the grants that the agent ``by`` may see, in the order of their numbers.

        Args:
            on: only grants on at least one particle that this selector matches.
            to: only grants to at least one agent that this selector matches.
            by: the agent that asks.
        """

    @abc.abstractmethod
    async def chown(self, records: Sequence[ParticleRecord], owner: Point, *, by: Point) -> None:
        """Makes ``owner`` the owner of all of ``records``, or of none of them, on behalf of the agent ``by``."""

    @abc.abstractmethod
    async def holders(self, record: ParticleRecord) -> Holders:
        """Returns the agents that have access to the particle of ``record``."""

    @abc.abstractmethod
    async def preview_grant(self, grant: AccessGrant) -> Preview:
        """Returns what :meth:`grant` would change. Makes the same checks, and changes nothing.

        Args:
            grant: the grant, without a number.
        """

    @abc.abstractmethod
    async def preview_revoke(self, number: int, *, by: Point) -> Preview:
        """Returns what :meth:`revoke` would change. Makes the same checks, and changes nothing.

        Args:
            number: the number of the grant.
            by: the agent in whose name it would be revoked.
        """

    @abc.abstractmethod
    async def preview_chown(self, records: Sequence[ParticleRecord], owner: Point, *, by: Point) -> Preview:
        """Returns what :meth:`chown` would change. Makes the same checks, and changes nothing.

        Args:
            records: the particles.
            owner: their new owner.
            by: the agent in whose name the owner would change.
        """

    @abc.abstractmethod
    async def issue_token(
        self, agent: Point, *, label: str = "", scope: Scope | None = None, expires: float | None = None, by: Point
    ) -> IssuedToken:
        """Issues a token whose bearer acts as ``agent``.

        Args:
            label: a name for people.
            scope: bounds of what its bearer may do; None for none.
            expires: when it expires, in seconds since 1970; None for never.
            by: the agent in whose name it is issued.
        """

    @abc.abstractmethod
    async def tokens(self, *, agent: Point | None = None, by: Point) -> Sequence[TokenRecord]:
        """Returns the tokens that the agent ``by`` may see, without their secrets; only the tokens of ``agent``, unless
        it is None."""

    @abc.abstractmethod
    async def revoke_token(self, id: str, *, by: Point) -> TokenRecord:
        """Revokes the token whose digest begins with ``id``, on behalf of the agent ``by``. Returns it as it was."""

    @abc.abstractmethod
    async def rotate_token(self, id: str, *, by: Point) -> IssuedToken:
        """Revokes the token whose digest begins with ``id``, and issues another with the same agent, label, scope and
        expiry, on behalf of the agent ``by``."""
