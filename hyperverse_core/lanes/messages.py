"""The messages that two ends of a channel exchange.

A message is a head and what the kind says. The head is the kind (one byte) and a count (four bytes, little-endian,
wraps around): in DATA and ACK, how many DATA messages of the other side have been handled so far.

    ========  ==================  ============================================================
    kind      behind the head     meaning
    ========  ==================  ============================================================
    HELLO     version (2 bytes)   first message of a connection, from the side that connects
    WELCOME   version (2 bytes)   the answer of the side that listens
    DATA      a batch             frames; see :func:`pack`
    ACK       nothing             only the count
    BYE       reason (UTF-8)      the last message of the side that ends the connection
    GONE      nothing             answers BYE: everything before it has arrived
    ========  ==================  ============================================================
"""

from __future__ import annotations

import struct
from typing import Final

__all__ = [
    "ACK",
    "BATCH_BYTES",
    "BYE",
    "DATA",
    "GONE",
    "HEAD",
    "HELLO",
    "HELLO_MESSAGE",
    "LARGEST_MESSAGE",
    "PIECE_BYTES",
    "VERSION",
    "WELCOME",
    "WELCOME_MESSAGE",
    "WRAP",
    "goodbye",
    "goodbye_reason",
    "hello_fault",
]

HELLO, WELCOME, DATA, ACK, BYE, GONE = range(1, 7)
VERSION: Final = b"\x01\x00"
HEAD: Final = struct.Struct("<BI")
WRAP: Final = 0xFFFFFFFF

HELLO_MESSAGE: Final = HEAD.pack(HELLO, 0) + VERSION
WELCOME_MESSAGE: Final = HEAD.pack(WELCOME, 0) + VERSION

PIECE_BYTES: Final = 128 * 1024
"""The largest piece of a frame in one message. Larger messages would hold up heartbeats on a slow network."""

BATCH_BYTES: Final = PIECE_BYTES
"""How many bytes of frames are gathered into one message."""

LARGEST_MESSAGE: Final = 2 * BATCH_BYTES
"""Bytes that no message exceeds. A transport may disconnect a peer that sends a larger one."""


def goodbye(reason: str) -> bytes:
    """Returns a BYE with ``reason``, which the other side hands to its receiver."""
    return HEAD.pack(BYE, 0) + reason.encode()


def goodbye_reason(message: bytes) -> str:
    """Returns the reason in a BYE."""
    return message[HEAD.size :].decode(errors="replace")


def hello_fault(message: bytes) -> str:
    """Returns why the side that listens refuses the first message of a connection; empty when it is a HELLO."""
    if message == HELLO_MESSAGE:
        return ""
    if message.startswith(HELLO_MESSAGE[: HEAD.size]):
        return f"another version of the lane protocol is spoken here ({VERSION[0]})"
    return "its first message is not a greeting"
