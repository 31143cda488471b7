"""Many frames in one message: a count, one word for each piece (see :class:`Outbox`), then the pieces, end to end.

One ``struct`` call reads all words, so each small frame costs one slice.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Final

from ..errors import ProtocolError
from .outbox import PRIORITIES, Piece

__all__ = ["LONE", "Unpacker", "pack"]

_COUNT = struct.Struct("<I")
_ONE = struct.Struct("<II")
"""The count and the word of a message with one piece, as most messages have where waves are sent one by one."""

LONE: Final = struct.Struct("<BIII")
"""The same with the message head before it: kind and count of the head, count of the pieces (1), word."""


def pack(head: bytes, words: Sequence[int], pieces: Sequence[Piece]) -> bytes:
    """Joins frames into one message.

    Args:
        head: the first bytes of the message.
        words, pieces: the result of :meth:`Outbox.take`.
    """
    count = len(words)
    if count == 1:
        return b"".join((head, _ONE.pack(1, words[0]), pieces[0]))
    return b"".join((head, _COUNT.pack(count), struct.pack(f"<{count}I", *words), *pieces))


class Unpacker:
    """Turns one peer's messages back into frames. It keeps the pieces of a frame until the last one arrives.

    Args:
        max_frame: the largest frame, in bytes.

    Attributes:
        most_begun: bytes of frames that may be unfinished at the same time.
    """

    __slots__ = ("_begun", "_max_frame", "most_begun")

    def __init__(self, max_frame: int) -> None:
        self._max_frame = max_frame
        self.most_begun = PRIORITIES * max_frame
        # Not lists of pieces: with one-byte pieces, lists would take forty times as much memory.
        self._begun = tuple(bytearray() for _ in range(PRIORITIES))

    def frames(self, message: bytes, start: int = 0) -> list[bytes]:
        """Returns the frames that are complete with this message, in order.

        Args:
            message: the result of :func:`pack` at the other side.
            start: length of the head.

        Raises:
            ProtocolError: the message was not made by :func:`pack`, or a frame is larger than ``max_frame``.
        """
        if len(message) >= start + 8:
            count, word = _ONE.unpack_from(message, start)
            if count == 1 and not word & 1 and len(message) == start + 8 + (word >> 4) <= self._max_frame:
                stream = word >> 1 & 7
                if stream < PRIORITIES and not self._begun[stream]:
                    return [message[start + 8 :]]
        try:
            (count,) = _COUNT.unpack_from(message, start)
            at = start + 4
            words = struct.unpack_from(f"<{count}I", message, at)
        except struct.error as exc:
            raise ProtocolError(f"a message of {len(message)} bytes is truncated") from exc
        if len(message) > self._max_frame and any(word >> 4 > self._max_frame for word in words):
            raise ProtocolError(f"a frame is larger than {self._max_frame} bytes")
        at += 4 * count
        frames: list[bytes] = []
        for word in words:
            end = at + (word >> 4)
            stream = word >> 1 & 7
            if word & 1 or stream >= PRIORITIES or self._begun[stream]:
                self._piece(stream, message[at:end], more=bool(word & 1), frames=frames)
            else:
                frames.append(message[at:end])
            at = end
        if at != len(message):
            raise ProtocolError(f"a message of {len(message)} bytes claims to have {at}")
        return frames

    def _piece(self, stream: int, piece: bytes, *, more: bool, frames: list[bytes]) -> None:
        if stream >= PRIORITIES:
            raise ProtocolError(f"there is no priority {stream}")
        if more and not piece:
            raise ProtocolError("a piece of a frame is empty but not the last")
        begun = self._begun[stream]
        begun += piece
        if len(begun) > self._max_frame:
            raise ProtocolError(f"a frame is larger than {self._max_frame} bytes")
        if not more:
            frames.append(bytes(begun))
            begun.clear()
        elif sum(map(len, self._begun)) > self.most_begun:
            raise ProtocolError(f"unfinished frames have more than {self.most_begun} bytes")
