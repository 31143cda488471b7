"""What a refusal says: who may not do what on which particle, and who can change that. It names no secret."""

from __future__ import annotations

from hyperverse_core.contracts.policy import Need
from hyperverse_core.contracts.registry import ParticleRecord
from hyperverse_core.errors import Forbidden
from hyperverse_core.universe.access.permissions import Permissions
from hyperverse_core.universe.address.point import ANONYMOUS, HYPERUSER, Point

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


def refused(agent: Point, need: Need, target: ParticleRecord, *, by_scope: bool = False) -> Forbidden:
    """The error for an ``agent`` whose access on ``target`` does not cover ``need``.

    Args:
        by_scope: it would, but the scope of the wave does not leave it open.
    """
    said = f"{agent.text!r} may not {in_words(need)} {target.point.text!r}"
    if by_scope:
        return Forbidden(f"{said}: it is outside the scope of the wave", hint="send it without a scope, or a wider one")
    if agent == ANONYMOUS:
        return Forbidden(f"{said}: it has shown no token", hint="connect with the token of a user who may")
    return Forbidden(said, hint=f"{_grantors(target)} may: {_command(agent, need, target)}")


def _grantors(target: ParticleRecord) -> str:
    if target.owner == HYPERUSER:
        return "the hyperuser, who owns it,"
    return f"its owner {target.owner.text!r} or the hyperuser"


def _command(agent: Point, need: Need, target: ParticleRecord) -> str:
    given = f"priv {need.privilege}" if need.privilege else f"perm +{Permissions.of(need.permission)}"
    return f"grant {given} on {target.point} to {agent}"
