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
    """What one agent may do on a particle.

    Attributes:
        agent: who.
        access: what.
        rule: the rule that gives it, as a part of a sentence.
        grants: the numbers of the grants that give it.
    """

    agent: Point
    access: Access
    rule: str
    grants: tuple[int, ...] = ()


@attrs.frozen
class Holders:
    """The agents that may do something on a particle.

    Attributes:
        holdings: the agents, in the order of their points.
        note: who may besides, without being listed one by one; empty for nobody.
        complete: whether nobody was left out because there are too many.
    """

    holdings: tuple[Holding, ...]
    note: str = ""
    complete: bool = True


@attrs.frozen
class AccessChange:
    """What an agent may do on a particle now, and what it could do afterwards."""

    agent: Point
    point: Point
    before: Access
    after: Access


@attrs.frozen
class Preview:
    """What a grant, a revocation or a new owner would change.

    Attributes:
        changes: whose access would be another; in the order of the particles, then of the agents.
        complete: whether nothing was left out because there is too much.
    """

    changes: tuple[AccessChange, ...]
    complete: bool = True


@attrs.frozen
class IssuedToken:
    """A token that was made.

    Attributes:
        secret: what its bearer shows. Nobody can read it a second time.
        record: what the registry knows of it.
    """

    secret: str = attrs.field(repr=False)
    record: TokenRecord


class Administration(abc.ABC):
    """What a policy may offer to those who administer it with the commands ``grant``, ``grants``, ``revoke``, ``chown``
    and ``access``, and with those about tokens.

    The gate decides first whether the agent may do such a thing at all (the actions of the same names, and ``token``);
    the implementation checks what the policy's own rules demand besides. An agent whose wave has a scope does not get
    here.

    Every method raises Forbidden when the agent may not do it, NotFound when what it names does not exist, and
    Unavailable when the registry cannot be reached; nothing was changed then.
    """

    @abc.abstractmethod
    async def grant(self, grant: AccessGrant) -> AccessGrant:
        """Makes a grant in the name of its grantor (``grant.by``). Returns it with its number."""

    @abc.abstractmethod
    async def revoke(self, number: int, *, by: Point) -> AccessGrant:
        """Ends the grant with that ``number``, in the name of the agent ``by``. Returns the grant as it was."""

    @abc.abstractmethod
    async def grants(
        self, *, on: Selector | None = None, to: Selector | None = None, by: Point
    ) -> Sequence[AccessGrant]:
        """The grants that the agent ``by`` may know of, in the order of their numbers.

        Args:
            on: only those on at least one particle that this selector matches.
            to: only those to at least one agent that this selector matches.
            by: who asks.
        """

    @abc.abstractmethod
    async def chown(self, records: Sequence[ParticleRecord], owner: Point, *, by: Point) -> None:
        """Makes ``owner`` the owner of all of ``records``, or of none of them, in the name of the agent ``by``."""

    @abc.abstractmethod
    async def holders(self, record: ParticleRecord) -> Holders:
        """The agents that may do something on the particle of ``record``."""

    @abc.abstractmethod
    async def preview_grant(self, grant: AccessGrant) -> Preview:
        """What :meth:`grant` would change. Demands what that demands, and changes nothing.

        Args:
            grant: the grant, without a number.
        """

    @abc.abstractmethod
    async def preview_revoke(self, number: int, *, by: Point) -> Preview:
        """What :meth:`revoke` would change. Demands what that demands, and changes nothing.

        Args:
            number: of the grant.
            by: the agent in whose name it is ended.
        """

    @abc.abstractmethod
    async def preview_chown(self, records: Sequence[ParticleRecord], owner: Point, *, by: Point) -> Preview:
        """What :meth:`chown` would change. Demands what that demands, and changes nothing.

        Args:
            records: the particles.
            owner: who would own them.
            by: the agent in whose name it is done.
        """

    @abc.abstractmethod
    async def issue_token(
        self, agent: Point, *, label: str = "", scope: Scope | None = None, expires: float | None = None, by: Point
    ) -> IssuedToken:
        """Makes a token whose bearer acts as ``agent``.

        Args:
            label: a name of the token, for people.
            scope: bounds of what its bearer does; None for none.
            expires: when it ends, in seconds since 1970; None for never.
            by: the agent in whose name it is made.
        """

    @abc.abstractmethod
    async def tokens(self, *, agent: Point | None = None, by: Point) -> Sequence[TokenRecord]:
        """The tokens that the agent ``by`` may know of, without their secrets; only those of ``agent`` unless it is
        None."""

    @abc.abstractmethod
    async def revoke_token(self, id: str, *, by: Point) -> TokenRecord:
        """Ends the token whose digest begins with ``id``, in the name of the agent ``by``. Returns it as it was."""

    @abc.abstractmethod
    async def rotate_token(self, id: str, *, by: Point) -> IssuedToken:
        """Ends the token whose digest begins with ``id``, and makes another with the same agent, label, scope and end,
        in the name of the agent ``by``."""
