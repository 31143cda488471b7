"""A property as a handler reads it. docs/reference/kinds.md#properties."""

from __future__ import annotations

from typing import Any

import attrs

__all__ = ["Property"]


@attrs.frozen
class Property:
    """A property of a particle, as ``ctx.properties()`` returns it. Its ``repr`` does not show a secret.

    Attributes:
        value: its value: an ``int``, ``float`` or ``bool`` if the pattern of the property says so, otherwise a ``str``;
            None for a hashed property, which ``ctx.matches`` compares.
        text: the value as text; empty for a hashed property.
        locked: whether it can be neither changed nor unset.
        secret: whether only the particle may read it.
    """

    value: Any
    text: str
    locked: bool = False
    secret: bool = False

    def __repr__(self) -> str:
        shown = "***" if self.secret else repr(self.value)
        return f"Property({shown}{', locked' if self.locked else ''})"
