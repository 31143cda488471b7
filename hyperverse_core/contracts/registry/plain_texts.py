"""Which texts a registry stores as they are, whatever its database can hold.

Points, Kinds, selectors and names of stars have a grammar without such characters, and properties may be any text: a
registry stores them as ASCII (:func:`hyperverse_core.registry.stored_texts.properties_text`).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from ...errors import BadRequest
from .records import MachineKey, StarRecord, TokenRecord

__all__ = ["as_storable", "check_text", "check_texts", "is_storable", "keys_to_store"]

_SHOWN: Final = 20
"""Number of characters that an error shows before and after its place."""
_TEXTS: Final[dict[type, tuple[str, tuple[str, ...]]]] = {
    TokenRecord: ("a token", ("digest", "label", "scope")),
    MachineKey: ("the key of a machine", ("machine", "transport", "key")),
    StarRecord: ("a star", ("kind", "machine", "address", "server_key", "kinds", "links", "facts")),
}
"""The name of each record in errors, and those of its fields that are stored as they are."""


_REPLACED: Final = dict.fromkeys((0, *range(0xD800, 0xE000)), "\ufffd")


def is_storable(text: str) -> bool:
    """Returns whether ``text`` can be stored: it has neither the character NUL nor half of a surrogate pair. A look-up
    of any other text finds nothing."""
    return _fault(text) is None


def as_storable(text: str) -> str:
    """Returns ``text`` with U+FFFD in place of each character that cannot be stored. For copies of what an earlier
    release has stored; texts from outside are refused instead (:func:`check_text`).

    Args:
        text: any text.
    """
    return text.translate(_REPLACED)


def check_text(what: str, text: str) -> None:
    """Raises BadRequest when ``text`` cannot be stored.

    Args:
        what: its name in the error, such as ``"the label of a token"``.
    """
    fault = _fault(text)
    if fault is not None:
        place, name = fault
        raise BadRequest(
            f"{what} cannot be stored: it has {name} at index {place}, in {_around(text, place)}",
            hint="leave the character out; a registry stores all others, and in properties this one too",
        )


def check_texts(records: Iterable[TokenRecord | MachineKey | StarRecord]) -> None:
    """Raises BadRequest when a text of one of ``records`` cannot be stored. The error names the field."""
    for record in records:
        called, fields = _TEXTS[type(record)]
        for field in fields:
            value: str | tuple[str, ...] = getattr(record, field)
            for text in (value,) if isinstance(value, str) else value:
                check_text(f"{field!r} of {called}", text)


def keys_to_store(keys: Iterable[MachineKey]) -> list[MachineKey]:
    """Returns the keys of machines that a registry has to store: all of them, except removed ones that it cannot store,
    since it has none of these. Raises BadRequest for an admitted one that cannot be stored.

    Args:
        keys: the argument of :meth:`Registry.set_machine_keys`.
    """
    wanted = [key for key in keys if key.admitted or all(map(is_storable, (key.machine, key.transport, key.key)))]
    check_texts(wanted)
    return wanted


def _around(text: str, place: int) -> str:
    begin, end = max(place - _SHOWN, 0), place + _SHOWN
    return f"{'...' if begin else ''}{text[begin:end]!r}{'...' if end < len(text) else ''}"


def _fault(text: str) -> tuple[int, str] | None:
    """Returns the index of the first character that cannot be stored, and its name; None when there is none."""
    place = text.find("\0")
    try:
        if not text.isascii():
            text.encode()
    except UnicodeEncodeError as error:
        if place < 0 or error.start < place:
            return error.start, f"U+{ord(text[error.start]):04X}, half of a surrogate pair"
    return None if place < 0 else (place, "NUL (U+0000)")
