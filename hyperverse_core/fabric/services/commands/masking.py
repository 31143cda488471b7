"""Makes commands safe to show, by hiding the values of secret properties."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, cast

import attrs

from ....universe.commands.command import CommandTemplate
from ....universe.kind_defs.properties import PropertyChange, SetProperty
from ...particles.served import ServedKinds

__all__ = ["Masking"]

_VALUE = r"""("(?:[^"\\]|\\.)*"?|'(?:[^'\\]|\\.)*'?|[^,}\s;]*)"""
"""The value of a property in a text that may be truncated."""


class Masking:
    """Hides the values of properties that are secret in some Kind of this machine.

    Args:
        served: the Kinds of this machine.
    """

    def __init__(self, served: ServedKinds) -> None:
        self._served = served

    def command(self, command: CommandTemplate, source: str) -> str:
        """Returns a command in which *** replaces every value that is secret in some Kind."""
        changes: Sequence[PropertyChange] = getattr(command, "properties", ())
        hidden = self._secret_keys()
        if hidden.isdisjoint(change.key for change in changes):
            return source
        shown = (attrs.evolve(c, value="***") if c.key in hidden and isinstance(c, SetProperty) else c for c in changes)
        return str(attrs.evolve(cast(Any, command), properties=tuple(shown)))

    def text(self, text: str) -> str:
        """Returns a text that is not a command with its secrets hidden. The length stays the same, because a caret may
        point into it."""
        hidden = "|".join(re.escape(key) for key in sorted(self._secret_keys(), key=len, reverse=True))
        if not hidden or "=" not in text:
            return text
        return re.sub(rf"(\+@?(?:{hidden})\s*=\s*){_VALUE}", lambda m: m[1] + "*" * len(m[2]), text)

    def _secret_keys(self) -> frozenset[str]:
        return frozenset().union(*(kind.properties.secrets for kind in self._served.known.values()))
