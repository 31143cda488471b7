"""What a function of ours has against a guest."""

from __future__ import annotations

__all__ = ["HostFault"]


class HostFault(Exception):
    """A function of ours refuses what a guest asked: the guest traps, with this text."""
