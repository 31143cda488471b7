"""Typed calls: a call names the very handler that answers it, so that type checkers see both ends."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Coroutine, Mapping, Sequence
from functools import lru_cache
from typing import (
    TYPE_CHECKING,
    Any,
    Concatenate,
    Final,
    Generic,
    NoReturn,
    ParamSpec,
    Protocol,
    TypeVar,
    Unpack,
    cast,
    get_args,
    get_type_hints,
)

import attrs

from ...errors import BadRequest, ParseError, did_you_mean
from ...universe.address.point import Point
from ...universe.routing.path_regex import PathRegex
from ...universe.selectors.selector import Selector
from ...universe.waves.arguments import named
from ...universe.waves.expected import expected
from ...universe.waves.origin import WaveOptions
from ...universe.waves.own_copy import IMMUTABLE
from ...universe.waves.wave import Body, Echo, Method, Outcome, Pong, Recipients
from .handlers import HandlerSpec, spec_of

__all__ = ["Answer", "At", "no_such_call"]

P = ParamSpec("P")
R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)
T = TypeVar("T")
_GROUP: Final = re.compile(r"\(\?P<(\w+)>(?:[^()\\]|\\.)*\)")
_ANY: Final = (".*", "/.*")
_LITERAL: Final = re.compile(r"[A-Za-z0-9_\-/.~]*")


class _Waves(Protocol):
    """What a typed call needs from a sender."""

    async def ping(
        self, to: Point | str, method: Method | str, body: Body = None, **options: Unpack[WaveOptions]
    ) -> Pong: ...

    async def signal(
        self, to: Point | str, method: Method | str, body: Body = None, **options: Unpack[WaveOptions]
    ) -> Pong: ...

    async def ripple(
        self,
        to: Recipients | str | Sequence[Point],
        method: Method | str,
        body: Body = None,
        *,
        count: int | None = None,
        **options: Unpack[WaveOptions],
    ) -> list[Echo]: ...


@attrs.frozen
class Answer(Generic[R_co]):
    """The answer of one of many particles; see :meth:`At.ask_all`.

    Attributes:
        point: the particle that was asked.
        status: a status as in HTTP.
        outcome: what is known about the handler.
    """

    point: Point
    status: int
    outcome: Outcome
    _pong: Pong = attrs.field(repr=False)

    @property
    def ok(self) -> bool:
        """Whether the status is 200 to 299."""
        return 200 <= self.status < 300

    @property
    def error(self) -> str:
        """What went wrong, as text; empty for a success."""
        return self._pong.error

    @property
    def value(self) -> R_co:
        """The return value of the handler. Raises the error that the status stands for when there is none."""
        return cast(R_co, self._pong.unwrap())


@attrs.frozen
class _Call:
    """How a handler is called remotely.

    Attributes:
        method: the method of the wave.
        path: the path of the wave; parts in braces stand for arguments.
        in_path: names of those arguments.
        names: names of all arguments, in order.
        wanted: type of the result; None when the body is returned as it is.
    """

    method: Method
    path: str
    in_path: tuple[str, ...]
    names: tuple[str, ...]
    wanted: Any
    regex: PathRegex


class At(Generic[T]):
    """One particle, or many, of a known class::

        hits = client.at("localhost:hits", Counter)
        total = await hits.ask(Counter.add, by=3)          # a type checker knows that it is an int
        await hits.tell(Counter.add, by=3)
        answers = await client.at("localhost:**<Counter>", Counter).ask_all(Counter.get)

    Made by :meth:`Sender.at`, which raises BadRequest when it is not given a class, or not given a particle.
    """

    __slots__ = ("_cls", "_options", "_point", "_sender", "_to")

    def __init__(
        self,
        sender: _Waves,
        to: Recipients | Point | str | Sequence[Point],
        cls: Callable[..., T],
        options: WaveOptions,
    ) -> None:
        if not isinstance(cls, type):
            said = f"{cls!r:.60}" if isinstance(cls, str) else named(cls)
            raise BadRequest(
                f"cls is {said}, not a class", hint="give the class with the handlers: client.at(point, Counter)"
            )
        if to is None or isinstance(to, int | float | bytes | Mapping):
            raise BadRequest(f"to is {named(to)}, not a point", hint="for example 'localhost:hits'")
        self._sender = sender
        self._to = to
        self._cls: Any = cls
        self._options = options
        self._point: Point | None = to if isinstance(to, Point) else None

    @property
    def point(self) -> Point:
        """The particle. Raises BadRequest when ``to`` names many particles, ParseError when it is not a point."""
        if self._point is None:
            if not isinstance(self._to, str):
                raise BadRequest("`to` names many particles", hint="ask_all asks them all")
            try:
                self._point = Point.parse(self._to)
            except ParseError as exc:
                if _is_selector(self._to):
                    raise BadRequest(f"{self._to!r} is a selector, not a point", hint="ask_all asks them all") from exc
                raise
        return self._point

    def __repr__(self) -> str:
        return f"{self._cls.__name__} at {self._to!s:.200}"

    if not TYPE_CHECKING:  # type checkers must report that there is no such attribute

        def __getattr__(self, name: str) -> NoReturn:
            raise no_such_call(self._cls, name)

    async def ask(
        self, method: Callable[Concatenate[T, Any, P], Coroutine[Any, Any, R]], /, *args: P.args, **kwargs: P.kwargs
    ) -> R:
        """Asks the particle, and returns what the handler returns.

        Args:
            method: the handler, as a function of the class: ``Counter.add``.
            *args, **kwargs: its arguments, without the ``ctx``.

        Raises:
            BadRequest: ``method`` is not a handler of the class, or an argument does not fit.
            ProtocolError: the answer is not of the type that the handler declares. The handler ran.
        """
        call = _call(self._cls, method)
        body: Any = kwargs
        options = self._options
        if args or call.path or not kwargs:
            body, options = _request(call, args, kwargs, options)
        else:
            for value in kwargs.values():
                if type(value) not in IMMUTABLE:
                    body = _plain(kwargs)
                    break
        pong = await self._sender.ping(self._point or self.point, call.method, body, **options)
        wanted = call.wanted
        if wanted is Pong:
            pong.unwrap()
            return cast(R, pong)
        if pong.ok and (wanted is None or type(pong.body) is wanted):
            return cast(R, pong.body)
        return cast(R, expected(pong, wanted).unwrap())

    async def tell(
        self,
        method: Callable[Concatenate[T, Any, P], Coroutine[Any, Any, object]],
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> None:
        """Sends a Signal to the particle, and returns when it was accepted. The return value of the handler is
        discarded.

        Args:
            method: the handler, as a function of the class.
            *args, **kwargs: its arguments, without the ``ctx``.

        Raises:
            BadRequest: ``method`` is not a handler of the class.
            HyperverseError: the Signal was refused.
        """
        call = _call(self._cls, method)
        body, options = _request(call, args, kwargs, _without(self._options, "wait", "retries"))
        (await self._sender.signal(self.point, call.method, body, **options)).unwrap()

    async def ask_all(
        self, method: Callable[Concatenate[T, Any, P], Coroutine[Any, Any, R]], /, *args: P.args, **kwargs: P.kwargs
    ) -> list[Answer[R]]:
        """Asks every particle that ``to`` names or matches, and returns their answers, in order of arrival.

        Args:
            method: the handler, as a function of the class.
            *args, **kwargs: its arguments, without the ``ctx``.

        Raises:
            BadRequest: ``method`` is not a handler of the class.
        """
        call = _call(self._cls, method)
        body, options = _request(call, args, kwargs, _without(self._options, "retries"))
        to = self._to
        echoes = await self._sender.ripple([to] if isinstance(to, Point) else to, call.method, body, **options)
        return [_answer(echo, call) for echo in echoes]


def _without(options: WaveOptions, *names: str) -> WaveOptions:
    """Returns the options without those that such a wave does not have."""
    return cast(WaveOptions, {name: value for name, value in options.items() if name not in names})


def no_such_call(cls: Any, name: str) -> AttributeError:
    """Returns the error for a caller that calls a handler as if the particle were local."""
    if any(name == each for each, _ in _handlers(cls)):
        return AttributeError(f"a remote particle has no attribute {name!r}: write ask({cls.__name__}.{name}, ...)")
    return AttributeError(f"a remote particle has no attribute {name!r}: it has ask, tell, ask_all and point")


def _answer(echo: Echo, call: _Call) -> Answer[Any]:
    if call.wanted is not None and call.wanted is not Pong:
        echo = cast(Echo, expected(echo, call.wanted))
    return Answer(echo.sender, echo.status, echo.outcome, echo)


def _is_selector(text: str) -> bool:
    try:
        Selector.parse(text)
    except ParseError:
        return False
    return True


@lru_cache(4096)
def _call(cls: type, method: Any) -> _Call:
    """Returns how the handler ``method`` of ``cls`` is called. Raises BadRequest."""
    spec = spec_of(method)
    name = getattr(method, "__name__", "")
    if spec is None or inspect.ismethod(method):
        raise BadRequest(_no_handler(cls, method), hint=_how(cls))
    if not any(vars(layer).get(name) is method for layer in cls.__mro__):
        raise BadRequest(f"{method.__qualname__} is not a handler of {cls.__name__}", hint=_how(cls))
    pattern = spec.selector.method
    if pattern.kind is None or pattern.name is None:
        raise BadRequest(
            f"{method.__qualname__} takes many methods, {spec.selector}",
            hint="use ask(point, method, body) of a client",
        )
    path, in_path = _path_of(method, spec)
    names = tuple(inspect.signature(method).parameters)[2:]
    for each in in_path:
        if each not in names:
            raise BadRequest(f"{method.__qualname__} has no argument {each!r}, which its path names")
    wanted = get_type_hints(method).get("return", Any)
    if wanted is Any or wanted is object or Pong in get_args(wanted) or not _is_convertible(wanted):
        wanted = None  # a handler that may return a Pong may put any body into it
    return _Call(Method.parse(str(pattern)), path, in_path, names, wanted, spec.selector.path)


def _is_convertible(wanted: Any) -> bool:
    """Returns whether bodies can be converted to the return type of a handler; otherwise they are returned as they
    are."""
    if wanted in IMMUTABLE or wanted is Pong:
        return True
    from cattrs import StructureHandlerNotFoundError

    from ...universe.waves.strict_conversion import converter  # most programs send plain values

    try:
        converter.get_structure_hook(wanted)
    except StructureHandlerNotFoundError:
        return False
    return True


def _no_handler(cls: type, method: Any) -> str:
    if isinstance(method, str):
        names = [name for name, _ in _handlers(cls)]
        near = "" if method in names else did_you_mean(method, names)
        return f"method is the text {method!r:.60}{near}"
    if inspect.ismethod(method):
        return f"method is bound to an object: {method.__qualname__}"
    return f"method is {getattr(method, '__qualname__', method)!r:.60}, which is not marked with @handler"


def _handlers(cls: type) -> list[tuple[str, HandlerSpec]]:
    found = {name: spec_of(value) for layer in reversed(cls.__mro__) for name, value in vars(layer).items()}
    return [(name, spec) for name, spec in found.items() if spec is not None]


def _how(cls: type) -> str:
    names = ", ".join(f"{cls.__name__}.{name}" for name, _ in _handlers(cls)[:8])
    return f"give a handler of the class: {names}" if names else f"{cls.__name__} has no method with @handler"


def _path_of(method: Any, spec: HandlerSpec) -> tuple[str, tuple[str, ...]]:
    """Returns the path of the waves, with ``{name}`` for each argument in it; empty when any path fits."""
    text = spec.selector.path.text
    if text in _ANY:
        return "", ()
    names = tuple(found[1] for found in _GROUP.finditer(text))
    plain = _GROUP.sub("", text).removesuffix("$").replace("\\.", ".")
    if not _LITERAL.fullmatch(plain):
        raise BadRequest(
            f"{method.__qualname__} takes the paths {text!r}, of which none can be made of its arguments",
            hint="use ask(point, method, body, path=...) of a client",
        )
    return _GROUP.sub(lambda found: f"{{{found[1]}}}", text).removesuffix("$").replace("\\.", "."), names


def _request(
    call: _Call, args: tuple[Any, ...], kwargs: dict[str, Any], options: WaveOptions
) -> tuple[Body, WaveOptions]:
    """Returns the body of the wave, and its options. Raises BadRequest."""
    if len(args) > len(call.names):
        raise BadRequest(f"{len(args)} arguments are too many", hint=f"it takes {', '.join(call.names) or 'none'}")
    given = dict(zip(call.names, args, strict=False))
    twice = given.keys() & kwargs.keys()
    if twice:
        raise BadRequest(f"the argument {min(twice)!r} is given twice")
    given.update(kwargs)
    if call.path:
        path = call.path
        for name in call.in_path:
            if name not in given:
                raise BadRequest(f"argument {name!r} is missing", hint="it is a part of the path")
            path = path.replace(f"{{{name}}}", str(given.pop(name)))
        if call.regex.captures(path) is None:
            raise BadRequest(f"the arguments make the path {path!r:.100}, which does not fit {call.regex.text!r}")
        options = {**options, "path": path}
    return (_plain(given) if given else None), options


def _plain(given: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the arguments in a form that a body can carry: Points as texts, attrs classes as maps."""
    if all(type(value) in IMMUTABLE for value in given.values()):
        return dict(given)
    from ...universe.waves.strict_conversion import converter  # most programs send plain values

    return {name: value if type(value) in IMMUTABLE else converter.unstructure(value) for name, value in given.items()}
