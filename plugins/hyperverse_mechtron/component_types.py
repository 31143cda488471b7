"""What a component imports and exports, in WIT, the language of its types. wasmtime reads the types."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import attrs
import wasmtime
from wasmtime import component

from .binary import skeleton_of

__all__ = ["Func", "Item", "items_of", "items_of_compiled"]

_PRIMITIVE = ("Bool", "S8", "S16", "S32", "S64", "U8", "U16", "U32", "U64", "F32", "F64", "Char", "String")


@attrs.frozen
class Func:
    """A function: the names and types of its arguments, and the type of its result, which is empty for none."""

    params: tuple[tuple[str, str], ...]
    result: str

    @property
    def types(self) -> str:
        """Its types alone, to be compared."""
        return f"({', '.join(each for _, each in self.params)}) -> {self.result or '_'}"

    def __str__(self) -> str:
        result = f" -> {self.result}" if self.result else ""
        return f"func({', '.join(f'{name}: {each}' for name, each in self.params)}){result}"


@attrs.frozen
class Item:
    """One import or export.

    Attributes:
        name: its name.
        func: what it is, if it is a function.
        functions: those of an interface, by name.
        other: what it is, if it is neither.
    """

    name: str
    func: Func | None = None
    functions: tuple[tuple[str, Func], ...] | None = None
    other: str = ""

    @property
    def wit(self) -> str:
        """What it is, in WIT."""
        if self.func is not None:
            return str(self.func)
        if self.functions is None:
            return self.other
        return "interface {\n" + "".join(f"  {name}: {func};\n" for name, func in self.functions) + "}"


@cache
def _engine() -> wasmtime.Engine:
    config = wasmtime.Config()
    config.cranelift_opt_level = "none"  # nothing of what is compiled here runs
    return wasmtime.Engine(config)


def items_of(binary: bytes) -> tuple[list[Item], list[Item]]:
    """The imports and exports of a component. Raises WasmtimeError when it is not valid, except in its code."""
    engine = _engine()
    return items_of_compiled(component.Component(engine, skeleton_of(binary)), engine)


def items_of_compiled(compiled: component.Component, engine: wasmtime.Engine) -> tuple[list[Item], list[Item]]:
    """The imports and exports of a component that is compiled already, which takes no time.

    Args:
        compiled: by that engine.
        engine: of wasmtime.
    """
    types = compiled.type
    return _items(types.imports(engine), engine), _items(types.exports(engine), engine)


def _items(found: Mapping[str, Any], engine: wasmtime.Engine) -> list[Item]:
    return [_item(name, extern, engine) for name, extern in found.items()]


def _item(name: str, extern: Any, engine: wasmtime.Engine) -> Item:
    found = getattr(extern, "ty", extern)  # wasmtime 48 has the type itself
    if isinstance(found, component.FuncType):
        return Item(name, _func(found))
    if isinstance(found, component.ComponentInstanceType):
        functions = []
        for inner, each in found.exports(engine).items():
            kind = getattr(each, "ty", each)
            if isinstance(kind, component.FuncType):
                functions.append((inner, _func(kind)))
        return Item(name, functions=tuple(functions))
    return Item(name, other=_plain(found))


def _func(found: Any) -> Func:
    return Func(
        tuple((name, _type(each)) for name, each in found.params), "" if found.result is None else _type(found.result)
    )


def _plain(found: Any) -> str:
    """The name of a class of wasmtime, as a reader would say it."""
    return type(found).__name__.removesuffix("Type").removeprefix("Component").lower()


def _type(of: Any) -> str:
    name = type(of).__name__
    if name in _PRIMITIVE:
        return name.lower()
    if name == "ListType":
        return f"list<{_type(of.element)}>"
    if name == "OptionType":
        return f"option<{_type(of.payload)}>"
    if name == "ResultType":
        return _result(of)
    if name in ("RecordType", "TupleType", "EnumType", "FlagsType", "VariantType"):
        return f"{_plain(of)} {{ {', '.join(_members(of, name))} }}"
    return _plain(of)


def _result(of: Any) -> str:
    if of.err is None:
        return "result" if of.ok is None else f"result<{_type(of.ok)}>"
    return f"result<{'_' if of.ok is None else _type(of.ok)}, {_type(of.err)}>"


def _members(of: Any, name: str) -> Iterator[str]:
    if name == "RecordType":
        for field, each in of.fields:
            yield f"{field}: {_type(each)}"
    elif name == "TupleType":
        for each in of.elements:
            yield _type(each)
    elif name == "VariantType":
        for case, each in of.cases:
            yield case if each is None else f"{case}({_type(each)})"
    else:
        yield from of.names
