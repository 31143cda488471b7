"""What a module imports, exports and keeps in memory."""

from __future__ import annotations

import enum

import attrs

__all__ = ["PAGE", "Contents", "Extern", "ExternLimits", "FuncType", "Reference"]

PAGE = 65536
"""Bytes of a page of memory."""


class Extern(enum.Enum):
    """Kinds of imports and exports; the values are those of the binary format."""

    FUNC = 0
    TABLE = 1
    MEMORY = 2
    GLOBAL = 3
    TAG = 4


@attrs.frozen
class FuncType:
    """The types of a function's arguments and results, by their names in the text format."""

    params: tuple[str, ...]
    results: tuple[str, ...]

    def __str__(self) -> str:
        return f"({', '.join(self.params)}) -> ({', '.join(self.results)})"


@attrs.frozen
class ExternLimits:
    """The size of a memory (in pages) or of a table (in elements).

    Attributes:
        least: the size at the start.
        most: the largest size; None when there is none.
        shared: whether several threads may use it.
        wide: whether its addresses have 64 bits.
    """

    least: int
    most: int | None
    shared: bool = False
    wide: bool = False


@attrs.frozen
class Reference:
    """One import or export.

    Attributes:
        module: for an import, the module that it comes from; empty for an export.
        name: its name.
        extern: its kind.
        func: the type of a function; None for everything else, and for types that are not plain.
        limits: the limits of a memory or table; None for everything else.
        wit: for a component, its type in WIT; otherwise empty.
        value: for a global, its type, such as ``mut i32``; otherwise empty, also when the type was not read.
    """

    module: str
    name: str
    extern: Extern
    func: FuncType | None = None
    limits: ExternLimits | None = None
    wit: str = ""
    value: str = ""

    @property
    def full_name(self) -> str:
        """Its name, with the module that an import is from."""
        return f"{self.module}.{self.name}" if self.module else self.name

    def __str__(self) -> str:
        """What it is, as a reader would say it."""
        if self.wit:
            return self.wit
        if self.extern is Extern.FUNC:
            return f"func {self.func}" if self.func is not None else "func"
        if self.limits is not None:
            most = "" if self.limits.most is None else f" to {self.limits.most}"
            unit = "page" if self.extern is Extern.MEMORY else "element"
            plural = "" if (self.limits.least, self.limits.most) in ((1, None), (1, 1)) else "s"
            return f"{self.extern.name.lower()} of {self.limits.least}{most} {unit}{plural}"
        return f"{self.extern.name.lower()} {self.value}".rstrip()


@attrs.frozen
class Contents:
    """What a module says of itself.

    Attributes:
        imports: in the order of the file.
        exports: likewise.
        memories: all memories, imported ones first.
        start: whether a function runs by itself when it is instantiated.
        sections: the names of its custom sections.
        tables: all tables, imported ones first; those behind one with a first value are not known.
        outside: what of its data and elements is not in its memory and tables, each as a sentence.
        abi: the result of its export ``hv_abi``; None if it has none, or if the result cannot be determined.
    """

    imports: tuple[Reference, ...]
    exports: tuple[Reference, ...]
    memories: tuple[ExternLimits, ...]
    start: bool
    sections: tuple[str, ...]
    tables: tuple[ExternLimits, ...] = ()
    outside: tuple[str, ...] = ()
    abi: int | None = None

    def export(self, name: str) -> Reference | None:
        """The export of that name; None when there is none."""
        return next((each for each in self.exports if each.name == name), None)
