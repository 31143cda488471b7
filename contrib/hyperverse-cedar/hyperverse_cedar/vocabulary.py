"""The words that a policy may use: types, attributes, actions and names of the context."""

from __future__ import annotations

from typing import Final

from hyperverse_core.errors import BadRequest
from hyperverse_core.values import Method

__all__ = [
    "ACTION",
    "ATTRIBUTES",
    "COMMANDS",
    "CONTEXT",
    "GROUPS",
    "GROUP_OF",
    "OF_THE_REQUEST",
    "PARTICLE",
    "PRIVILEGE",
    "is_action",
]

PARTICLE: Final = "Particle"
ACTION: Final = "Action"
ATTRIBUTES: Final = ("kind", "base", "owner", "parent", "properties", "numbers")
"""Attributes of a particle."""
GROUP_OF: Final = {
    "c": "needs:create",
    "s": "needs:select",
    "d": "needs:delete",
    "r": "needs:read",
    "w": "needs:write",
    "x": "needs:execute",
}
"""The group of actions that need a permission."""
PRIVILEGE: Final = "needs:privilege"
"""The group of actions that need a privilege."""
GROUPS: Final = (*GROUP_OF.values(), PRIVILEGE)
COMMANDS: Final = (
    "create",
    "delete",
    "select",
    "get",
    "set",
    "watch",
    "grant",
    "revoke",
    "chown",
    "explain",
    "access",
    "token",
)
"""The actions that are not methods of waves."""
CONTEXT: Final = ("permission", "privilege", "path", "chain", "now")
OF_THE_REQUEST: Final = frozenset({"path", "chain", "now"})
"""The names of the context that differ from request to request. An answer that depends on them is not cached."""


def is_action(text: str) -> bool:
    """Whether ``text`` is a command or the method of a wave."""
    if text in COMMANDS:
        return True
    try:
        return Method.parse(text).text == text
    except BadRequest:
        return False
