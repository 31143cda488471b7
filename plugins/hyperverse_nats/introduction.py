"""What the two sides tell one another in the handshake, encrypted."""

from __future__ import annotations

import struct
from typing import Final

import attrs

__all__ = ["COOKIE", "FULL", "HELLO", "LET_IN", "NOT_ALLOWED", "PROBE", "REFUSED", "WELCOME", "Introduction"]

PROBE, COOKIE, HELLO, WELCOME, REFUSED = (bytes([kind]) for kind in range(1, 6))
"""First bytes of the messages before a connection stands. REFUSED is said in clear to somebody who expects another
key."""

LET_IN, NOT_ALLOWED, FULL = range(3)
"""What a WELCOME says first."""

_FORM: Final = struct.Struct("<B16s16s32sQI")
_VERSION: Final = 1


@attrs.frozen
class Introduction:
    """One end of a connection.

    Attributes:
        session: the id of its session.
        link: the id of this end in that session.
        key: by which the session signs its signs of life.
        beat: number of the newest of them.
        window: bytes that the other side may have on the way to this one.
    """

    session: bytes
    link: bytes
    key: bytes
    beat: int
    window: int

    def pack(self) -> bytes:
        """Its bytes."""
        return _FORM.pack(_VERSION, self.session, self.link, self.key, self.beat, self.window)

    @classmethod
    def unpack(cls, said: bytes) -> Introduction:
        """Raises ValueError when the other side speaks another version."""
        if len(said) != _FORM.size or said[0] != _VERSION:
            raise ValueError("another version of the lane protocol is spoken there")
        return cls(*_FORM.unpack(said)[1:])
