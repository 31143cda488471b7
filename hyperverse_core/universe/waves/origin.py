"""Senders of waves: the only module that makes a Ping, a Signal or a Ripple from a sender's arguments."""

from __future__ import annotations

import itertools
import math
import secrets
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, TypedDict, TypeVar

from ...errors import BadRequest, Forbidden, did_you_mean
from ..access.scope import Scope
from ..address.point import Point, seen_points
from .arguments import to_handling, to_headers, to_method, to_point, to_text
from .method import known_methods
from .wave import (
    DEFAULT_HANDLING,
    Body,
    Directed,
    Handling,
    Method,
    MethodKind,
    Outcome,
    Ping,
    Pong,
    Signal,
)

__all__ = ["Ids", "Origin", "UnguessableIds", "WaveOptions", "timed_out"]

W = TypeVar("W", bound=Directed)
_HYP: Final = MethodKind.HYP
_TRACE: Final = ("traceparent", "tracestate", "baggage")
"""Headers of W3C trace context: they travel with the waves that a handler sends."""
_PINGS_ONLY: Final = {"Signal": ("wait", "retries"), "Ripple": ("retries",)}
_KEPT: Final = 256
_ID_BYTES: Final = 12
_DRAWN: Final = 64
_LARGE: Final = 1 << (8 * _ID_BYTES - 1)  # so that all have the same number of digits
_handlings: dict[tuple[float, int, int], Handling] = {}


class UnknownOption(BadRequest, TypeError):
    """An option that waves do not have. Like any unknown keyword argument in Python, it is also a TypeError."""


class WaveOptions(TypedDict, total=False):
    """How a wave is sent. Every method that sends waves takes these as keyword arguments.

    Keys:
        path: path for ``Http`` methods and binds; ``/`` by default.
        headers: a map from string to string.
        wait: seconds to wait for the answer; 15 by default, and never more than what remains of the wave that is being
            handled.
        retries: how often a Ping is sent again after 408, 421 or 503; 0 by default.
        priority: 0 (first) to 4 (last) where waves wait; 3 by default.
        topic: the session that the wave belongs to; none by default.
    """

    path: str
    headers: Mapping[str, str] | None
    wait: float | None
    retries: int
    priority: int
    topic: str


_OPTIONS: Final = WaveOptions.__annotations__.keys()


class Ids:
    """Ids of waves: a prefix for this life of the machine, and a number.

    Args:
        prefix: prefix that nobody else uses.
    """

    __slots__ = ("numbers", "prefix")

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix
        self.numbers: Iterator[int] = itertools.count(1)

    def new(self) -> str:
        """Returns an id that was not used before."""
        return f"{self.prefix}{next(self.numbers):x}"


def _drawn() -> Iterator[int]:
    """Yields an endless series of unpredictable numbers."""
    while True:
        drawn = secrets.token_bytes(_ID_BYTES * _DRAWN)  # many at once, because each draw calls the system
        for at in range(0, len(drawn), _ID_BYTES):
            yield int.from_bytes(drawn[at : at + _ID_BYTES]) | _LARGE


class UnguessableIds(Ids):
    """Ids of waves that cannot be guessed from another id. They are for clients: otherwise other clients could choose
    the same ids, because counting restarts with each connection.

    Args:
        prefix: prefix of the ids.
    """

    __slots__ = ()

    def __init__(self, prefix: str) -> None:
        super().__init__(prefix)
        self.numbers = _drawn()


class Origin:
    """A sender: everything that it sends carries its address and rights.

    Args:
        sender: point that its waves come from.
        agent: agent on whose behalf they are sent.
        scope: limits on what they may do; None for no limits.
        star: text of the star that they start at.
        ids: source of their ids.
        time: clock of the event loop, in seconds.
        between_stars: whether it may send ``Hyp`` methods.
    """

    __slots__ = ("agent", "between_stars", "ids", "scope", "sender", "star", "time")

    def __init__(
        self,
        sender: Point,
        agent: Point,
        star: str,
        ids: Ids,
        time: Callable[[], float],
        *,
        scope: Scope | None = None,
        between_stars: bool = False,
    ) -> None:
        self.sender = sender
        self.agent = agent
        self.scope = scope
        self.star = star
        self.ids = ids
        self.time = time
        self.between_stars = between_stars

    def wave(
        self,
        kind: type[W],
        to: Point | str,
        method: Method | str,
        body: Body,
        options: WaveOptions,
        within: Directed | None = None,
        chain: tuple[str, ...] = (),
        wave_id: str = "",
    ) -> W:
        """Makes a wave of this sender.

        Args:
            kind: Ping, Signal or Ripple.
            within: the wave that is being handled. The new one ends with it, and carries its trace context.
            chain: points whose handlers wait for the new wave.
            wave_id: its id, if the sender has chosen one.

        Raises ParseError for an invalid point or method, Forbidden for ``Hyp`` methods, BadRequest for options with
        invalid values, and UnknownOption, which is also a TypeError, for unknown ones.
        """
        # Parsed texts are looked up in the same way as in `parse`, without the call: this saves 0.1 us for each wave.
        if type(to) is not Point:
            to = seen_points.get(to) or Point.parse(to) if type(to) is str else to_point(to)
        if type(method) is not Method:
            method = known_methods.get(method) or Method.parse(method) if type(method) is str else to_method(method)
        if method.kind is _HYP and not self.between_stars:
            raise Forbidden(f"only stars may send {method}")
        # The common case, no options, costs a test of an empty map, but no Handling and no look-up.
        if options:
            path, headers, handling, topic = _chosen(kind, options)
        else:
            path, headers, handling, topic = "/", None, DEFAULT_HANDLING, ""
        deadline = math.inf if kind is Signal else self.time() + handling.wait
        if within is not None:
            if within.headers is not None:
                headers = _traced(headers, within.headers)
            if within.deadline < deadline and kind is not Signal:
                deadline = within.deadline
        ids = self.ids
        return kind(
            to,
            method,
            body,
            path,
            headers,
            self.sender,
            self.agent,
            self.scope,
            handling,
            deadline,
            chain,
            0,
            wave_id or f"{ids.prefix}{next(ids.numbers):x}",  # same as `ids.new()`, without the call
            topic,
            self.star,
        )


def _chosen(kind: type[Directed], options: WaveOptions) -> tuple[str, Mapping[str, str] | None, Handling, str]:
    if not options.keys() <= _OPTIONS:
        raise _unknown_option(next(name for name in options if name not in _OPTIONS))
    if kind is not Ping:
        for name in _PINGS_ONLY[kind.__name__]:
            if name in options:
                raise UnknownOption(f"a {kind.__name__} has no option {name!r}", hint="only Pings have it")
    handling = _handling(options.get("wait"), options.get("retries", 0), options.get("priority", 3))
    path, headers, topic = options.get("path", "/"), options.get("headers"), options.get("topic", "")
    if type(path) is not str:
        path = to_text("path", path)
    if type(topic) is not str:
        topic = to_text("topic", topic)
    return path, None if headers is None else to_headers(headers), handling, topic


def _unknown_option(name: str) -> UnknownOption:
    near = did_you_mean(name, list(WaveOptions.__annotations__))
    return UnknownOption(
        f"a wave has no option {name!r}{near}",
        hint=f"the options are {', '.join(WaveOptions.__annotations__)}; "
        f"arguments of the handler are the body: {{{name!r}: ...}}",
    )


def _handling(wait: float | None, retries: int, priority: int) -> Handling:
    """Returns the Handling for these values; equal values return the same object. Raises BadRequest."""
    if wait is None:
        if retries == 0 and priority == 3:
            return DEFAULT_HANDLING
        wait = DEFAULT_HANDLING.wait
    try:
        known = _handlings.get((wait, retries, priority))
    except TypeError:  # a list cannot be looked up, and is not a number
        known = None
    if known is None:
        known = to_handling(wait, retries, priority)
        if len(_handlings) < _KEPT:
            _handlings[wait, retries, priority] = known
    return known


def _traced(headers: Mapping[str, str] | None, within: Mapping[str, str]) -> Mapping[str, str] | None:
    """Returns ``headers`` with the trace context of the wave that is being handled; the sender's own headers win."""
    carried = {name: within[name] for name in _TRACE if name in within}
    if not carried:
        return headers
    return carried if headers is None else {**carried, **headers}


def timed_out(wave: Directed, wait: float) -> Pong:
    """Returns the reply to a wave that was not answered within ``wait`` seconds."""
    body: dict[str, Any] = {"error": f"{wave.to.text!r} did not answer {wave.method} after {wait:g} s"}
    return Pong(408, body, wave.to, Outcome.UNKNOWN, wave.id)
