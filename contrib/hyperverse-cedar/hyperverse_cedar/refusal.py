"""The text of a refusal. It names the agent, the act, the particle and the person who can change that, and contains no
secret."""

from __future__ import annotations

from collections.abc import Sequence

from hyperverse_core.policy import Decision, HoldsFor, Need, Request
from hyperverse_core.values import Point

from .rules import Rule

__all__ = ["is_nonsense", "refused", "refused_by_scope"]

_WORDS = {
    "c": "create children in",
    "s": "select children of",
    "d": "delete children of",
    "r": "read",
    "w": "write",
    "x": "execute",
}
_HINT = "the administrator of the Cedar policies of this machine can change that"


def is_nonsense(need: Need) -> bool:
    """Whether there is no such permission or privilege."""
    known = all(letter in _WORDS for letter in need.permission)
    privilege = all(letter.islower() or letter.isdigit() or letter in "-:" for letter in need.privilege)
    return not known or not privilege


def refused(
    request: Request,
    deciding: Sequence[Rule],
    failed: Sequence[Rule],
    rests_on: frozenset[Point],
    holds_for: HoldsFor = HoldsFor.NEED,
) -> Decision:
    """Returns the refusal of the Cedar policies.

    Args:
        request: the question.
        deciding: the policies that forbid it; empty if none permits it.
        failed: policies that forbid something, but could not be evaluated.
        rests_on, holds_for: attributes of the answer.
    """
    why = f"{_said(request)}: no Cedar policy permits it"
    if failed:
        why = f"{_said(request)}: a Cedar policy cannot be evaluated{_named(failed)}"
    elif deciding:
        why = f"{_said(request)}: a Cedar policy forbids it{_named(deciding)}"
    return Decision.refuse(why, hint=_HINT, rests_on=rests_on, holds_for=holds_for)


def refused_by_scope(request: Request, rests_on: frozenset[Point]) -> Decision:
    """Returns the refusal by the scope of the wave."""
    return Decision.refuse(
        f"{_said(request)}: it is outside the scope of the wave",
        hint="send it without a scope, or with a wider one",
        rests_on=rests_on,
    )


def _said(request: Request) -> str:
    need = request.need
    deeds = " and ".join(_WORDS.get(letter, repr(letter)) for letter in need.permission)
    if need.privilege:
        deeds = f"{deeds or 'act'} with the privilege {need.privilege!r} on"
    return f"{request.agent.text!r} may not {deeds or f'do {request.action!r} on'} {request.record.point.text!r}"


def _named(rules: Sequence[Rule]) -> str:
    """Returns the names that the author gave to policies, without their files, which not everybody may know."""
    names = [repr(rule.statement.name) for rule in rules if rule.statement.name]
    return f" ({', '.join(names)})" if names else ""
