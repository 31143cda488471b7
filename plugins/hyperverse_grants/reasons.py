"""The reasons for an answer, in the form that the contract of policies defines."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

from hyperverse_core.policy import Decision, Explanation, Need, Reason, Request
from hyperverse_core.values import Access, AccessExplanation, AccessGrant, AccessKind, MaskKind, Permissions, Verdict

from .refusal import OUT_OF_SCOPE

__all__ = ["covers", "explained", "told"]

_MOST_TOLD = 8
"""Maximum number of grants that a refusal names: each refusal is cached."""
_LETTERS = frozenset("csdrwx")


def explained(request: Request, decision: Decision, found: AccessExplanation) -> Explanation:
    """The explanation of ``decision``, which follows from what was ``found`` about agent and target."""
    covered = covers(found.access, request.need)
    by_scope = covered and not decision.allowed
    rule = OUT_OF_SCOPE if by_scope else found.rule
    reasons = [_reason(v, decides=_decides(v, request.need, found, allowed=covered)) for v in found.verdicts]
    return Explanation(request, decision, rule, tuple(reasons), str(found.access))


def told(need: Need, verdicts: Sequence[Verdict]) -> tuple[Reason, ...]:
    """Returns the first grants that deny the need, to show them to the refused agent."""
    taking = (verdict for verdict in verdicts if verdict.counts and _takes(verdict.grant, need))
    return tuple(_reason(verdict, decides=True) for verdict in islice(taking, _MOST_TOLD))


def _reason(verdict: Verdict, *, decides: bool) -> Reason:
    grant = verdict.grant
    return Reason(str(grant), str(grant.id), grant.by, counts=verdict.counts, decides=decides, why=verdict.reason)


def covers(access: Access, need: Need) -> bool:
    """Whether ``access`` includes every permission and the privilege of ``need``."""
    if need.power == "super":
        return access.has_super
    if access.has_full:
        return True
    if need.power:
        return False
    return _includes(access.permissions(), need) and (not need.privilege or access.has_privilege(need.privilege))


def _includes(permissions: Permissions, need: Need) -> bool:
    """Whether every letter of ``need`` is a permission, and granted."""
    return all(letter in _LETTERS and permissions.has(letter) for letter in need.permission)


def _decides(verdict: Verdict, need: Need, found: AccessExplanation, *, allowed: bool) -> bool:
    """Whether the answer follows from this grant: a ``super`` that counts, what adds the permission or gives the
    privilege that is needed, or, in a refusal, what takes the permission away."""
    grant = verdict.grant
    if not verdict.counts:
        return False
    if found.access.kind is not AccessKind.ENUMERATED:
        return found.rule == f"grant {grant.id} gives super"
    if allowed:
        return _gives(grant, need)
    return _takes(grant, need)


def _takes(grant: AccessGrant, need: Need) -> bool:
    mask = grant.kind.mask
    return mask is not None and mask.kind is MaskKind.AND and not _includes(mask.permissions, need)


def _gives(grant: AccessGrant, need: Need) -> bool:
    if grant.kind.mask is None:
        return need.privilege != "" and grant.kind.privilege in (need.privilege, "*")
    mask = grant.kind.mask
    return mask.kind is MaskKind.OR and any(
        mask.permissions.has(letter) for letter in need.permission if letter in _LETTERS
    )
