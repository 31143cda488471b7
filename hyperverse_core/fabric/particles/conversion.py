"""Converts bodies to arguments and results to bodies, by the handler's annotations.

The strict converter of ``universe.waves.strict_conversion`` does the work. The common case, plain values for plain
annotations, is decided by a type comparison before the converter is called.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Awaitable, Callable, Mapping
from types import FunctionType
from typing import Any, Final, get_type_hints

import attrs
import cattrs

from ...errors import BadRequest, HandlerFailed, described, did_you_mean
from ...universe.waves.strict_conversion import converter

__all__ = ["Arguments", "to_body"]

_PLAIN = frozenset({int, str, bool, float, bytes, type(None)})
_THIRD: Final = 2
_CALL_LIKE: Final = re.compile(r"\(?(?:--)?\s*(?:([a-z_][a-z0-9_]{0,40})\s*=)?\s*([^\s=(){}\"]{1,40})\s*\)?")
_JSON_LIKE: Final = re.compile(r"-?[0-9]+(?:\.[0-9]+)?|true|false|null")


@attrs.frozen
class _Parameter:
    name: str
    type: Any
    plain: type | None
    required: bool


class Arguments:
    """The compiled parameters of one handler.

    Attributes:
        only_body: the parameter, if there is exactly one.
        plain: the type of a body that is the one argument unchanged; None if there is none. :meth:`bind` passes such a
            body on unchanged.
        direct: the same, if the function also accepts it by position. A wave with such a body needs no map of
            arguments, which saves 0.2 us: the map, the call of :meth:`bind`, and half of the handler's call.
    """

    __slots__ = ("_by_name", "_name", "_params", "direct", "only_body", "plain")

    def __init__(self, function: Callable[..., Awaitable[Any]]) -> None:
        signature = inspect.signature(function)
        hints = get_type_hints(function)
        params = list(signature.parameters.values())[2:]  # self, ctx
        for param in params:
            if param.kind in (param.VAR_POSITIONAL, param.VAR_KEYWORD):
                raise BadRequest(
                    f"handler {function.__qualname__}: {param} cannot be converted",
                    hint="name each argument, or take one of type dict",
                )
        self._params = tuple(
            _Parameter(
                p.name,
                hints.get(p.name, Any),
                hints.get(p.name) if hints.get(p.name) in _PLAIN else None,
                p.default is p.empty,
            )
            for p in params
        )
        self._by_name = {p.name: p for p in self._params}
        one = self._params[0] if len(self._params) == 1 else None
        self.only_body = one
        self.plain = one.plain if one is not None and one.plain is not type(None) else None
        self._name = one.name if one is not None else ""
        self.direct = self.plain if _takes_third(function, self._name) else None

    def bind(self, body: Any, captures: Mapping[str, str] | None = None) -> dict[str, Any]:
        """Returns the keyword arguments for ``body``. Raises BadRequest, which lists every fault."""
        if type(body) is self.plain and not captures:
            return {self._name: body}
        if type(body) is dict and (
            self.only_body is None or self.only_body.plain is not None or (len(body) == 1 and self._name in body)
        ):
            given = body if not captures else {**captures, **body}
        elif body is None:
            given = dict(captures) if captures else {}
        elif self.only_body is not None and not captures:
            given = {self.only_body.name: body}
        elif captures and len(rest := [p for p in self._params if p.name not in captures]) == 1:
            given = {**captures, rest[0].name: body}
        else:
            raise BadRequest(
                f"a body of type {type(body).__name__} does not fit", hint=f"send a map with {self._names()}"
            )
        arguments = {}
        for name, value in given.items():
            param = self._by_name.get(name)
            if param is None:
                return self._explain(given, captures)
            if type(value) is param.plain:
                arguments[name] = value
                continue
            try:
                arguments[name] = self._convert(param, value, captures)
            except BaseException:  # a plugin's types may raise anything; the caller reports the fault
                return self._explain(given, captures)
        if len(arguments) < len(self._params):
            for param in self._params:
                if param.required and param.name not in arguments:
                    return self._explain(given, captures)
        return arguments

    @staticmethod
    def _convert(param: _Parameter, value: Any, captures: Mapping[str, str] | None) -> Any:
        if captures and param.name in captures and param.plain in (int, float) and type(value) is str:
            return param.plain(value)  # a path has only text
        return value if param.type is Any else converter.structure(value, param.type)

    def _explain(self, given: Mapping[str, Any], captures: Mapping[str, str] | None) -> dict[str, Any]:
        faults = []
        for name, value in given.items():
            param = self._by_name.get(name)
            if type(name) is not str:
                faults.append(f"{name!r} is not the name of an argument: names are strings, not {type(name).__name__}")
                continue
            if param is None:
                if captures and name in captures:
                    continue
                faults.append(f"unknown argument {name!r}{did_you_mean(name, self._by_name)}")
                continue
            try:
                self._convert(param, value, captures)
            except cattrs.BaseValidationError as exc:
                faults += [f"{name}: {text}" for text in _said(exc)]
            except (TypeError, ValueError, BadRequest) as exc:
                faults.append(f"{name}: {exc}")
            except Exception as exc:
                faults.append(f"{name}: {described(exc)}")
            except BaseException as exc:
                raise HandlerFailed(f"the argument {name!r} could not be converted: {described(exc)}") from exc
        faults += [f"argument {p.name!r} is missing" for p in self._params if p.required and p.name not in given]
        if not faults:  # only captures that the handler has no arguments for
            return {
                name: self._convert(self._by_name[name], value, captures)
                for name, value in given.items()
                if name in self._by_name
            }
        raise BadRequest(
            "the body does not fit: " + "; ".join(faults), hint=f"it takes {self._names()}{_as_json(given)}"
        )

    def _names(self) -> str:
        if not self._params:
            return "no arguments"
        return ", ".join(
            f"{p.name}: {getattr(p.type, '__name__', p.type)}{'' if p.required else ' (optional)'}"
            for p in self._params
        )


def _said(error: cattrs.BaseValidationError) -> list[str]:
    try:
        return cattrs.transform_error(error)
    except Exception:  # the text of an exception cannot be made
        return [described(error)]


def to_body(value: Any) -> Any:
    """Returns a handler's result as plain values. Raises HandlerFailed if that is impossible."""
    if type(value) in _PLAIN:
        return value
    try:
        return _copied(
            value
        )  # takes a third of the converter's time, which matters because a body may have a hundred thousand rows
    except _NotPlain:
        pass
    try:
        return _plain(converter.unstructure(value))
    except (TypeError, cattrs.BaseValidationError) as exc:
        raise HandlerFailed(f"the handler returned {type(value).__name__}, which cannot be a body: {exc}") from exc


def _takes_third(function: Callable[..., Awaitable[Any]], name: str) -> bool:
    """Whether the third positional argument, after the particle and its ctx, is the argument ``name``. The signature
    alone is not enough, because a decorator may have given the handler another function's signature."""
    if not isinstance(function, FunctionType):
        return False
    code = function.__code__
    return code.co_argcount > _THIRD and code.co_varnames[_THIRD] == name


class _NotPlain(Exception):
    """A value contains something that needs the converter."""


def _copied(value: Any) -> Any:
    """Copies a value that is plain throughout. Raises _NotPlain."""
    kind = type(value)
    if kind is dict:
        for key in value:
            if type(key) is not str:
                raise _NotPlain
        return {k: v if type(v) in _PLAIN else _copied(v) for k, v in value.items()}
    if kind is list or kind is tuple:
        return [v if type(v) in _PLAIN else _copied(v) for v in value]
    raise _NotPlain


def _plain(value: Any) -> Any:
    kind = type(value)
    if kind in _PLAIN:
        return value
    if kind is dict:
        return {k if type(k) is str else str(k): v if type(v) in _PLAIN else _plain(v) for k, v in value.items()}
    if kind in (list, tuple, set, frozenset):
        return [v if type(v) in _PLAIN else _plain(v) for v in value]
    if isinstance(value, str):
        return str(value)  # a StrEnum
    raise TypeError(f"{kind.__name__} is neither plain nor an attrs class")


def _as_json(given: Mapping[str, Any]) -> str:
    """Returns the JSON form of a body written like a call or an assignment in another language; empty for any other
    body."""
    (only, *more) = given.values() or ("",)
    found = _CALL_LIKE.fullmatch(only) if type(only) is str and not more else None
    if found is None or not (found[1] or only.startswith(("(", "--"))):
        return ""
    value = found[2] if _JSON_LIKE.fullmatch(found[2]) else f'"{found[2]}"'
    return f'; a body is JSON: {{"{found[1]}": {value}}}' if found[1] else f"; a body is JSON: {value}"
