"""Messages between a machine and its worker processes: a length of four bytes, then one message."""

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
"""Bytes that one read takes from the socket, into a single buffer. asyncio would allocate 256 KiB for each message,
which takes longer than everything else."""
_LENGTH: Final = struct.Struct("<I")
_encode: Final = msgspec.msgpack.Encoder().encode


class Recipe(msgspec.Struct, array_like=True, frozen=True):
    """How to make an instance.

    Attributes:
        kind: name of its kind of guest.
        path: file with its compiled code.
        limits: seconds, bytes of memory, fuel, bytes of output, elements of tables.
        wasi: for a core module or library, whether it imports WASI.
        takes_bytes: for a component, whether it takes the body as ``list<u8>``.
        library: for a library, its functions with their types, its memory and its malloc.
        keeps: ``memory`` or ``save`` when something of it is kept, otherwise empty.
        starts: whether one of its functions runs by itself.
        kept: what was kept of it; empty for nothing.
        stand_ins: for a library or command, the stand-in of each import.
        arguments, environment: for a component, the arguments and variables that its document grants.
        concurrent: for a component, whether it has async functions.
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
    """The data about a wave for a guest: the arguments of CallServices."""

    state: Mapping[str, bytes] | None
    most: int
    headers: Mapping[str, str]
    path: str
    agent: str
    carries_bytes: bool


class GuestCall(msgspec.Struct, array_like=True, frozen=True, tag="call"):
    """Passes a wave to an instance. The steps of a library are a body without facts."""

    number: int
    guest: int
    recipe: Recipe | None
    method: str
    body: Any
    facts: WaveFacts | None


class RunCommand(msgspec.Struct, array_like=True, frozen=True, tag="run"):
    """Runs a command once. A folder is its path on the host and in the guest, and whether it is writable."""

    number: int
    recipe: Recipe
    name: str
    start: str
    arguments: Sequence[str]
    environment: Mapping[str, str]
    folders: Sequence[tuple[str, str, bool]]
    stdin: bytes


class Answered(msgspec.Struct, array_like=True, frozen=True, tag="answered"):
    """The reply to a wave that a guest sent."""

    ask: int
    status: int
    body: Any


class Cancel(msgspec.Struct, array_like=True, frozen=True, tag="cancel"):
    """Nobody is waiting for a call any more."""

    number: int


class Close(msgspec.Struct, array_like=True, frozen=True, tag="close"):
    """An instance is no longer needed."""

    guest: int


class Done(msgspec.Struct, array_like=True, frozen=True, tag="done"):
    """A call has succeeded.

    Attributes:
        result: the guest's answer.
        lines: lines that it logged.
        changed: keys of its state that it wrote.
        kept: what is kept of its instance; None when nothing is kept or nothing changed.
        nanoseconds: time from the arrival of the call to its end.
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
        error: name of an error class.
        dead: whether its instance must not be called again.
        stuck: whether a guest holds a thread of this process forever.
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
        number: number of its call.
        ask: number of this question.
        typed: whether the answer is text or bytes, as for components.
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
"""What a worker receives."""
Outbound = Done | GuestFailed | Ask
"""What a worker sends."""


def framed(message: Inbound | Outbound) -> bytes:
    """Returns a message preceded by its length."""
    raw = _encode(message)
    return _LENGTH.pack(len(raw)) + raw


class Messages:
    """Splits the bytes of a socket into messages.

    Args:
        of: type of the messages.
    """

    def __init__(self, of: Any) -> None:
        self._decode = msgspec.msgpack.Decoder(of).decode
        self._rest = bytearray()
        self._whole = 0

    def feed(self, data: memoryview) -> Iterator[Any]:
        """Returns the messages that are complete.

        Args:
            data: the received bytes; may be overwritten once the iterator has ended.
        """
        rest = self._rest
        if rest:
            rest += data
            if len(rest) < self._whole:
                return  # a large message is parsed once, when all of it has arrived
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
