"""The imports and exports of a component in WIT, the type language of components. wasmtime reads the types."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import attrs
import wasmtime
from wasmtime import component

from .binary import skeleton_of
from .host.engine import set_concurrent

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
        resources: the types of values of an interface that are more than data, and under which name each of them was
            imported or exported first.
        other: what it is, if it is neither.
    """

    name: str
    func: Func | None = None
    functions: tuple[tuple[str, Func], ...] | None = None
    resources: tuple[tuple[str, str], ...] = ()
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
def _engine(*, concurrent: bool) -> wasmtime.Engine:
    config = wasmtime.Config()
    config.cranelift_opt_level = "none"  # code compiled here never runs
    set_concurrent(config, concurrent)
    return wasmtime.Engine(config)


def items_of(binary: bytes) -> tuple[list[Item], list[Item], bool]:
    """Returns the imports and exports of a component, and whether it has asynchronous functions. Raises WasmtimeError
    when anything but its code is invalid."""
    skeleton, concurrent = skeleton_of(binary), False
    try:
        compiled = component.Component(_engine(concurrent=False), skeleton)
    except wasmtime.WasmtimeError:
        concurrent = True
        compiled = component.Component(_engine(concurrent=True), skeleton)
    return (*items_of_compiled(compiled, _engine(concurrent=concurrent)), concurrent)


def items_of_compiled(compiled: component.Component, engine: wasmtime.Engine) -> tuple[list[Item], list[Item]]:
    """Returns the imports and exports of a component that is compiled already, which takes no time.

    Args:
        compiled: by that engine.
        engine: of wasmtime.
    """
    types = compiled.type
    return _items(types.imports(engine), engine), _items(types.exports(engine), engine)


def _items(found: Mapping[str, Any], engine: wasmtime.Engine) -> list[Item]:
    reader = _Reader(engine)
    return [reader.item(name, extern) for name, extern in found.items()]


class _Reader:
    """Reads types of wasmtime, in the order of the component: a resource keeps the first name that it is given.

    Args:
        engine: of wasmtime.
    """

    def __init__(self, engine: wasmtime.Engine) -> None:
        self._engine = engine
        self._resources: list[tuple[component.ResourceType, str]] = []

    def item(self, name: str, extern: Any) -> Item:
        """An import or export."""
        found = getattr(extern, "ty", extern)  # wasmtime 48 has the type itself
        if isinstance(found, component.FuncType):
            return Item(name, self._func(found))
        if not isinstance(found, component.ComponentInstanceType):
            return Item(name, other=_plain(found))
        inner = {each: getattr(kind, "ty", kind) for each, kind in found.exports(self._engine).items()}
        resources = tuple(
            (each, self._named(kind, each)) for each, kind in inner.items() if isinstance(kind, component.ResourceType)
        )
        functions = tuple(
            (each, self._func(kind)) for each, kind in inner.items() if isinstance(kind, component.FuncType)
        )
        return Item(name, functions=functions, resources=resources)

    def _named(self, resource: Any, name: str) -> str:
        for known, first in self._resources:
            if known == resource:
                return first
        self._resources.append((resource, name))
        return name

    def _func(self, found: Any) -> Func:
        return Func(
            tuple((name, self._type(each)) for name, each in found.params),
            "" if found.result is None else self._type(found.result),
        )

    def _type(self, of: Any) -> str:
        name = type(of).__name__
        if name in _PRIMITIVE:
            return name.lower()
        if name == "ListType":
            return f"list<{self._type(of.element)}>"
        if name == "OptionType":
            return f"option<{self._type(of.payload)}>"
        if name == "ResultType":
            return self._result(of)
        if name == "TupleType":
            return f"tuple<{', '.join(self._type(each) for each in of.elements)}>"
        if name in ("OwnType", "BorrowType"):
            return f"{_plain(of)}<{self._named(of.ty, 'resource')}>"
        if name in ("RecordType", "EnumType", "FlagsType", "VariantType"):
            return f"{_plain(of)} {{ {', '.join(self._members(of, name))} }}"
        return _plain(of)

    def _result(self, of: Any) -> str:
        if of.err is None:
            return "result" if of.ok is None else f"result<{self._type(of.ok)}>"
        return f"result<{'_' if of.ok is None else self._type(of.ok)}, {self._type(of.err)}>"

    def _members(self, of: Any, name: str) -> Iterator[str]:
        if name == "RecordType":
            for field, each in of.fields:
                yield f"{field}: {self._type(each)}"
        elif name == "VariantType":
            for case, each in of.cases:
                yield case if each is None else f"{case}({self._type(each)})"
        else:
            yield from of.names


def _plain(found: Any) -> str:
    """The name of a class of wasmtime, as a reader would say it."""
    return type(found).__name__.removesuffix("Type").removeprefix("Component").lower()
