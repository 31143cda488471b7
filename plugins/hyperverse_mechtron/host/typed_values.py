"""Component values that have no Python type of their own. They are the same for both ways of running guests."""

from __future__ import annotations

from types import SimpleNamespace

import attrs

__all__ = ["U32", "EnumCase", "Fields", "Own", "VariantCase"]


class U32(int):
    """A ``u32``; any other whole number is a ``u64``."""


class EnumCase(str):
    """A case of an ``enum``."""

    __slots__ = ()


class Fields(SimpleNamespace):
    """A ``record``."""


@attrs.frozen
class VariantCase:
    """A case of a ``variant`` without a payload."""

    name: str


@attrs.frozen
class Own:
    """A resource of the platform that the guest owns.

    Attributes:
        kind: number of its type.
        number: its number within that type.
    """

    kind: int
    number: int
