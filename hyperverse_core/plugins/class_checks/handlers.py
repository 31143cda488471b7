"""Checks the handlers of a particle class for mistakes."""

from __future__ import annotations

import inspect
import re
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from types import FunctionType
from typing import Any, Final, get_origin

from ...contracts.driver import Ctx, Driver, HandlerSpec, Particle, Sender
from ...universe.routing.route_selector import RouteSelector
from .annotations import annotations_of, unconvertible
from .mistake import DECLARED, Mistake

__all__ = ["handler_mistakes", "misplaced_handlers"]

_MARK: Final = "__hyperverse_handler__"
_BARE: Final = "__hyperverse_bare_handler__"
_TWICE: Final = "__hyperverse_handler_before__"
_LITERAL: Final = re.compile(r"[\w/-]+")
_SELF_AND_CTX: Final = 2
_WAITS: Final = (Awaitable, Coroutine)


def handler_mistakes(cls: type[Particle]) -> Iterator[Mistake]:
    """Yields the mistakes in the handlers of a class and of its bases."""
    fields = frozenset(field.name for field in getattr(cls, "__attrs_attrs__", ()))
    for layer in cls.__mro__:
        if layer is Particle or layer is object:
            continue
        body = vars(layer)
        handlers: list[tuple[str, Callable[..., Any], HandlerSpec]] = []
        for name, value in body.items():
            if name.startswith("__"):
                continue
            function = value.__func__ if isinstance(value, staticmethod | classmethod) else value
            if hasattr(function, _BARE):
                yield Mistake(
                    layer,
                    f"handler {name!r} is marked `@handler` without parentheses",
                    f'write `@handler("Ext<{_camel(name)}>")`',
                    _line(value),
                    name,
                )
            spec = getattr(function, _MARK, None)
            if hasattr(function, _TWICE):
                said = f"handler {name!r} is marked twice, so {getattr(function, _TWICE)} is never handled"
                yield Mistake(layer, said, "write one method for each of them", _line(value), name)
            if isinstance(spec, HandlerSpec):
                handlers.append((name, value, spec))
                yield from _one(layer, name, value)
        yield from _gone(layer, [it for it in body.get(DECLARED, ()) if it[0] not in fields])
        yield from _hidden(layer, handlers)


def misplaced_handlers(driver: type) -> Iterator[Mistake]:
    """Yields a mistake for each handler in a driver, because a driver receives no waves."""
    for layer in driver.__mro__:
        if layer is Driver or layer is object:
            continue
        for name, value in vars(layer).items():
            if name.startswith("__"):
                continue
            function = value.__func__ if isinstance(value, staticmethod | classmethod) else value
            if inspect.isroutine(function) and (hasattr(function, _MARK) or hasattr(function, _BARE)):
                said = f"handler {name!r} is never called: it is in the driver, which receives no waves"
                yield Mistake(layer, said, "write it in the class of the particle", _line(value), name)


def _one(layer: type, name: str, value: Any) -> Iterator[Mistake]:
    line = _line(value)
    if isinstance(value, staticmethod | classmethod):
        kind = type(value).__name__
        yield Mistake(layer, f"handler {name!r} is a {kind}", f"remove `@{kind}`: a particle handles it", line, name)
        return
    if callable(getattr(Particle, name, None)):
        said = f"handler {name!r} has the name of an attribute of every Particle, and would be called in its place"
        yield Mistake(layer, said, "give it another name", line, name)
    function = inspect.unwrap(value)
    code = getattr(function, "__code__", None)
    if code is None:
        yield Mistake(layer, f"handler {name!r} is {value!r}", f"write `async def {name}(self, ctx)`", line, name)
        return
    wrong = _not_awaitable(value, function)
    if wrong:
        yield Mistake(layer, f"handler {name!r} {wrong}", f"write `async def {name}` and return one value", line, name)
    yield from _arguments(layer, name, function, line)


def _not_awaitable(value: Any, function: Any) -> str:
    if function.__code__.co_flags & inspect.CO_COROUTINE:
        return ""
    if inspect.isasyncgenfunction(function) or inspect.isgeneratorfunction(function):
        return "has `yield`, but a wave has one answer"
    if inspect.iscoroutinefunction(value):  # it is marked as a coroutine function
        return ""
    try:
        returned = annotations_of(function).get("return")
    except Exception:  # the checks of the arguments report it
        returned = None
    origin = get_origin(returned) or returned
    if isinstance(origin, type) and issubclass(origin, _WAITS):
        return ""  # its annotation declares an awaitable result
    return "is `def` and cannot be awaited"


def _arguments(layer: type, name: str, function: Any, line: int) -> Iterator[Mistake]:
    code = function.__code__
    try:
        hints = annotations_of(function)
    except NameError as exc:
        missing = exc.name or str(exc)
        cure = f"import {missing!r} outside of `if TYPE_CHECKING:`, or correct its name"
        yield Mistake(
            layer, f"an annotation of handler {name!r} names {missing!r}, which is not defined", cure, line, name
        )
        return
    except Exception as exc:
        said = f"an annotation of handler {name!r} cannot be read ({type(exc).__name__}: {exc})"
        yield Mistake(layer, said, "annotate with types", line, name)
        return
    positional = code.co_varnames[: code.co_argcount]
    takes_all = _takes_all(code)
    if takes_all:
        cure = "name each argument, or take one of type dict"
        yield Mistake(layer, f"handler {name!r} takes `{takes_all}`, to which no body can be passed", cure, line, name)
    if code.co_posonlyargcount > _SELF_AND_CTX:
        only = positional[_SELF_AND_CTX]
        cure = "remove the `/`: arguments are passed by name"
        yield Mistake(layer, f"argument {only!r} of handler {name!r} can only be passed by position", cure, line, name)
    if len(positional) < _SELF_AND_CTX or not _is_ctx(positional[1], hints):
        if not takes_all or len(positional) > 1:
            cure = f"write `async def {name}(self, ctx: Ctx{', ...' if len(positional) > 1 else ''})`"
            yield Mistake(layer, f"handler {name!r} has no `ctx`", cure, line, name)
        return
    keyword = code.co_varnames[code.co_argcount : code.co_argcount + code.co_kwonlyargcount]
    for argument in (*positional[_SELF_AND_CTX:], *keyword):
        part = unconvertible(hints[argument]) if argument in hints else ""
        if part:
            said = f"argument {argument!r} of handler {name!r} is a {part}, to which no body can be converted"
            yield Mistake(layer, said, "annotate a plain type, an attrs class, or `Any`", line, name)
    for default in (*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values()):
        if isinstance(default, list | dict | set | bytearray):
            said = f"handler {name!r} has the default {default!r}, which all calls would share"
            yield Mistake(layer, said, "write `None`, and create a new one inside", line, name)


def _takes_all(code: Any) -> str:
    """Returns the argument that takes all others, such as ``*args``; empty if there is none."""
    behind = code.co_argcount + code.co_kwonlyargcount
    if code.co_flags & inspect.CO_VARARGS:
        return f"*{code.co_varnames[behind]}"
    return f"**{code.co_varnames[behind]}" if code.co_flags & inspect.CO_VARKEYWORDS else ""


def _is_ctx(name: str, hints: Any) -> bool:
    """Returns whether the argument after ``self`` is meant to be the context, according to its annotation or else its
    name."""
    if name not in hints:
        return name.startswith("_") or "ctx" in name or "context" in name
    hint = hints[name]
    if hint is Ctx or hint is Any or hint is object:
        return True
    return isinstance(hint, type) and (issubclass(hint, Sender) or issubclass(Ctx, hint))


def _gone(layer: type, declared: Any) -> Iterator[Mistake]:
    """Yields a mistake for each handler that a later line of the class body has replaced."""
    for name, line in declared:
        now = vars(layer).get(name)
        now = now.__func__ if isinstance(now, staticmethod | classmethod) else now
        spec_line = _line(now) if hasattr(now, _MARK) else -1
        if spec_line != line:
            if hasattr(now, _MARK):
                said, cure = "another handler of that name follows", "give each of them a unique name"
            else:
                said = "a later line, or a decorator above `@handler`, replaces it"
                cure = "give it a unique name, and write `@handler` above other decorators"
            yield Mistake(layer, f"handler {name!r} is never called: {said}", cure, line, name)


def _hidden(layer: type, handlers: list[tuple[str, Callable[..., Any], HandlerSpec]]) -> Iterator[Mistake]:
    for index, (name, value, spec) in enumerate(handlers):
        for earlier, _, before in handlers[:index]:
            if _covers(before.selector, spec.selector):
                said = f"handler {name!r} is never called: {earlier!r} takes every wave of {spec.selector}"
                cure = f"write it above {earlier!r}, or give it another method"
                yield Mistake(layer, said, cure, _line(value), name)
                break


def _covers(one: RouteSelector, other: RouteSelector) -> bool:
    """Returns whether ``one`` is known to match every wave that ``other`` matches."""
    wide, narrow = one.method, other.method
    if wide.kind not in (None, narrow.kind) or wide.name not in (None, narrow.name):
        return False
    if one.topic not in (None, other.topic) or (one.filters and one.filters != other.filters):
        return False
    if one.path.text in ("/.*", other.path.text):
        return True
    return _LITERAL.fullmatch(one.path.text) is not None and other.path.prefix.startswith(one.path.text)


def _line(value: Any) -> int:
    """Returns the line where a function starts; 0 if the value is not a function."""
    if value.__class__ is FunctionType and "__wrapped__" not in value.__dict__:
        return int(value.__code__.co_firstlineno)
    function = inspect.unwrap(getattr(value, "__func__", value))
    code = getattr(function, "__code__", None)
    return code.co_firstlineno if code is not None else 0


def _camel(name: str) -> str:
    return "".join(word.capitalize() for word in name.split("_")) or "Name"
