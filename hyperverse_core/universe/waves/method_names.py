"""The four families of methods, and the names that three of them have. docs/reference/waves.md#methods."""

from __future__ import annotations

import enum
from typing import Final

__all__ = ["METHOD_NAMES", "MethodKind"]


class MethodKind(enum.StrEnum):
    """The four families of methods: docs/reference/waves.md#methods."""

    HYP = "Hyp"
    """Requests between stars. Only stars may send them."""
    CMD = "Cmd"
    """Methods that every particle understands."""
    HTTP = "Http"
    """The methods of HTTP."""
    EXT = "Ext"
    """Methods that a Kind defines itself: any name in CamelCase."""


METHOD_NAMES: Final[dict[MethodKind, frozenset[str]]] = {
    MethodKind.HYP: frozenset(
        [
            "Assign",
            "Provision",
            "Knock",
            "Hop",
            "Transport",
            "HyperWave",
            "Search",
            "Init",
            "Host",
            "Release",
            "State",
            "Status",
        ]
    ),
    MethodKind.CMD: frozenset(["Init", "Read", "Update", "Bounce", "Knock", "Greet", "Command", "RawCommand", "Log"]),
    MethodKind.HTTP: frozenset(["Options", "Get", "Post", "Put", "Delete", "Head", "Trace", "Connect", "Patch"]),
}
"""The methods of each family that has a fixed list; Ext has none."""
