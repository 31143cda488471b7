"""The contract itself, and what of the platform a policy may see."""

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
        records: looks many records up, from the fabric's cache where it can.
    """

    registry: Registry
    records: Callable[[tuple[Point, ...]], Awaitable[Mapping[Point, ParticleRecord]]]


class SecurityPolicy(abc.ABC):
    """Contract of a policy. Everything is called on the event loop of the machine.

    The gate of a machine asks :meth:`decide` and keeps the answer as long as :attr:`Decision.holds_for` and
    :attr:`Decision.rests_on` allow. A question that is not answered in time (``[security] timeout``) is cancelled; it,
    a question that raises anything but a HyperverseError, and an answer that is no Decision are a 503 for the caller.

    Attributes:
        change_kinds: the changes that may alter an answer. A policy that reads properties adds
            ``ChangeKind.PROPERTIES``. It is read when the machine starts, so that a policy may set it when it is made.

    Args:
        settings: the policy's own table of the config.
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

    # -- who somebody is ----------------------------------------------------------------------------------

    @abc.abstractmethod
    async def authenticate(self, credentials: Credentials) -> Point:
        """The agent that a client with these credentials acts as.

        Args:
            credentials: what the client has shown.

        Raises:
            Unauthorized: they are not known, or do not count any more; the text names no secret.
            Unavailable: the registry cannot be reached.
        """

    async def identify(self, credentials: Credentials) -> Identified:
        """Returns the agent that a client with these credentials is, with bounds of its own. The default sets none.

        Args:
            credentials: what the client has shown.

        Raises:
            Unauthorized, Unavailable: as :meth:`authenticate`.
        """
        return Identified(await self.authenticate(credentials))

    async def authenticate_machine(self, name: str, credentials: Credentials) -> None:
        """Returns when the machine that shows these credentials is the machine ``name`` of this Hyperverse.

        Asked where a lane does not prove keys. A machine that is let in may act as anybody, so the default refuses
        all of them.

        Args:
            name: what the machine calls itself.
            credentials: what it has shown.

        Raises:
            Unauthorized: they are not those of that machine; the text names no secret.
        """
        raise Unauthorized(
            f"a machine that calls itself {name!r} has not proved its key, and the policy knows no other proof",
            hint="use a transport that proves keys",
        )

    # -- what they may do ---------------------------------------------------------------------------------

    @abc.abstractmethod
    async def decide(self, request: Request) -> Decision:
        """Whether the agent may do it. A refusal is an answer, not an error.

        The answer must follow from the request and the registry, unless it holds for this request only
        (:attr:`HoldsFor.REQUEST`). Let a CancelledError travel: it means that nobody waits for the answer any more.

        Args:
            request: agent, action, need, target and scope.

        Raises:
            Unavailable: the registry cannot be reached. Nothing is kept, and the caller may try again.
        """

    async def decide_many(self, requests: Sequence[Request]) -> Sequence[Decision]:
        """The answers to many requests, in their order. Override it where they can be found together; the default
        asks one after the other.

        Args:
            requests: each is decided as if it came alone.

        Raises:
            Unavailable: as :meth:`decide`.
        """
        return [await self.decide(request) for request in requests]

    async def explain(self, request: Request) -> Explanation:
        """The answer of :meth:`decide` to ``request`` with its reasons, for people. The default knows no more reasons
        than the answer itself."""
        decision = await self.decide(request)
        return Explanation(request, decision, decision.why or ("allowed" if decision.allowed else "refused"))

    @property
    def administration(self) -> Administration | None:
        """How the policy is administered; None when it offers no way."""
        return None

    # -- what it keeps ------------------------------------------------------------------------------------

    def changed(self, change: Change) -> None:
        """Something in the registry has changed, of a kind in :attr:`change_kinds`. Drop what rests on it, also what
        is being read at this moment. The default drops everything, by :meth:`forget`.

        Args:
            change: the entry of the registry's feed.
        """
        self.forget()

    def forget(self) -> None:
        """Changes were missed: drop everything that was read from the registry, also what is being read at this
        moment. The default has nothing to drop."""
