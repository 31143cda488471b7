"""Framed: messages over a byte stream, each behind its length."""

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
"""Bytes of a length, little-endian."""
_READ_BYTES: Final = 256 * 1024


def read_buffer() -> memoryview:
    """Returns what all connections of an event loop are read into, one after another. What was read is taken out of it
    at once, so nothing is kept there: a thousand idle connections need no more memory than one. Without it, asyncio
    sets 256 KiB aside for each time that it reads 100 bytes."""
    return memoryview(bytearray(_READ_BYTES))


class Framed(asyncio.BufferedProtocol, abc.ABC):
    """Cuts what arrives into messages.

    Attributes:
        heard: whether something has arrived since somebody set it to False.
        said: whether something was sent since somebody set it to False.
        paused: whether the system takes no more for now.
        take: is called with each message. It may be changed at any time, also by a message for those behind it.
        rested: is called when what has arrived is handled.

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
        """The other side breaks the protocol: nothing more is read."""

    # -- what the event loop calls ------------------------------------------------------------------------

    def get_buffer(self, sizehint: int) -> memoryview:
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        self.heard = True
        if not self._waiting:
            # One whole message, as nearly always between those who wait for each other. Of fewer bytes than a length
            # has, some are those of somebody before, and no length fits.
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
        if self._missing > len(data):  # of a large message only the end leads to a copy
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
        """Whether a message that is larger than the largest one is taken all the same."""
        return False

    # -- what a subclass calls ----------------------------------------------------------------------------

    def put(self, message: bytes) -> None:
        """Sends a message. What does not leave at once is kept until it does."""
        stream = self._stream
        if stream is not None:
            self.said = True
            stream.write(_pack_length(len(message)) + message)
