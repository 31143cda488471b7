"""Numbers of the wire protocol, and how two programs of different versions agree on one.

A program understands a range of numbers: it *speaks* the highest, and *understands* down to the lowest. Two programs
use the highest number that both understand. So machines and their clients can be upgraded one by one: a release that
speaks a new number still understands the previous one.

The number grows only with a change that the other side would misread. A field added at the end of a frame, with a
default, needs no new number: a reader skips unknown fields, and fills in missing ones.

Every program creates and reads frames of the number that it speaks. Where a connection has agreed on an older number, a
:class:`Translation` sits between the frames and the transport. The first frames of a connection (``Hello``,
``HelloFrame`` and their answers) are the same in every number, apart from fields added at the end.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol

import attrs

from ..errors import ProtocolError

__all__ = [
    "BETWEEN_MACHINES",
    "PROTOCOLS",
    "WITH_CLIENTS",
    "Party",
    "ProtocolRange",
    "Translation",
    "Transmit",
    "agreed_number",
    "reader_of",
    "sender_of",
]


@attrs.frozen
class ProtocolRange:
    """The numbers that a program understands.

    Attributes:
        speaks: the highest number.
        understands: the lowest number.
    """

    speaks: int
    understands: int

    @classmethod
    def announced(cls, speaks: int, understands: int) -> ProtocolRange:
        """Returns the range that a first frame announces; ``understands`` is 0 if the sender understands only one
        number."""
        return cls(speaks, understands or speaks)

    def agreed_with(self, other: ProtocolRange) -> int | None:
        """Returns the highest number that both understand; None if there is none."""
        number = min(self.speaks, other.speaks)
        return number if number >= max(self.understands, other.understands) else None

    def __str__(self) -> str:
        if self.understands == self.speaks:
            return f"speaks {self.speaks}"
        return f"speaks {self.speaks}, understands {self.understands}"


PROTOCOLS: Final = ProtocolRange(speaks=1, understands=1)
"""The numbers that this release understands."""


@attrs.frozen
class Party:
    """One side of a connection, for the message that refuses it.

    Attributes:
        name: its name, such as ``machine 'local'``.
        version: version of its program.
        protocols: the numbers that it understands.
    """

    name: str
    version: str
    protocols: ProtocolRange

    def __str__(self) -> str:
        return f"{self.name} (version {self.version}) {self.protocols}"


def agreed_number(ours: Party, theirs: Party) -> int:
    """Returns the number that both sides use.

    Raises:
        ProtocolError: both sides have no number in common. The message names both versions and ranges.
    """
    number = ours.protocols.agreed_with(theirs.protocols)
    if number is None:
        older = ours if ours.protocols.speaks < theirs.protocols.speaks else theirs
        raise ProtocolError(
            f"no number of the wire protocol is understood by both sides: {ours}; {theirs}",
            hint=f"upgrade {older.name}",
        )
    return number


# -- older numbers ---------------------------------------------------------------------------------


@attrs.frozen
class Translation:
    """Converts frames of the number that this release speaks to frames of an older number, and back.

    Attributes:
        to_older: converts an encoded frame to one that the other side understands.
        from_older: converts a frame of the other side to one that this release reads. Raises ProtocolError.
    """

    to_older: Callable[[bytes], bytes]
    from_older: Callable[[bytes], bytes]


BETWEEN_MACHINES: Final[dict[int, Translation]] = {}
"""Translations of the frames in ``envelope``, by older number. Empty: this release understands one number."""

WITH_CLIENTS: Final[dict[int, Translation]] = {}
"""Translations of the frames in ``frames``, by older number."""


class Transmit(Protocol):
    """The method ``send`` of a transport, or its replacement."""

    def __call__(self, peer: Any, frame: bytes, *, priority: int = 3) -> None:
        """Takes a frame for ``peer``; see :meth:`LaneTransport.send`."""


def sender_of(transmit: Transmit, number: int, translations: Mapping[int, Translation]) -> Transmit:
    """Returns a function that sends frames in the form of ``number``; ``transmit`` itself when no translation is
    needed.

    It is chosen once for each connection, so that a wave between programs of one release costs nothing extra.
    """
    translation = translations.get(number)
    if translation is None:
        return transmit
    to_older = translation.to_older

    def translated(peer: Any, frame: bytes, *, priority: int = 3) -> None:
        transmit(peer, to_older(frame), priority=priority)

    return translated


def reader_of(number: int, translations: Mapping[int, Translation]) -> Callable[[bytes], bytes] | None:
    """Returns a function that converts frames of ``number`` for reading; None when no translation is needed."""
    translation = translations.get(number)
    return None if translation is None else translation.from_older
