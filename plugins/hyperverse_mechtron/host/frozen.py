"""The frozen memory of a guest: its differences from a new instance, which can be applied to another one."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping
from typing import Any, Final

import attrs
import wasmtime

from hyperverse_core.errors import HandlerFailed, TooLarge

from ..binary import FROZEN_GLOBAL, FROZEN_MEMORY, PAGE
from .guest import Guest
from .way import GuestMemory

__all__ = ["FrozenMemory", "Image"]

_PIECE: Final = 4096
_ZERO: Final = bytes(_PIECE)
_MOST: Final = 3 * 1024 * 1024


@attrs.frozen
class Image:
    """What is kept of a guest.

    Attributes:
        size: bytes of its memory.
        globals: the values of its mutable globals, by their numbers.
        pieces: the parts of its memory that differ from a fresh instance, each behind its number; compressed.
    """

    size: int
    globals: Mapping[str, int | float]
    pieces: bytes

    def to_body(self) -> dict[str, Any]:
        """As a map, to be saved."""
        return {"size": self.size, "globals": dict(self.globals), "pieces": self.pieces}

    @classmethod
    def from_body(cls, saved: Mapping[str, Any]) -> Image:
        """From such a map."""
        return cls(int(saved["size"]), dict(saved["globals"]), bytes(saved["pieces"]))


class FrozenMemory:
    """What one Mechtron keeps.

    Args:
        starts: whether a function runs by itself in a fresh instance. It may do something else each time, so all of the
            memory is kept then.

    Attributes:
        saved: the last state; None before the first.
    """

    def __init__(self, *, starts: bool) -> None:
        self.saved: Image | None = None
        self._starts = starts
        self._base: bytes | None = None

    def begin(self, guest: Guest) -> bool:
        """Restores the saved state in a guest that was just instantiated. Returns whether there was one; if so, the
        guest must not be initialised. Raises HandlerFailed when the state does not fit."""
        memory = _memory_of(guest)
        if self._base is None:
            self._base = b"" if self._starts or memory is None else _whole(memory)
        if self.saved is None:
            return False
        if self._starts and memory is not None:
            memory.write(0, bytes(memory.size()))
        self._thaw(guest, memory, self.saved)
        return True

    @staticmethod
    def _thaw(guest: Guest, memory: GuestMemory | None, image: Image) -> None:
        if memory is not None:
            missing = image.size - memory.size()
            try:
                if missing > 0:
                    memory.grow_by(missing // PAGE)
            except wasmtime.WasmtimeError:
                raise HandlerFailed(
                    f"the saved memory has {image.size} bytes, which are more than the guest may have",
                    hint="raise `memory` in its document",
                ) from None
            pieces = zlib.decompress(image.pieces)
            for at in range(0, len(pieces), _PIECE + 4):
                (number,) = struct.unpack_from("<I", pieces, at)
                memory.write(number * _PIECE, pieces[at + 4 : at + 4 + _PIECE])
        for number, value in image.globals.items():
            found = guest.export(f"{FROZEN_GLOBAL}{number}")
            if not isinstance(found, wasmtime.Global):
                raise HandlerFailed(
                    "the saved memory is of another module", hint="go back to the version that saved it"
                )
            found.set_value(guest.store, value)

    def taken(self, guest: Guest) -> Image:
        """Returns the state of an idle guest. Raises TooLarge when it exceeds 3 MiB, compressed."""
        names = [name for name in guest.names() if name.startswith(FROZEN_GLOBAL)]
        values = {name[len(FROZEN_GLOBAL) :]: guest.export(name).value(guest.store) for name in names}
        memory = _memory_of(guest)
        if memory is None:
            return Image(0, values, zlib.compress(b""))
        now = _whole(memory)
        pieces = zlib.compress(b"".join(self._differing(now)), 1)
        if len(pieces) > _MOST:
            raise TooLarge(f"the guest's memory has {len(pieces)} bytes of state, compressed, and {_MOST} are allowed")
        return Image(len(now), values, pieces)

    def _differing(self, now: bytes) -> list[bytes]:
        base, found = self._base or b"", []
        for start in range(0, len(now), PAGE):
            if now[start : start + PAGE] == base[start : start + PAGE]:
                continue
            for at in range(start, start + PAGE, _PIECE):
                piece = now[at : at + _PIECE]
                if piece != (base[at : at + _PIECE] or _ZERO):
                    found.append(struct.pack("<I", at // _PIECE) + piece)
        return found


def _memory_of(guest: Guest) -> GuestMemory | None:
    found = guest.export(FROZEN_MEMORY)
    return None if found is None else GuestMemory(guest.store, found)


def _whole(memory: GuestMemory) -> bytes:
    found = memory.read(0, memory.size())
    assert found is not None, "it is as large as it says"
    return found
