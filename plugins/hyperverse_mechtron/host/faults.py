"""Errors by which a host function refuses a guest's request."""

from __future__ import annotations

__all__ = ["HostFault", "text_of_fault"]


class HostFault(Exception):
    """A host function refuses a guest's request: the guest traps with this text."""


def text_of_fault(error: BaseException) -> str:
    """Returns the text with which a guest traps when a host function raises ``error``."""
    return str(error) if isinstance(error, HostFault) else f"{type(error).__name__}: {error}"
