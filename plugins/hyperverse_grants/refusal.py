"""The text of a refusal: who may not do what on which particle, and who can change that. It contains no secret."""

from __future__ import annotations

from hyperverse_core.policy import Decision, Need, Reason, Request
from hyperverse_core.registry import ParticleRecord
from hyperverse_core.values import ANONYMOUS, HYPERUSER, Access, Permissions, Point

__all__ = ["OUT_OF_SCOPE", "in_words", "refused"]

OUT_OF_SCOPE = "the scope of the wave does not leave it open"

_WORDS = {
    "c": "create children in",
    "s": "select children of",
    "d": "delete children of",
    "r": "read",
    "w": "write",
    "x": "execute",
}


def in_words(need: Need) -> str:
    """``need`` as a verb that a particle can follow: ``read``, ``create children in``."""
    deeds = " and ".join(_WORDS.get(letter, repr(letter)) for letter in need.permission)
    if need.power:
        return f"act with {need.power} access on"
    if not need.privilege:
        return deeds or "touch"
    return f"{deeds or 'act'} with the privilege {need.privilege!r} on"


def refused(
    request: Request,
    rests_on: frozenset[Point],
    access: Access,
    *,
    rule: str,
    reasons: tuple[Reason, ...] = (),
    by_scope: bool = False,
) -> Decision:
    """The refusal for an agent whose access on the target does not cover the need.

    Args:
        access: its access there.
        rule: the rule from which that follows.
        reasons: the grants that deny the need.
        by_scope: whether the access would cover it, but the scope of the wave excludes it.
    """
    agent, target = request.agent, request.record
    said = f"{agent.text!r} may not {in_words(request.need)} {target.point.text!r}"
    if by_scope:
        said = f"{said}: it is outside the scope of the wave"
        hint = "use a token without a scope, or a wider one: `hyperverse whoami` shows the scope of yours"
    elif agent == ANONYMOUS:
        said, hint = f"{said}: it has shown no token", "connect with the token of a user who may"
    elif any(letter not in _WORDS for letter in request.need.permission):
        hint = f"the permissions are {', '.join(_WORDS)}"
    else:
        hint = f"{_grantors(target)} may: {_command(agent, request.need, target)}"
    rule = OUT_OF_SCOPE if by_scope else rule
    return Decision.refuse(said, hint=hint, rests_on=rests_on, rule=rule, reasons=reasons, access=str(access))


def _grantors(target: ParticleRecord) -> str:
    if target.owner == HYPERUSER:
        return "the hyperuser, who owns it,"
    return f"its owner {target.owner.text!r} or the hyperuser"


def _command(agent: Point, need: Need, target: ParticleRecord) -> str:
    if need.power:
        return f"grant super on {target.point} to {agent}"
    given = f"priv {need.privilege}" if need.privilege else f"perm +{Permissions.of(need.permission)}"
    return f"grant {given} on {target.point} to {agent}"
