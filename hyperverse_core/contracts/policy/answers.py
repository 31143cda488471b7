"""The answers of a policy: yes or no, the reason, and what the answer rests on."""

from __future__ import annotations

import enum
from typing import Final, TypeAlias

import attrs

from ...errors import Forbidden, HyperverseError, error_for_status
from ...universe.address.point import Point
from ..registry import Change
from .questions import Request

__all__ = ["ANYTHING", "Anything", "Decision", "Explanation", "HoldsFor", "Reason", "RestsOn"]


class Anything(enum.Enum):
    """The type of :data:`ANYTHING`."""

    ANYTHING = "anything"


ANYTHING: Final = Anything.ANYTHING
"""The value of :attr:`Decision.rests_on` if a policy does not know what its answer rests on: every change drops it."""

RestsOn: TypeAlias = frozenset[Point] | Anything
"""The points whose changes may alter an answer, or :data:`ANYTHING`."""


class HoldsFor(enum.Enum):
    """The later requests for which an answer may be used, as long as nothing changes that it rests on. They always have
    the same agent, target, owner of the target, need and scope."""

    NEED = "need"
    """All of them, whatever the action. The fastest: a wave then costs one look-up."""
    ACTION = "action"
    """Those with the same action."""
    REQUEST = "request"
    """None: the answer rests on the chain, the session, the path, the time or something else whose changes are not
    reported."""


@attrs.frozen
class Reason:
    """A rule or a grant that was considered for an answer.

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
class Decision:
    """The answer of a policy.

    Attributes:
        allowed: whether the agent may do it.
        why: the reason, for logs and, in a refusal, for the caller: who may not do what on which particle.
        rests_on: the points whose changes may alter the answer: a change of a grant is reported at the point with which
            its selector begins (``localhost:app`` for ``localhost:app:**``), a change of an owner or Kind at the
            particle itself. Include points that are not registered if registering them would change the answer. An
            empty set: the answer never changes.
        holds_for: the later requests for which the answer may be used.
        status: of a refusal: 401 or 403.
        hint: of a refusal: what would help, as one line.
        rule: of a refusal: the rule that decided, as a sentence without a full stop; empty to show ``why``.
        reasons: of a refusal: the rules or grants that decided. The agent sees them, so keep them few.
        access: of a refusal: all that the agent may do on the target, as text; empty when that is not known.

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
    rule: str = ""
    reasons: tuple[Reason, ...] = ()
    access: str = ""

    @classmethod
    def allow(cls, why: str, *, rests_on: RestsOn = ANYTHING, holds_for: HoldsFor = HoldsFor.NEED) -> Decision:
        """Yes.

        Args:
            why: the reason, for people.
            rests_on: the points whose changes drop the answer; ``ANYTHING`` for every change.
            holds_for: the later requests for which the answer is used.
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
        rule: str = "",
        reasons: tuple[Reason, ...] = (),
        access: str = "",
    ) -> Decision:
        """No.

        Args:
            why: the reason, which the sender gets as the text of the error.
            hint: what would help; empty when nothing is known.
            status: of the answer: 403, or 401 when the agent has not authenticated.
            rests_on: the points whose changes drop the answer; ``ANYTHING`` for every change.
            holds_for: the later requests for which the answer is used.
            rule, reasons, access: as the attributes of the same names; they become part of the error that the agent
                gets.
        """
        return cls(False, why, rests_on, holds_for, status, hint, rule, reasons, access)

    def touched_by(self, change: Change) -> bool:
        """Returns whether ``change`` may have altered the answer."""
        return self.rests_on is ANYTHING or change.point in self.rests_on

    def error(self) -> HyperverseError:
        """Returns the error that a refusal stands for: Forbidden, or Unauthorized with the status 401."""
        if self.status == Forbidden.status:
            return Forbidden(self.why, hint=self.hint)  # as below: there may be thousands of them in a Ripple
        return error_for_status(self.status, self.why, hint=self.hint)

    def check(self) -> None:
        """Returns when the answer is yes. Raises the error that :meth:`error` makes of a refusal."""
        if not self.allowed:
            raise self.error()


@attrs.frozen
class Explanation:
    """An answer with its reasons.

    Attributes:
        request: the question.
        decision: the answer, the same as that of :meth:`SecurityPolicy.decide`.
        rule: the rule that decided, as a sentence without a full stop.
        reasons: the rules and grants that were considered, in that order.
        access: all that the agent may do on the target, as text; empty when the policy does not know.
    """

    request: Request
    decision: Decision
    rule: str
    reasons: tuple[Reason, ...] = ()
    access: str = ""

    def __str__(self) -> str:
        asked = self.request
        verdict = "allowed" if self.decision.allowed else f"refused ({self.decision.status})"
        lines = [
            f"{asked.agent} on {asked.record.point}, {asked.action} (needs {asked.need}): {verdict}",
            *([f"access: {self.access}"] if self.access else ()),
            f"owner: {asked.record.owner}",
            f"decided by: {self.rule}",
        ]
        return "\n".join([*lines, *(f"{'*' if r.decides else '-'} {r}" for r in self.reasons)])
