"""Names of the imports and exports of a WebAssembly component, for the config of an image."""

from __future__ import annotations

from typing import Final

import attrs

__all__ = ["World", "world_of"]

_COMPONENT: Final = b"\0asm\x0d\0\1\0"
_IMPORTS, _EXPORTS = 10, 11


@attrs.frozen
class World:
    """The outermost names of a component.

    Attributes:
        imports, exports: names, such as ``wasi:cli/run@0.2.0``.
    """

    imports: list[str]
    exports: list[str]


def world_of(content: bytes) -> World | None:
    """Returns the names of a component; None if the bytes are not one. For a malformed component it returns the names
    before the fault."""
    if content[:8] != _COMPONENT:
        return None
    world = World([], [])
    try:
        _read(_Reader(content, 8), world)
    except (IndexError, UnicodeDecodeError):
        return world
    return world


def _read(reader: _Reader, world: World) -> None:
    while reader.at < len(reader.content):
        section, size = reader.byte(), reader.number()
        end = reader.at + size
        if section == _IMPORTS:
            for _ in range(reader.number()):
                world.imports.append(reader.name())
                reader.described()
        elif section == _EXPORTS:
            for _ in range(reader.number()):
                world.exports.append(reader.name())
                if reader.byte() == 0:  # for a core module, one more byte gives its sort
                    reader.byte()
                reader.number()
                if reader.byte():
                    reader.described()
        reader.at = end


@attrs.define
class _Reader:
    """Reads the binary format. Raises IndexError at its end."""

    content: bytes
    at: int

    def byte(self) -> int:
        value = self.content[self.at]
        self.at += 1
        return value

    def number(self) -> int:
        value = shift = 0
        while True:
            byte = self.byte()
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value
            if shift > 35:
                raise IndexError("a number is too long")

    def name(self) -> str:
        """A name, plain or of an interface."""
        self.byte()
        size = self.number()
        text = self.content[self.at : self.at + size].decode()
        self.at += size
        return text

    def described(self) -> None:
        """Skips the description of an import or export."""
        kind = self.byte()
        if kind in (0, 2, 3):  # a core module, a value or a type: one more byte
            inner = self.byte()
            if kind == 3 and inner == 1:
                return
        self.number()
