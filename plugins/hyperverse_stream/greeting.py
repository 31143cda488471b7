"""What the side that listens says when it knows the key of the side that connects."""

from __future__ import annotations

from typing import Final

from hyperverse_core.transport import messages

__all__ = ["WELCOME", "WRONG_KEY", "full", "not_allowed", "reason_of", "unusable"]

WELCOME: Final = b"\0" + messages.WELCOME_MESSAGE
WRONG_KEY: Final = b"K"
"""Sent in clear when the first message was made for another key: who expects that key can only be told so."""
_NOT_ALLOWED, _UNAVAILABLE = b"\1", b"\2"


def not_allowed() -> bytes:
    """The key is none of those that may connect."""
    return _NOT_ALLOWED


def full(reason: str) -> bytes:
    """There is no room now."""
    return _UNAVAILABLE + reason.encode()


def unusable(reason: str) -> bytes:
    """The two sides do not speak the same protocol."""
    return _UNAVAILABLE + reason.encode()


def reason_of(verdict: bytes) -> tuple[bool, str]:
    """Whether the key is not allowed, and else why it is refused."""
    return verdict[:1] == _NOT_ALLOWED, verdict[1:].decode(errors="replace")
