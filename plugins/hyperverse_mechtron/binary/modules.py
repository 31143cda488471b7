"""Reads the sections of a module that declare its imports and exports. Skips code, except for one function, and checks
of the data only whether it fits."""

from __future__ import annotations

from .beginning import constant_of, elements_outside, segments_outside
from .constants import pass_over_constant
from .contents import Contents, Extern, ExternLimits, FuncType, Reference
from .reader import ByteReader

__all__ = ["read_module"]

_TYPES = {0x7F: "i32", 0x7E: "i64", 0x7D: "f32", 0x7C: "f64", 0x7B: "v128", 0x70: "funcref", 0x6F: "externref"}
_CUSTOM, _TYPE, _IMPORT, _FUNCTION, _TABLE, _MEMORY, _GLOBAL, _EXPORT, _START = 0, 1, 2, 3, 4, 5, 6, 7, 8
_ELEMENT, _CODE, _DATA = 9, 10, 11
_LAST = 13
_ABI = "hv_abi"


def read_module(binary: bytes) -> Contents:
    """Reads a module whose first eight bytes were checked before. Does not validate it. Raises BadRequest when its
    sections, imports or exports cannot be read."""
    return _Module(binary).read()


class _Module:
    """What has been read of a module so far."""

    def __init__(self, binary: bytes) -> None:
        self.binary = binary
        self.types: list[FuncType | None] = []
        self.funcs: list[int] = []
        self.tables: list[ExternLimits] = []
        self.memories: list[ExternLimits] = []
        self.globals: list[str] = []
        self.imports: list[Reference] = []
        self.exports: list[Reference] = []
        self.sections: list[str] = []
        self.start = False
        self.bodies: dict[int, ByteReader] = {}
        self.abi: int | None = None

    def read(self) -> Contents:
        reader = ByteReader(self.binary, 8, len(self.binary))
        while reader.more:
            number = reader.byte()
            if number > _LAST:
                raise reader.fault(f"there is no section with the number {number}")
            self._section(number, reader.block(reader.number()))
        return Contents(
            tuple(self.imports),
            tuple(self.exports),
            tuple(self.memories),
            self.start,
            tuple(self.sections),
            tuple(self.tables),
            tuple(self._outside()),
            self._abi(),
        )

    def _outside(self) -> list[str]:
        elements, data = self.bodies.get(_ELEMENT), self.bodies.get(_DATA)
        return [
            *(() if elements is None else elements_outside(elements, self.tables)),
            *(() if data is None else segments_outside(data, self.memories)),
        ]

    def _abi(self) -> int | None:
        code = self.bodies.get(_CODE)
        if self.abi is None or code is None:
            return None
        imported = sum(each.extern is Extern.FUNC for each in self.imports)
        return constant_of(code, self.abi - imported) if self.abi >= imported else None

    def _section(self, number: int, body: ByteReader) -> None:
        if number == _CUSTOM:
            self.sections.append(body.name())
            return
        if number == _START:
            self.start = True
            return
        if number in (_ELEMENT, _CODE, _DATA):
            self.bodies[number] = body
            return
        if number == _TYPE:
            self._read_types(body)
            return
        each = {
            _IMPORT: self._read_import,
            _FUNCTION: self._read_function,
            _TABLE: self._read_table,
            _MEMORY: self._read_memory,
            _GLOBAL: self._read_global,
            _EXPORT: self._read_export,
        }.get(number)
        if each is None:
            return
        for _ in range(body.number()):
            each(body)
            if body.at > body.end:  # passed over
                return

    def _read_types(self, body: ByteReader) -> None:
        """Reads function types. Stops at the first type that is not a plain function; later ones are not shown."""
        for _ in range(body.number()):
            if body.byte() != 0x60:
                return
            params = self._value_types(body)
            results = None if params is None else self._value_types(body)
            if params is None or results is None:
                return
            self.types.append(FuncType(params, results))

    @staticmethod
    def _value_types(body: ByteReader) -> tuple[str, ...] | None:
        found = []
        for _ in range(body.number()):
            name = _TYPES.get(body.byte())
            if name is None:
                return None
            found.append(name)
        return tuple(found)

    def _read_import(self, body: ByteReader) -> None:
        module, name, number = body.name(), body.name(), body.byte()
        try:
            extern = Extern(number)
        except ValueError:
            raise body.fault(f"the import {name!r} is of an unknown sort") from None
        func, limits, value = None, None, ""
        if extern is Extern.FUNC:
            self.funcs.append(body.number())
            func = self._type(self.funcs[-1])
        elif extern is Extern.TABLE:
            limits = self._table_type(body)
            self.tables.append(limits)
        elif extern is Extern.MEMORY:
            limits = self._limits(body)
            self.memories.append(limits)
        elif extern is Extern.GLOBAL:
            value = self._global_type(body)
            self.globals.append(value)
        else:
            body.byte()
            body.number()
        self.imports.append(Reference(module, name, extern, func, limits, value=value))

    def _read_function(self, body: ByteReader) -> None:
        self.funcs.append(body.number())

    def _read_table(self, body: ByteReader) -> None:
        if body.more and body.data[body.at] == 0x40:  # a table with an initial value: its size is not shown
            body.at = body.end + 1
            return
        self.tables.append(self._table_type(body))

    def _read_memory(self, body: ByteReader) -> None:
        self.memories.append(self._limits(body))

    def _read_global(self, body: ByteReader) -> None:
        self.globals.append(self._global_type(body))
        if pass_over_constant(body) is not None:  # the types of those behind it are not shown
            body.at = body.end + 1

    def _read_export(self, body: ByteReader) -> None:
        name, number, index = body.name(), body.byte(), body.number()
        try:
            extern = Extern(number)
        except ValueError:
            raise body.fault(f"the export {name!r} is of an unknown sort") from None
        func, limits, value = None, None, ""
        if extern is Extern.FUNC and index < len(self.funcs):
            func = self._type(self.funcs[index])
            if name == _ABI:
                self.abi = index
        elif extern is Extern.MEMORY and index < len(self.memories):
            limits = self.memories[index]
        elif extern is Extern.TABLE and index < len(self.tables):
            limits = self.tables[index]
        elif extern is Extern.GLOBAL and index < len(self.globals):
            value = self.globals[index]
        self.exports.append(Reference("", name, extern, func, limits, value=value))

    def _type(self, index: int) -> FuncType | None:
        return self.types[index] if index < len(self.types) else None

    @staticmethod
    def _value_type(body: ByteReader) -> str:
        kind = body.byte()
        if kind in (0x63, 0x64):  # a reference to a type of the module
            body.skip_signed()
        return _TYPES.get(kind, "ref")

    def _global_type(self, body: ByteReader) -> str:
        kind = self._value_type(body)
        return f"mut {kind}" if body.byte() else kind

    def _table_type(self, body: ByteReader) -> ExternLimits:
        self._value_type(body)
        return self._limits(body)

    @staticmethod
    def _limits(body: ByteReader) -> ExternLimits:
        flags = body.byte()
        wide = bool(flags & 4)
        least = body.number(64 if wide else 32)
        most = body.number(64 if wide else 32) if flags & 1 else None
        if flags & 8:
            body.number()  # the size of a page, where the module chooses it
        return ExternLimits(least, most, bool(flags & 2), wide)
