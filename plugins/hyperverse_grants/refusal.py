"""What a refusal says: who may not do what on which particle, and who can change that. It names no secret."""

from __future__ import annotations

from hyperverse_core.policy import Decision, Need, Request
from hyperverse_core.registry import ParticleRecord
from hyperverse_core.values import ANONYMOUS, HYPERUSER, Permissions, Point

__all__ = ["in_words", "refused"]

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
    if not need.privilege:
        return deeds or "touch"
    return f"{deeds or 'act'} with the privilege {need.privilege!r} on"


def refused(request: Request, rests_on: frozenset[Point], *, by_scope: bool = False) -> Decision:
    """The refusal for an agent whose access on the target does not cover the need.

    Args:
        by_scope: the access would cover it, but the scope of the wave does not leave it open.
    """
    agent, target = request.agent, request.record
    said = f"{agent.text!r} may not {in_words(request.need)} {target.point.text!r}"
    if by_scope:
        said, hint = f"{said}: it is outside the scope of the wave", "send it without a scope, or a wider one"
    elif agent == ANONYMOUS:
        said, hint = f"{said}: it has shown no token", "connect with the token of a user who may"
    elif any(letter not in _WORDS for letter in request.need.permission):
        hint = f"the permissions are {', '.join(_WORDS)}"
    else:
        hint = f"{_grantors(target)} may: {_command(agent, request.need, target)}"
    return Decision.refuse(said, hint=hint, rests_on=rests_on)


def _grantors(target: ParticleRecord) -> str:
    if target.owner == HYPERUSER:
        return "the hyperuser, who owns it,"
    return f"its owner {target.owner.text!r} or the hyperuser"


def _command(agent: Point, need: Need, target: ParticleRecord) -> str:
    given = f"priv {need.privilege}" if need.privilege else f"perm +{Permissions.of(need.permission)}"
    return f"grant {given} on {target.point} to {agent}"
