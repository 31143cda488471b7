"""The reasons for an answer, as the contract of policies writes them."""

from __future__ import annotations

from hyperverse_core.policy import Decision, Explanation, Need, Reason, Request
from hyperverse_core.values import Access, AccessExplanation, AccessGrant, AccessKind, MaskKind, Permissions, Verdict

__all__ = ["covers", "explained"]

_LETTERS = frozenset("csdrwx")


def explained(request: Request, decision: Decision, found: AccessExplanation) -> Explanation:
    """The explanation of ``decision``, which follows from what was ``found`` about agent and target."""
    covered = covers(found.access, request.need)
    by_scope = covered and not decision.allowed
    rule = "the scope of the wave does not leave it open" if by_scope else found.rule
    deciding = [_decides(verdict, request.need, found, allowed=covered) for verdict in found.verdicts]
    reasons = [
        Reason(str(v.grant), str(v.grant.id), v.grant.by, counts=v.counts, decides=decides, why=v.reason)
        for v, decides in zip(found.verdicts, deciding, strict=True)
    ]
    return Explanation(request, decision, rule, tuple(reasons), str(found.access))


def covers(access: Access, need: Need) -> bool:
    """Whether ``access`` includes every permission and the privilege of ``need``."""
    if access.has_full:
        return True
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
    return (
        grant.kind.mask is not None
        and grant.kind.mask.kind is MaskKind.AND
        and not _includes(grant.kind.mask.permissions, need)
    )


def _gives(grant: AccessGrant, need: Need) -> bool:
    if grant.kind.mask is None:
        return need.privilege != "" and grant.kind.privilege in (need.privilege, "*")
    mask = grant.kind.mask
    return mask.kind is MaskKind.OR and any(
        mask.permissions.has(letter) for letter in need.permission if letter in _LETTERS
    )
