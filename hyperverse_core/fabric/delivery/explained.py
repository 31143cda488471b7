"""The reasons of a policy decision, as plain values: docs/reference/access.md#explain.

The command ``explain`` returns them, and a refusal carries them to the refused agent.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from ...contracts.policy import Decision, Explanation, Need, Reason, Request
from ...contracts.registry import ParticleRecord
from ...errors import Forbidden, HyperverseError
from ...universe.address.point import Point

__all__ = ["explanation_row", "refusal", "refusal_of", "refusal_row"]

_ROOM: Final = 1024
_MADE: Final[dict[tuple[int, str, str, str, str], tuple[Decision, dict[str, Any]]]] = {}
"""The latest rows, because the gate keeps a decision and the same wave is often refused repeatedly."""


def explanation_row(found: Explanation, method: str) -> dict[str, Any]:
    """Returns an explanation as plain values.

    Args:
        found: the policy's explanation.
        method: the method of the question; empty for everything that the agent may do, which no decision covers.
    """
    asked, decision = found.request, found.decision
    row = _row(asked.agent, asked.record, method, asked.need, found.access, found.rule)
    row["allowed"] = decision.allowed if method else None
    row["reasons"] = _reasons(found.reasons, decides=bool(method))
    row["hint"] = "" if decision.allowed else decision.hint
    return row


def refusal_row(request: Request, decision: Decision) -> dict[str, Any]:
    """Returns a refusal with its reasons as plain values, for the agent of the request."""
    return _refusal_row(request.agent, request.record, request.action, request.need, decision)


def refusal(request: Request, decision: Decision) -> HyperverseError:
    """Returns the error of a refusal, with its reasons for the agent of the request."""
    return refusal_of(request.agent, request.record, request.action, request.need, decision)


def refusal_of(agent: Point, record: ParticleRecord, action: str, need: Need, decision: Decision) -> HyperverseError:
    """Like :func:`refusal`, if there is no request object."""
    error = decision.error()
    if isinstance(error, Forbidden):
        key = (id(decision), agent.text, record.point.text, record.owner.text, action)
        known = _MADE.get(key)
        if known is None or known[0] is not decision:
            if len(_MADE) >= _ROOM:
                _MADE.clear()
            known = _MADE[key] = decision, _refusal_row(agent, record, action, need, decision)
        error.explanation = known[1].copy()
    return error


def _refusal_row(agent: Point, record: ParticleRecord, action: str, need: Need, decision: Decision) -> dict[str, Any]:
    row = _row(agent, record, action, need, decision.access, decision.rule or decision.why)
    row["allowed"] = decision.allowed
    row["reasons"] = _reasons(decision.reasons, decides=True)
    row["hint"] = decision.hint
    return row


def _row(agent: Point, record: ParticleRecord, method: str, need: Need, access: str, rule: str) -> dict[str, Any]:
    return {
        "agent": agent.text,
        "point": record.point.text,
        "owner": record.owner.text,
        "access": access,
        "method": method,
        "needs": {"permission": need.permission, "privilege": need.privilege, "power": need.power},
        "rule": rule,
    }


def _reasons(reasons: Iterable[Reason], *, decides: bool) -> list[dict[str, Any]]:
    return [
        {
            "id": reason.id,
            "text": reason.text,
            "by": "" if reason.by is None else reason.by.text,
            "counts": reason.counts,
            "decides": reason.decides and decides,
            "why": reason.why,
        }
        for reason in reasons
    ]
