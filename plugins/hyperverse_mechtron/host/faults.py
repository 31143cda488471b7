"""What a function of ours has against a guest."""

from __future__ import annotations

__all__ = ["HostFault", "text_of_fault"]


class HostFault(Exception):
    """A function of ours refuses what a guest asked: the guest traps, with this text."""


def text_of_fault(error: BaseException) -> str:
    """What a guest traps with, when a function of ours raises."""
    return str(error) if isinstance(error, HostFault) else f"{type(error).__name__}: {error}"
