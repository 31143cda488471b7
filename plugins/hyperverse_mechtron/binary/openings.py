"""Prepares a module for freezing: adds entries that export its memory and its mutable globals."""

from __future__ import annotations

from typing import Final

from hyperverse_core.errors import BadRequest

from .constants import pass_over_constant
from .instructions import changes_of_tables
from .reader import ByteReader
from .skeleton import leb128

__all__ = ["FROZEN_GLOBAL", "FROZEN_MEMORY", "opened"]

FROZEN_MEMORY: Final = "hv:memory"
FROZEN_GLOBAL: Final = "hv:global:"
_IMPORT, _TABLE, _MEMORY, _GLOBAL, _EXPORT, _CODE = 2, 4, 5, 6, 7, 10
_AFTER_EXPORTS: Final = frozenset((8, 9, 10, 11, 12))
_NUMBERS: Final = frozenset((0x7F, 0x7E, 0x7D, 0x7C))
_OF_MEMORY, _OF_GLOBAL = 2, 3


def opened(binary: bytes) -> bytes:
    """The module with the exports ``hv:memory`` and ``hv:global:N``.

    Raises:
        BadRequest: its state is not in its memory and its numbers alone: it has mutable globals that are references,
            or it changes a table.
    """
    module = _Module(binary)
    module.read()
    entries = [(f"{FROZEN_GLOBAL}{index}", _OF_GLOBAL, index) for index in module.mutable]
    if module.memory:
        entries.append((FROZEN_MEMORY, _OF_MEMORY, 0))
    added = b"".join(leb128(len(n)) + n.encode() + bytes((sort,)) + leb128(index) for n, sort, index in entries)
    parts, there = [binary[:8]], False
    for number, content in module.sections:
        if number == _EXPORT:
            reader = ByteReader(content, 0, len(content))
            count = reader.number()
            content, there = leb128(count + len(entries)) + content[reader.at :] + added, True
        elif number in _AFTER_EXPORTS and not there:
            parts.append(_section(_EXPORT, leb128(len(entries)) + added))
            there = True
        parts.append(_section(number, content))
    return b"".join(parts)


def _section(number: int, content: bytes) -> bytes:
    return bytes((number,)) + leb128(len(content)) + content


class _Module:
    """What decides whether a module can be frozen."""

    def __init__(self, binary: bytes) -> None:
        self.binary = binary
        self.sections: list[tuple[int, bytes]] = []
        self.globals = 0
        self.mutable: list[int] = []
        self.memory = False
        self.tables = False

    def read(self) -> None:
        reader = ByteReader(self.binary, 8, len(self.binary))
        while reader.more:
            number, body = reader.byte(), reader.block(reader.number())
            self.sections.append((number, self.binary[body.at : body.end]))
            each = {_IMPORT: self._imports, _TABLE: self._table, _MEMORY: self._memory, _GLOBAL: self._global}
            if number in each:
                each[number](body)
            elif number == _CODE and self.tables:
                self._code(body)

    def _imports(self, body: ByteReader) -> None:
        for _ in range(body.number()):
            name = f"{body.name()}.{body.name()}"
            sort = body.byte()
            if sort == 0:
                body.number()
                continue
            what = {1: "table", 2: "memory", 3: "global"}.get(sort, "tag")
            raise BadRequest(
                f"it imports the {what} {name}, whose content is not its own", hint="link it so that it has its own"
            )

    def _table(self, body: ByteReader) -> None:
        self.tables = body.number() > 0

    def _memory(self, body: ByteReader) -> None:
        self.memory = body.number() > 0

    def _global(self, body: ByteReader) -> None:
        for _ in range(body.number()):
            kind = body.byte()
            if kind in (0x63, 0x64):
                body.skip_signed()
            mutable = body.byte() == 1
            if mutable and kind not in _NUMBERS:
                raise BadRequest(
                    f"its global {self.globals} can change, and is a reference or a vector",
                    hint="keep the state with state_get and state_set: +state=keys;",
                )
            if mutable:
                self.mutable.append(self.globals)
            self.globals += 1
            unknown = pass_over_constant(body)
            if unknown is not None:
                raise body.fault(f"the first value of a global has the instruction {unknown:#04x}")

    def _code(self, body: ByteReader) -> None:
        for number in range(body.number()):
            for name in changes_of_tables(body.block(body.number())):
                raise BadRequest(
                    f"it changes a table: {name} in the function {number} of its own",
                    hint="keep the state with state_get and state_set: +state=keys;",
                )
