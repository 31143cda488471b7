"""SecurityPolicy: who a client or a machine is, and what an agent may do.

The fabric asks through one gate, for waves and for commands alike. It keeps an answer until something changes that
the answer rests on, so a policy says with each answer what that is. The rules that the built-in policy follows are in
``docs/reference/access.md``; ``docs/how-to/write-a-policy.md`` writes another one.
"""

from __future__ import annotations

import abc
import enum
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, ClassVar, Final, TypeAlias

import attrs

from ..errors import HyperverseError, Unauthorized, error_for_status
from ..universe.access.scope import Scope
from ..universe.address.point import Point
from .administration import Administration
from .registry import Change, ChangeKind, ParticleRecord, Registry

__all__ = [
    "ACCESS_CHANGES",
    "ANYTHING",
    "Anything",
    "Credentials",
    "Decision",
    "Explanation",
    "HoldsFor",
    "Identified",
    "Need",
    "PolicyView",
    "Reason",
    "Request",
    "RestsOn",
    "SecurityPolicy",
]

ACCESS_CHANGES: Final = frozenset(
    {ChangeKind.REGISTERED, ChangeKind.DELETED, ChangeKind.OWNER, ChangeKind.GRANTED, ChangeKind.REVOKED}
)
"""The changes that may alter what an agent may do, unless a policy says otherwise."""


class Anything(enum.Enum):
    """The type of :data:`ANYTHING`."""

    ANYTHING = "anything"


ANYTHING: Final = Anything.ANYTHING
"""Stands in :attr:`Decision.rests_on` where a policy does not know what its answer rests on: every change drops it."""

RestsOn: TypeAlias = frozenset[Point] | Anything
"""The points whose changes may alter an answer, or :data:`ANYTHING`."""


@attrs.frozen
class Credentials:
    """What a client, or a machine on a lane without proven keys, shows when it connects.

    Attributes:
        token: the secret that it shows, empty for none.
        peer_key: the public key that its connection has proved, empty for none.
        address: where it comes from, for logs.
    """

    token: str = attrs.field(default="", repr=False)
    peer_key: str = ""
    address: str = ""


@attrs.frozen
class Identified:
    """Who a client is, as its credentials prove it.

    Attributes:
        agent: in whose name it acts.
        scope: bounds of what it does in that name; None for none.
        expires: when the credentials end, in seconds since 1970; None for never. The session ends then.
        name: of the credentials, for people; it tells no secret.
    """

    agent: Point
    scope: Scope | None = None
    expires: float | None = None
    name: str = ""


@attrs.frozen
class Need:
    """What a target must grant.

    Attributes:
        permission: ``c s d r w x`` (create, select, delete children; read, write, execute): one of them, several that
            are all needed, or none.
        privilege: the name of a privilege that is needed too, or empty.
    """

    permission: str = ""
    privilege: str = ""


@attrs.frozen
class Request:
    """One question to a policy: may ``agent`` do this?

    Attributes:
        agent: in whose name it would be done.
        action: the method of a wave as text (``Ext<Add>``, ``Ext<Drain>``), or a command: ``create``, ``delete``,
            ``select``, ``get``, ``set``, ``watch``, ``grant``, ``revoke``, ``chown``, ``explain``, ``access``,
            ``token``. ``keys`` is reserved for a command that the platform does not carry out yet.
        need: what the target must grant for it.
        record: the target. For ``create``, ``delete`` and ``select`` it is the parent of the particles in question.
        scope: the bounds that the sender of the wave has set; None for none.
        chain: texts of the points whose handlers wait for the answer, outermost first.
        session: the session that the wave belongs to, empty for none.
    """

    agent: Point
    action: str
    need: Need
    record: ParticleRecord
    scope: Scope | None = None
    chain: tuple[str, ...] = ()
    session: str = ""


class HoldsFor(enum.Enum):
    """Which later requests an answer may be used for, as long as nothing changes that it rests on. They always have
    the same agent, target, owner of the target, need and scope."""

    NEED = "need"
    """All of them, whatever the action. The fastest: a wave then costs one look-up."""
    ACTION = "action"
    """Those with the same action."""
    REQUEST = "request"
    """None: the answer rests on the chain, the session, the time or something else that no change tells of."""


@attrs.frozen
class Decision:
    """A policy's answer.

    Attributes:
        allowed: whether the agent may do it.
        why: the reason, for logs and, in a refusal, for the caller: who may not do what on which particle.
        rests_on: the points whose changes may alter the answer: grants are told at the point that their selector
            begins with (``localhost:app`` for ``localhost:app:**``), an owner or Kind at the particle itself. Name
            also those that are not registered, where the answer would be another if they were. An empty set: the
            answer never changes.
        holds_for: which later requests the answer may be used for.
        status: of a refusal: 401 or 403.
        hint: of a refusal: what would help, as one line.

    Example::

        Decision.allow("it is the owner", rests_on=frozenset({request.record.point}))
        Decision.refuse("'localhost:bob' may not read 'localhost:a'", hint="its owner may grant it")
    """

    allowed: bool
    why: str = ""
    rests_on: RestsOn = ANYTHING
    holds_for: HoldsFor = HoldsFor.NEED
    status: int = 403
    hint: str = ""

    @classmethod
    def allow(cls, why: str, *, rests_on: RestsOn = ANYTHING, holds_for: HoldsFor = HoldsFor.NEED) -> Decision:
        """Yes.

        Args:
            why: the reason, for people.
            rests_on: the points whose changes drop the answer; ``ANYTHING`` for every change.
            holds_for: the later requests that the answer is used for.
        """
        return cls(True, why, rests_on, holds_for)

    @classmethod
    def refuse(
        cls,
        why: str,
        *,
        hint: str = "",
        status: int = 403,
        rests_on: RestsOn = ANYTHING,
        holds_for: HoldsFor = HoldsFor.NEED,
    ) -> Decision:
        """No.

        Args:
            why: the reason, which the sender gets as the text of the error.
            hint: what would help; empty when nothing is known.
            status: of the answer: 403, or 401 when the agent has not said who it is.
            rests_on: the points whose changes drop the answer; ``ANYTHING`` for every change.
            holds_for: the later requests that the answer is used for.
        """
        return cls(False, why, rests_on, holds_for, status, hint)

    def touched_by(self, change: Change) -> bool:
        """Whether ``change`` may have altered the answer."""
        return self.rests_on is ANYTHING or change.point in self.rests_on

    def error(self) -> HyperverseError:
        """The error that a refusal stands for: Forbidden, or Unauthorized with the status 401."""
        return error_for_status(self.status, self.why, hint=self.hint)

    def check(self) -> None:
        """Returns when it is allowed. Raises what :meth:`error` makes of a refusal."""
        if not self.allowed:
            raise self.error()


@attrs.frozen
class Reason:
    """A rule or a grant that was looked at for an answer.

    Attributes:
        text: the rule as it is written.
        id: its number or name, as an administrator would give it to remove the rule; empty for a built-in rule.
        by: who made it; None for a built-in rule.
        counts: whether it is in force here.
        decides: whether the answer follows from it.
        why: why it counts or does not, as a sentence without a full stop.
    """

    text: str
    id: str = ""
    by: Point | None = None
    counts: bool = True
    decides: bool = False
    why: str = ""

    def __str__(self) -> str:
        name = f"grant {self.id}: {self.text}" if self.id else self.text
        return f"{name} ({'counts' if self.counts else 'void'}{', ' + self.why if self.why else ''})"


@attrs.frozen
class Explanation:
    """An answer with its reasons.

    Attributes:
        request: the question.
        decision: the answer, the same as that of :meth:`SecurityPolicy.decide`.
        rule: the rule that decided, as a sentence without a full stop.
        reasons: the rules and grants that were looked at, in the order in which they were.
        access: all that the agent may do on the target, as text; empty when the policy does not know.
    """

    request: Request
    decision: Decision
    rule: str
    reasons: tuple[Reason, ...] = ()
    access: str = ""

    def __str__(self) -> str:
        asked, need = self.request, self.request.need
        wanted = " and ".join(part for part in (need.permission, need.privilege) if part) or "nothing"
        verdict = "allowed" if self.decision.allowed else f"refused ({self.decision.status})"
        lines = [
            f"{asked.agent} on {asked.record.point}, {asked.action} (needs {wanted}): {verdict}",
            *([f"access: {self.access}"] if self.access else ()),
            f"owner: {asked.record.owner}",
            f"decided by: {self.rule}",
        ]
        return "\n".join([*lines, *(f"{'*' if r.decides else '-'} {r}" for r in self.reasons)])


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
            ``ChangeKind.PROPERTIES``.

    Args:
        settings: the policy's own table of the config.
    """

    change_kinds: ClassVar[frozenset[ChangeKind]] = ACCESS_CHANGES

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
        """Who a client with these credentials is, with bounds of its own. The default sets none.

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
