"""Stubs: the handlers of a Kind as a class in a Python file, for programs that call it without its package."""

from __future__ import annotations

import collections.abc
import enum
import inspect
import types
from typing import Any, Final, Literal, Union, cast, get_args, get_origin, get_type_hints

import attrs

from ....contracts.driver import Particle
from ....contracts.driver.handlers import HandlerSpec
from ....errors import NotFound, did_you_mean
from ....universe.address.point import Point
from ....universe.kinds.kind import Kind
from ....universe.waves.wave import Pong
from ...particles.served import ServedKinds

__all__ = ["Stubs"]

_PLAIN: Final = frozenset({int, str, bool, float, bytes, list, dict, tuple, set, frozenset})
_OURS: Final = {Point: "Point", Kind: "Kind", Pong: "Pong"}
_ABSTRACT: Final = (collections.abc.Sequence, collections.abc.Mapping, collections.abc.Iterable)


class Stubs:
    """Writes stubs of the Kinds that this machine serves.

    Args:
        served: the Kinds of this machine.
    """

    def __init__(self, served: ServedKinds) -> None:
        self._served = served

    def text(self, name: str) -> str:
        """Returns the source of a Python file with a class for the Kind ``name``. Raises NotFound if this machine does
        not serve it."""
        served = self._served.get(name)
        if served is None:
            near = did_you_mean(name, self._served)
            raise NotFound(
                f"this machine serves no Kind {name!r}{near}", hint=f"known: {', '.join(sorted(self._served))}"
            )
        return _Stub(name, served.particle).text()


class _Stub:
    """One file under construction."""

    def __init__(self, name: str, cls: type[Particle]) -> None:
        self._name = name
        self._cls = cls
        self._values: dict[str, list[str]] = {}
        self._imports: dict[str, set[str]] = {"hyperverse_core": {"Ctx", "handler"}}

    def text(self) -> str:
        handlers = [line for name, spec in self._cls.handlers() for line in self._handler(name, spec)]
        values = [line for lines in self._values.values() for line in (*lines, "", "")]
        imports = ["import attrs", ""] if self._values else []
        for module, names in sorted(self._imports.items(), key=lambda entry: entry[0] == "hyperverse_core"):
            imports.append(f"from {module} import {', '.join(sorted(names))}")
        doc = (inspect.getdoc(self._cls) or "").partition("\n")[0] if "__doc__" in vars(self._cls) else ""
        head = (
            f'"""The handlers of the Kind {self._name}, for typed calls. Written by `hyperverse stubs {self._name}`."""'
        )
        body = [f'    """{_quoted(doc) or f"The handlers of {self._name}."}"""', *handlers]
        lines = [head, "", "from __future__ import annotations", "", *imports, "", "", *values]
        return "\n".join([*lines, f"class {self._name}:", *body]) + "\n"

    def _handler(self, name: str, spec: HandlerSpec) -> list[str]:
        method = getattr(self._cls, name)
        hints = get_type_hints(method)
        parameters = list(inspect.signature(method).parameters.values())[2:]
        said = ["self", "ctx: Ctx"]
        for parameter in parameters:
            if parameter.kind is parameter.KEYWORD_ONLY and "*" not in said:
                said.append("*")
            default = "" if parameter.default is parameter.empty else f" = {self._default(parameter.default)}"
            said.append(f"{parameter.name}: {self._type(hints.get(parameter.name, Any))}{default}")
        returned = self._type(hints.get("return", Any))
        doc = (inspect.getdoc(method) or "").partition("\n")[0]
        mark = f"{str(spec.selector)!r}{f', privilege={spec.privilege!r}' if spec.privilege else ''}"
        lines = ["", f"    @handler({mark})", f"    async def {name}({', '.join(said)}) -> {returned}:"]
        if doc:
            lines.append(f'        """{_quoted(doc)}"""')
        return [*lines, "        raise NotImplementedError"]

    @staticmethod
    def _default(value: Any) -> str:
        return repr(value) if type(value) in _PLAIN or value is None else "..."

    def _field_default(self, default: Any) -> str:
        if default is attrs.NOTHING:
            return ""
        factory = getattr(default, "factory", None)
        if factory in (list, dict, set):
            return f" = attrs.field(factory={factory.__name__})"
        return f" = {'None' if factory is not None else self._default(default)}"

    def _type(self, hint: Any) -> str:
        if hint is None or hint is type(None):
            return "None"
        if hint in _OURS:
            self._imports["hyperverse_core"].add(_OURS[hint])
            return _OURS[hint]
        if hint in _PLAIN:
            return str(hint.__name__)
        origin, args = get_origin(hint), get_args(hint)
        if origin in (Union, types.UnionType):
            return " | ".join(self._type(arg) for arg in args)
        if origin is Literal:
            self._imports.setdefault("typing", set()).add("Literal")
            return f"Literal[{', '.join(map(repr, args))}]"
        if origin in _PLAIN or origin in _ABSTRACT:
            if origin in _ABSTRACT:
                self._imports.setdefault("collections.abc", set()).add(origin.__name__)
            inner = ["..." if arg is Ellipsis else self._type(arg) for arg in args]
            return f"{origin.__name__}[{', '.join(inner)}]"
        if isinstance(hint, type) and (attrs.has(hint) or issubclass(hint, enum.Enum)):
            return self._value(hint)
        self._imports.setdefault("typing", set()).add("Any")
        return "Any"

    def _value(self, cls: type) -> str:
        """Adds a class whose instances travel as plain values, so the file also defines it."""
        name = cls.__name__
        if name in self._values:
            return name
        self._values[name] = []
        if issubclass(cls, enum.Enum):
            self._imports.setdefault("enum", set()).add("Enum")
            base = "str, Enum" if issubclass(cls, str) else "Enum"
            self._values[name] = [f"class {name}({base}):", *(f"    {e.name} = {e.value!r}" for e in cls)]
            return name
        hints = get_type_hints(cls)
        lines = ["@attrs.frozen", f"class {name}:"]
        fields: tuple[Any, ...] = attrs.fields(cast(Any, cls))
        for field in fields:
            lines.append(
                f"    {field.name}: {self._type(hints.get(field.name, Any))}{self._field_default(field.default)}"
            )
        self._values[name] = [*lines, *(["    pass"] if len(lines) == 2 else [])]
        self._values[name] = self._values.pop(name)  # after the classes that it uses
        return name


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"""', "'''").removesuffix('"')
