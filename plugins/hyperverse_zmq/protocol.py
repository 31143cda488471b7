"""What travels in one ZeroMQ message: a kind (one byte), a count (four bytes, little-endian, wraps around), then what
the kind says. DATA and ACK count the DATA messages that have come from the other side so far.

    HELLO    version (2 bytes)   first message of a connection, from the one who connects
    WELCOME  version (2 bytes)   the endpoint's answer
    DATA     a batch             see hyperverse_core.lanes
    ACK      nothing             only the count; also asks ZeroMQ whether there still is a way
    BYE      reason (UTF-8)      nothing comes after it
    GONE     nothing             answers BYE: everything before it has arrived
"""

from __future__ import annotations

import struct

__all__ = [
    "ACK",
    "BATCH_BYTES",
    "BYE",
    "DATA",
    "GONE",
    "HEAD",
    "HELLO",
    "LARGEST_MESSAGE",
    "PIECE_BYTES",
    "VERSION",
    "WELCOME",
    "WRAP",
]

HELLO, WELCOME, DATA, ACK, BYE, GONE = range(1, 7)
VERSION = b"\x01\x00"
HEAD = struct.Struct("<BI")
WRAP = 0xFFFFFFFF

PIECE_BYTES = 128 * 1024
"""The largest piece of a frame in one message. Larger messages would hold up heartbeats on a slow network."""

BATCH_BYTES = PIECE_BYTES
"""How much is gathered into one message."""

LARGEST_MESSAGE = 2 * BATCH_BYTES
"""ZeroMQ ends a connection that brings a larger one."""
