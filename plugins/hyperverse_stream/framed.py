"""Framed: messages over a byte stream, each behind its length."""

from __future__ import annotations

import abc
import asyncio
from typing import Final

__all__ = ["HEAD", "Framed"]

HEAD: Final = 4
"""Bytes of a length, little-endian."""


class Framed(asyncio.Protocol, abc.ABC):
    """Cuts what arrives into messages.

    Attributes:
        heard: whether something has arrived since somebody set it to False.
        said: whether something was sent since somebody set it to False.
        paused: whether the system takes no more for now.

    Args:
        largest: bytes of the largest message that the other side may send. It may be changed later.
    """

    def __init__(self, largest: int) -> None:
        self.heard = self.said = False
        self.paused = False
        self._largest = largest
        self._waiting: list[bytes] = []
        self._missing = 0
        self._stream: asyncio.Transport | None = None

    @abc.abstractmethod
    def message(self, message: bytes) -> None:
        """A message has arrived."""

    @abc.abstractmethod
    def fault(self, what: str) -> None:
        """The other side breaks the protocol: nothing more is read."""

    # -- what the event loop calls ------------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        self.heard = True
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
            size = int.from_bytes(data[at:begin], "little")
            if size > self._largest and not self._takes(size):
                self.fault(f"a message of {size} bytes is larger than {self._largest}")
                return
            if begin + size > end:
                self._missing = begin + size - end
                break
            at = begin + size
            self.message(data[begin:at])
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
        if self._stream is not None:
            self.said = True
            self._stream.write(len(message).to_bytes(HEAD, "little") + message)
