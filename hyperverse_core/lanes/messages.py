"""The messages that two ends of a channel exchange.

A message is a head followed by the content of its kind. The head is the kind (one byte) and a count (four bytes,
little-endian, wraps around): in DATA and ACK, the number of DATA messages of the other side that were handled so far.

    ========  ==================  ============================================================
    kind      after the head      meaning
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
"""The largest piece of a frame in one message. A larger message would delay heartbeats on a slow network."""

BATCH_BYTES: Final = PIECE_BYTES
"""Number of bytes of frames that are gathered into one message."""

LARGEST_MESSAGE: Final = 2 * BATCH_BYTES
"""Upper limit for the bytes of a message. A transport may disconnect a peer that sends a larger one."""


def goodbye(reason: str) -> bytes:
    """Returns a BYE with ``reason``, which the other side passes to its receiver."""
    return HEAD.pack(BYE, 0) + reason.encode()


def goodbye_reason(message: bytes) -> str:
    """Returns the reason in a BYE."""
    return message[HEAD.size :].decode(errors="replace")


def hello_fault(message: bytes) -> str:
    """Returns why the listening side refuses the first message of a connection; empty if it is a valid HELLO."""
    if message == HELLO_MESSAGE:
        return ""
    if message.startswith(HELLO_MESSAGE[: HEAD.size]):
        return f"this side speaks another version of the lane protocol ({VERSION[0]})"
    return "its first message is not a greeting"
