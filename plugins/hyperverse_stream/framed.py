"""Framed: messages over a byte stream, each preceded by its length."""

from __future__ import annotations

import abc
import asyncio
import struct
from collections.abc import Callable
from typing import Final

__all__ = ["HEAD", "Framed", "read_buffer"]

_LENGTH: Final = struct.Struct("<I")
_pack_length, _length_of = _LENGTH.pack, _LENGTH.unpack_from
HEAD: Final = _LENGTH.size
"""Bytes of a length field, little-endian."""
_READ_BYTES: Final = 256 * 1024


def read_buffer() -> memoryview:
    """Returns the buffer that all connections of an event loop read into, one after another. Data is taken out of it at
    once, so it holds nothing: a thousand idle connections need no more memory than one. Without it, asyncio allocates
    256 KiB each time it reads 100 bytes."""
    return memoryview(bytearray(_READ_BYTES))


class Framed(asyncio.BufferedProtocol, abc.ABC):
    """Splits the incoming bytes into messages.

    Attributes:
        heard: whether something arrived since the flag was last set to False.
        said: whether something was sent since the flag was last set to False.
        paused: whether the system accepts no more data for now.
        take: called with each message. May be replaced at any time, also while a message is handled: the next ones then
            go to the new function.
        rested: called when everything that arrived is handled.

    Args:
        largest: bytes of the largest message that the other side may send. It may be changed later.
        buffer: see :func:`read_buffer`.
    """

    take: Callable[[bytes], object]
    rested: Callable[[], object]

    def __init__(self, largest: int, buffer: memoryview) -> None:
        self.heard = self.said = False
        self.paused = False
        self._largest = largest
        self._buffer = buffer
        self._waiting: list[bytes] = []
        self._missing = 0
        self._stream: asyncio.Transport | None = None

    @abc.abstractmethod
    def fault(self, what: str) -> None:
        """The other side broke the protocol: nothing more is read."""

    # -- what the event loop calls ------------------------------------------------------------------------

    def get_buffer(self, sizehint: int) -> memoryview:
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        self.heard = True
        if not self._waiting:
            # One whole message, which is nearly always so between two sides that wait for each other. With fewer bytes
            # than a length field has, the buffer still holds older bytes, and no length matches.
            buffer = self._buffer
            (size,) = _length_of(buffer)
            if size + HEAD == nbytes and size <= self._largest:
                if self._stream is not None:
                    self.take(bytes(buffer[HEAD:nbytes]))
                    self.rested()
                return
        self._cut(bytes(self._buffer[:nbytes]))
        self.rested()

    def _cut(self, data: bytes) -> None:
        if self._missing > len(data):  # a large message is copied only once its end is here
            self._waiting.append(data)
            self._missing -= len(data)
            return
        if self._waiting:
            data = b"".join((*self._waiting, data))
            self._waiting.clear()
        self._missing = 0
        at, end = 0, len(data)
        while at + HEAD <= end and self._stream is not None:
            begin = at + HEAD
            (size,) = _length_of(data, at)
            if size > self._largest and not self._takes(size):
                self.fault(f"a message of {size} bytes is larger than {self._largest}")
                return
            if begin + size > end:
                self._missing = begin + size - end
                break
            at = begin + size
            self.take(data[begin:at])
        if at < end:
            self._waiting.append(data[at:])

    def pause_writing(self) -> None:
        self.paused = True

    def resume_writing(self) -> None:
        self.paused = False

    def _takes(self, size: int) -> bool:
        """Whether a message above the limit is accepted all the same."""
        return False

    # -- what a subclass calls ----------------------------------------------------------------------------

    def put(self, message: bytes) -> None:
        """Sends a message. The part that cannot leave at once is buffered."""
        stream = self._stream
        if stream is not None:
            self.said = True
            stream.write(_pack_length(len(message)) + message)
