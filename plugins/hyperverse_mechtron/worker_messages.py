"""What a machine and its worker processes write to one another: a length of four bytes, and then one message."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec

__all__ = [
    "BUFFER",
    "Answered",
    "Ask",
    "Cancel",
    "Close",
    "Done",
    "GuestCall",
    "GuestFailed",
    "Inbound",
    "Messages",
    "Outbound",
    "Recipe",
    "RunCommand",
    "WaveFacts",
    "framed",
]

BUFFER: Final = 64 * 1024
"""Bytes that are read from the socket at once, into one buffer. asyncio would make one of 256 KiB for each message,
which takes longer than all the rest."""
_LENGTH: Final = struct.Struct("<I")
_encode: Final = msgspec.msgpack.Encoder().encode


class Recipe(msgspec.Struct, array_like=True, frozen=True):
    """How an instance is made.

    Attributes:
        kind: the name of its kind of guest.
        path: the file with its compiled code.
        limits: seconds, bytes of memory, fuel, bytes of output, elements of tables.
        wasi: of a core module or library, whether it imports WASI.
        takes_bytes: of a component, whether it takes the body as ``list<u8>``.
        library: of a library, its functions with their types, its memory and its malloc.
        keeps: ``memory`` or ``save`` when something of it is kept, else empty.
        starts: whether a function of it runs by itself.
        kept: what was kept of it; empty for nothing.
        stand_ins: of a library or command, what stands in for which imports.
        arguments, environment: of a component, what it is granted of WASI.
        concurrent: of a component, whether it has functions of the asynchronous kind.
    """

    kind: str
    path: str
    limits: tuple[float, int, int | None, int, int]
    wasi: bool = False
    takes_bytes: bool = False
    library: Any = None
    keeps: str = ""
    starts: bool = False
    kept: Mapping[str, Any] = {}  # msgspec copies it
    stand_ins: Sequence[Any] = ()
    arguments: Sequence[str] = ()
    environment: Mapping[str, str] = {}  # msgspec copies it
    concurrent: bool = False


class WaveFacts(msgspec.Struct, array_like=True, frozen=True):
    """What a guest is told of a wave: the arguments of CallServices."""

    state: Mapping[str, bytes] | None
    most: int
    headers: Mapping[str, str]
    path: str
    agent: str
    carries_bytes: bool


class GuestCall(msgspec.Struct, array_like=True, frozen=True, tag="call"):
    """Has an instance handle a wave. Steps of a library are a body without facts."""

    number: int
    guest: int
    recipe: Recipe | None
    method: str
    body: Any
    facts: WaveFacts | None


class RunCommand(msgspec.Struct, array_like=True, frozen=True, tag="run"):
    """Runs a command once. Folders are paths here and there, and whether they may be written."""

    number: int
    recipe: Recipe
    name: str
    start: str
    arguments: Sequence[str]
    environment: Mapping[str, str]
    folders: Sequence[tuple[str, str, bool]]
    stdin: bytes


class Answered(msgspec.Struct, array_like=True, frozen=True, tag="answered"):
    """The reply to a wave of a guest."""

    ask: int
    status: int
    body: Any


class Cancel(msgspec.Struct, array_like=True, frozen=True, tag="cancel"):
    """Nobody waits for a call any more."""

    number: int


class Close(msgspec.Struct, array_like=True, frozen=True, tag="close"):
    """An instance is not needed any more."""

    guest: int


class Done(msgspec.Struct, array_like=True, frozen=True, tag="done"):
    """A call has ended well.

    Attributes:
        result: what the guest answers.
        lines: what it has logged.
        changed: what it has put into its state.
        kept: what is kept of its instance; None when nothing is, or that is as before.
        nanoseconds: from the arrival of the call to its end.
    """

    number: int
    result: Any
    lines: Sequence[str] = ()
    changed: Mapping[str, bytes] = {}  # msgspec copies it
    kept: Mapping[str, Any] | None = None
    nanoseconds: int = 0


class GuestFailed(msgspec.Struct, array_like=True, frozen=True, tag="failed"):
    """A call has failed.

    Attributes:
        error: the name of a class of errors.
        dead: whether its instance must not be called again.
        stuck: whether a guest holds a thread of this process for good.
    """

    number: int
    error: str
    message: str
    hint: str
    lines: Sequence[str]
    dead: bool
    stuck: bool


class Ask(msgspec.Struct, array_like=True, frozen=True, tag="ask"):
    """A guest sends a wave.

    Attributes:
        number: of its call.
        ask: of this question.
        typed: whether it is answered with text or bytes, as components are.
    """

    number: int
    ask: int
    typed: bool
    how: str
    to: Any
    method: Any
    body: Any
    left: float


Inbound = GuestCall | RunCommand | Answered | Cancel | Close
"""What a worker gets."""
Outbound = Done | GuestFailed | Ask
"""What a worker writes."""


def framed(message: Inbound | Outbound) -> bytes:
    """A message with its length before it."""
    raw = _encode(message)
    return _LENGTH.pack(len(raw)) + raw


class Messages:
    """Takes the bytes of a socket apart.

    Args:
        of: the type of the messages.
    """

    def __init__(self, of: Any) -> None:
        self._decode = msgspec.msgpack.Decoder(of).decode
        self._rest = bytearray()
        self._whole = 0

    def feed(self, data: memoryview) -> Iterator[Any]:
        """The messages that are complete now.

        Args:
            data: what has come; it may be written over when the iterator has ended.
        """
        rest = self._rest
        if rest:
            rest += data
            if len(rest) < self._whole:
                return  # of a large message, which is looked at once, when all of it is there
            data, self._rest = memoryview(rest), bytearray()
        at, end = 0, len(data)
        self._whole = 4
        while end - at >= 4:
            (size,) = _LENGTH.unpack_from(data, at)
            if end - at - 4 < size:
                self._whole = 4 + size
                break
            message = self._decode(data[at + 4 : at + 4 + size])
            at += 4 + size
            yield message
        self._rest += data[at:]
