"""What the two sides tell each other in the handshake, encrypted."""

from __future__ import annotations

import struct
from typing import Final

import attrs

__all__ = ["COOKIE", "FULL", "HELLO", "LET_IN", "NOT_ALLOWED", "PROBE", "WELCOME", "Introduction"]

PROBE, COOKIE, HELLO, WELCOME = (bytes([kind]) for kind in range(1, 5))
"""First bytes of the messages before a connection is established. A PROBE has a fresh public key, a COOKIE a proof made
with it."""

LET_IN, NOT_ALLOWED, FULL = range(3)
"""What a WELCOME begins with."""

_FORM: Final = struct.Struct("<B16s16s32sQI")
_VERSION: Final = 1


@attrs.frozen
class Introduction:
    """One end of a connection.

    Attributes:
        session: the id of its session.
        link: the id of this end in that session.
        key: the key with which the session signs its signs of life.
        beat: number of its newest sign of life.
        window: bytes that the other side may have in flight to this one.
    """

    session: bytes
    link: bytes
    key: bytes
    beat: int
    window: int

    def pack(self) -> bytes:
        """Returns the introduction as bytes."""
        return _FORM.pack(_VERSION, self.session, self.link, self.key, self.beat, self.window)

    @classmethod
    def unpack(cls, said: bytes) -> Introduction:
        """Reads an introduction. Raises ValueError when the other side speaks another version."""
        if len(said) != _FORM.size or said[0] != _VERSION:
            raise ValueError("the other side speaks another version of the lane protocol")
        return cls(*_FORM.unpack(said)[1:])
