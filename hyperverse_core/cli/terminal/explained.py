"""Formats an explanation of the policy as lines for people: for the command ``explain``, and below a refusal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["explained_lines", "refusal_lines"]


def explained_lines(found: Mapping[str, Any]) -> list[str]:
    """Returns the lines of the command ``explain``, the verdict first."""
    lines = [f"{found['agent']} on {found['point']}: {found['access'] or 'unknown'}"]
    if found["allowed"] is not None:
        verdict = "allowed" if found["allowed"] else "refused"
        lines.append(f"{found['method']}: {verdict}; it needs {_needs(found)}")
    lines += [f"owner: {found['owner']}", f"decided by: {found['rule']}"]
    lines += [_reason(reason) for reason in found["reasons"]]
    lines += [f"the particle is given: {each}" for each in found.get("granted", ())]
    return [*lines, *([f"hint: {found['hint']}"] if found["hint"] else [])]


def refusal_lines(said: object) -> list[str]:
    """Returns the lines below an error whose message already names the agent, the act and the remedy. Returns no lines
    if ``said`` is not an explanation, because a reply may come from any particle.

    Args:
        said: the value of ``explain`` in a failure.
    """
    if not isinstance(said, Mapping):
        return []
    try:
        has = f", and {said['agent']} has {said['access']} there" if said["access"] else ""
        lines = [f"needs: {_needs(said)}{has}", f"decided by: {said['rule']}"]
        return lines + [_reason(reason) for reason in said["reasons"]]
    except (KeyError, TypeError, AttributeError):
        return []


def _needs(found: Mapping[str, Any]) -> str:
    needs = found["needs"]
    power = f"{needs['power']} access" if needs["power"] else ""
    return " and ".join(part for part in (needs["permission"], needs["privilege"], power) if part) or "nothing"


def _reason(reason: Mapping[str, Any]) -> str:
    mark = "*" if reason["decides"] else "-"
    sign = "counts" if reason["counts"] else "void"
    return f"{mark} grant {reason['id']}: {reason['text']}: {sign}, {reason['why']}"
