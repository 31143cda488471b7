"""What the listening side answers once it knows the key of the connecting side."""

from __future__ import annotations

from typing import Final

from hyperverse_core.transport import messages

__all__ = ["WELCOME", "WRONG_KEY", "full", "not_allowed", "reason_of", "unusable"]

WELCOME: Final = b"\0" + messages.WELCOME_MESSAGE
WRONG_KEY: Final = b"K"
"""Sent in clear when the first message was made for another key: a peer that expects that key cannot read anything
else."""
_NOT_ALLOWED, _UNAVAILABLE = b"\1", b"\2"


def not_allowed() -> bytes:
    """The answer when the key is not allowed to connect."""
    return _NOT_ALLOWED


def full(reason: str) -> bytes:
    """The answer when there is no room."""
    return _UNAVAILABLE + reason.encode()


def unusable(reason: str) -> bytes:
    """The answer when the two sides do not speak the same protocol."""
    return _UNAVAILABLE + reason.encode()


def reason_of(verdict: bytes) -> tuple[bool, str]:
    """Returns whether the key is not allowed, and otherwise the reason of the refusal."""
    return verdict[:1] == _NOT_ALLOWED, verdict[1:].decode(errors="replace")
