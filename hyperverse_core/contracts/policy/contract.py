"""The contract itself, and the part of the platform that a policy may see."""

from __future__ import annotations

import abc
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final

import attrs

from ...errors import Unauthorized
from ...universe.address.point import Point
from ..administration import Administration
from ..registry import Change, ChangeKind, ParticleRecord, Registry
from .answers import Decision, Explanation
from .questions import Credentials, Identified, Request

__all__ = ["ACCESS_CHANGES", "PolicyView", "SecurityPolicy"]

ACCESS_CHANGES: Final = frozenset(
    {ChangeKind.REGISTERED, ChangeKind.DELETED, ChangeKind.OWNER, ChangeKind.GRANTED, ChangeKind.REVOKED}
)
"""The changes that may alter what an agent may do, unless a policy says otherwise."""


@attrs.frozen
class PolicyView:
    """What a policy may ask: the registry, and the fabric's cached records.

    Attributes:
        registry: the registry of this Hyperverse.
        records: looks up many records, from the fabric's cache where possible.
    """

    registry: Registry
    records: Callable[[tuple[Point, ...]], Awaitable[Mapping[Point, ParticleRecord]]]


class SecurityPolicy(abc.ABC):
    """Contract of a policy. All methods are called on the event loop of the machine.

    The gate of a machine asks :meth:`decide` and keeps the answer for as long as :attr:`Decision.holds_for` and
    :attr:`Decision.rests_on` allow. A question that is not answered in time (``[security] timeout``) is cancelled. The
    caller gets a 503 for such a question, for one that raises anything but a HyperverseError, and for an answer that is
    not a Decision.

    Attributes:
        change_kinds: the changes that may alter an answer. A policy that reads properties adds
            ``ChangeKind.PROPERTIES``. It is read when the machine starts, so a policy may set it in its constructor.

    Args:
        settings: the policy's own table of the configuration.
    """

    change_kinds: frozenset[ChangeKind] = ACCESS_CHANGES

    def __init__(self, settings: Mapping[str, Any] | None = None) -> None:
        self.settings = dict(settings or {})

    # -- life ---------------------------------------------------------------------------------------------

    @abc.abstractmethod
    async def open(self, view: PolicyView) -> None:
        """Called once before anything else is asked.

        Args:
            view: what the policy may read, now and later.
        """

    async def close(self) -> None:
        """Called when the machine stops; may be called twice."""

    # -- identities ---------------------------------------------------------------------------------------

    @abc.abstractmethod
    async def authenticate(self, credentials: Credentials) -> Point:
        """Returns the agent as which a client with these credentials acts.

        Args:
            credentials: what the client has presented.

        Raises:
            Unauthorized: they are unknown, or no longer valid; the message contains no secret.
            Unavailable: the registry cannot be reached.
        """

    async def identify(self, credentials: Credentials) -> Identified:
        """Returns the agent that a client with these credentials is, with bounds of its own. The default sets no
        bounds.

        Args:
            credentials: what the client has presented.

        Raises:
            Unauthorized, Unavailable: as :meth:`authenticate`.
        """
        return Identified(await self.authenticate(credentials))

    async def authenticate_machine(self, name: str, credentials: Credentials) -> None:
        """Returns when the machine that presents these credentials is the machine ``name`` of this Hyperverse.

        Called if a lane does not prove keys. An admitted machine may act as anybody, so the default refuses all
        machines.

        Args:
            name: the name that the machine claims.
            credentials: what it has presented.

        Raises:
            Unauthorized: they are not those of that machine; the message contains no secret.
        """
        raise Unauthorized(
            f"a machine that calls itself {name!r} has not proved its key, and the policy knows no other proof",
            hint="use a transport that proves keys",
        )

    # -- what they may do ---------------------------------------------------------------------------------

    @abc.abstractmethod
    async def decide(self, request: Request) -> Decision:
        """Decides whether the agent may do it. A refusal is an answer, not an error.

        The answer must follow from the request and the registry, unless it holds for this request only
        (:attr:`HoldsFor.REQUEST`). Let a CancelledError propagate: it means that nobody waits for the answer any more.

        Args:
            request: agent, action, need, target and scope.

        Raises:
            Unavailable: the registry cannot be reached. Nothing is kept, and the caller may try again.
        """

    async def decide_many(self, requests: Sequence[Request]) -> Sequence[Decision]:
        """Decides many requests, and returns the answers in the order of the requests. Override it when the answers can
        be found together; the default decides one request after the other.

        Args:
            requests: each is decided as if it came alone.

        Raises:
            Unavailable: as :meth:`decide`.
        """
        return [await self.decide(request) for request in requests]

    async def explain(self, request: Request) -> Explanation:
        """Returns the answer of :meth:`decide` to ``request`` with its reasons, for people. The default knows no
        reasons beyond those of the answer itself."""
        decision = await self.decide(request)
        return Explanation(request, decision, decision.why or ("allowed" if decision.allowed else "refused"))

    @property
    def administration(self) -> Administration | None:
        """Returns how the policy is administered; None when it offers no administration."""
        return None

    # -- what it keeps ------------------------------------------------------------------------------------

    def changed(self, change: Change) -> None:
        """Called after a change in the registry of a kind in :attr:`change_kinds`. Drop everything that rests on it,
        including what is being read at this moment. The default drops everything, with :meth:`forget`.

        Args:
            change: the entry of the registry's feed.
        """
        self.forget()

    def forget(self) -> None:
        """Called when changes were missed: drop everything that was read from the registry, including what is being
        read at this moment. The default has nothing to drop."""
