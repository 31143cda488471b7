"""Values of components that have no type of Python's own. They are the same for both ways to run guests."""

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
    """A case of a ``variant`` that carries nothing."""

    name: str


@attrs.frozen
class Own:
    """A value of ours that the guest owns.

    Attributes:
        kind: the number of its type.
        number: which of that type it is.
    """

    kind: int
    number: int
