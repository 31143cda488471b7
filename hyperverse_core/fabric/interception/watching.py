"""What watches the two ends of a wave while somebody listens.

Each end begins with a look at who wants the wave. Those who do are told how it has ended, and get back what they have
returned when it began. Where nobody wants it, nothing is kept, and its end costs nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from time import perf_counter
from typing import Any, NamedTuple, Protocol, TypeAlias

from ...contracts.wave_end import UNWANTED, WaveEnd
from ...scheduling.guarded_log import guarded_log
from ...universe.waves.wave import Directed, Pong

__all__ = [
    "HandlerListener",
    "HandlerWatch",
    "SenderListener",
    "SenderWatch",
    "Watched",
    "WatchesHandlers",
    "WatchesSenders",
    "failed",
]

_log = guarded_log("hyperverse.observer")
_Method: TypeAlias = "Callable[..., Any] | None"
Watched: TypeAlias = Any
"""What watches an end keeps from its beginning on: opaque to all others. None when nobody wants the wave."""


class WatchesSenders(Protocol):
    """Watches the senders' ends of waves."""

    def begin(self, wave: Directed) -> Watched:
        """A wave begins; it may get headers here. Returns None when nobody wants to know more of it."""

    def sent(self, wave: Directed, star: str, watched: Watched) -> None:
        """It is handed to a star."""

    def end(self, wave: Directed, reply: Pong, watched: Watched, answered: bool) -> None:
        """It has ended with ``reply``; ``answered`` when that is what its sender gets."""


class WatchesHandlers(Protocol):
    """Watches the handlers of a machine."""

    def begin(self, wave: Directed, since: float) -> Watched:
        """A handler begins. ``since`` is when the wave began to wait for it by ``perf_counter``, 0.0 when it has not
        waited. Returns None when nobody wants to know of its end."""

    def end(self, wave: Directed, reply: Pong | None, watched: Watched) -> None:
        """It has ended; ``reply`` is None for a Signal that has succeeded."""


class SenderListener(NamedTuple):
    """What one observer overrides of the sender's end."""

    begins: _Method
    sent: _Method
    ends: _Method


class HandlerListener(NamedTuple):
    """What one observer overrides of the handler's end."""

    begins: _Method
    ends: _Method


# What is kept of a wave on its way is a plain tuple, for one is made for each wave that somebody wants.
_Sent: TypeAlias = tuple[float, tuple[tuple[SenderListener, Any], ...], Watched]
"""When it began, what each of those who want it gets back, and what the counter keeps."""
_Handled: TypeAlias = tuple[float, float, tuple[tuple[Callable[..., Any], Any], ...], Watched]
"""The same, with how long it has waited before."""


class SenderWatch:
    """Tells observers of the senders' ends.

    Args:
        listeners: what they override.
        marks: those of the old name ``wave_begun``, which return headers.
        answers: those of the old name ``wave_answered``.
        counter: what else watches.
    """

    __slots__ = ("_always", "_answers", "_asked", "_counter", "_marks")

    def __init__(
        self,
        listeners: Sequence[SenderListener],
        marks: Sequence[Callable[..., Any]],
        answers: Sequence[Callable[..., Any]],
        counter: WatchesSenders | None,
    ) -> None:
        self._always = tuple((listener, None) for listener in listeners if listener.begins is None)
        self._asked = tuple((listener, listener.begins) for listener in listeners if listener.begins is not None)
        self._marks = tuple(marks)
        self._answers = tuple(answers)
        self._counter = counter

    def begin(self, wave: Directed) -> Watched:
        """See the protocol."""
        at = perf_counter()
        headers: dict[str, str] = {}
        wanted: tuple[tuple[SenderListener, Any], ...] = self._always
        for listener, begins in self._asked:
            try:
                token = begins(wave, headers)
            except BaseException as exc:
                failed(begins, exc)
                token = None
            if token is not UNWANTED:
                wanted = (*wanted, (listener, token))
        if self._marks:
            self._mark(wave, headers)
        if headers:
            wave.headers = {**(wave.headers or {}), **headers}
        counted = None if self._counter is None else self._counter.begin(wave)
        if not wanted and counted is None and not self._answers:
            return None
        return at, wanted, counted

    def _mark(self, wave: Directed, headers: dict[str, str]) -> None:
        for mark in self._marks:
            try:
                headers.update(mark(wave) or {})
            except BaseException as exc:
                failed(mark, exc)

    def sent(self, wave: Directed, star: str, watched: _Sent) -> None:
        """See the protocol."""
        for listener, _ in watched[1]:
            if listener.sent is not None:
                _tell(listener.sent, wave, star)

    def end(self, wave: Directed, reply: Pong, watched: _Sent, answered: bool) -> None:
        """See the protocol."""
        at, wanted, counted = watched
        seconds = perf_counter() - at
        if wanted:
            end = WaveEnd.of(reply, seconds, at_sender=True)
            for listener, token in wanted:
                if listener.ends is not None:
                    _tell(listener.ends, wave, end, token)
        if answered:
            for answer in self._answers:
                _tell(answer, wave, reply, seconds)
        if counted is not None and self._counter is not None:
            self._counter.end(wave, reply, counted, answered)


class HandlerWatch:
    """Tells observers of handlers.

    Args:
        listeners: what they override.
        delivered: those of the old name ``wave_delivered``.
        counter: what else watches.
    """

    __slots__ = ("_always", "_asked", "_counter", "_delivered")

    def __init__(
        self,
        listeners: Sequence[HandlerListener],
        delivered: Sequence[Callable[..., Any]],
        counter: WatchesHandlers | None,
    ) -> None:
        self._always = tuple((ends, None) for begins, ends in listeners if begins is None and ends is not None)
        self._asked = tuple((begins, ends) for begins, ends in listeners if begins is not None)
        self._delivered = tuple(delivered)
        self._counter = counter

    def begin(self, wave: Directed, since: float) -> Watched:
        """See the protocol."""
        now = perf_counter()
        waited = now - since if since else 0.0
        wanted: tuple[tuple[Callable[..., Any], Any], ...] = self._always
        for begins, ends in self._asked:
            try:
                token = begins(wave, waited)
            except BaseException as exc:
                failed(begins, exc)
                token = None
            if token is not UNWANTED and ends is not None:
                wanted = (*wanted, (ends, token))
        counted = None if self._counter is None else self._counter.begin(wave, since)
        if not wanted and counted is None and not self._delivered:
            return None
        return now, waited, wanted, counted

    def end(self, wave: Directed, reply: Pong | None, watched: _Handled) -> None:
        """See the protocol."""
        at, waited, wanted, counted = watched
        seconds = perf_counter() - at
        if wanted:
            end = WaveEnd.of(reply, seconds, waited=waited)
            for ends, token in wanted:
                try:  # as `_tell` does, without the call
                    ends(wave, end, token)
                except BaseException as exc:
                    failed(ends, exc)
        for delivered in self._delivered:
            _tell(delivered, wave, reply, seconds)
        if counted is not None and self._counter is not None:
            self._counter.end(wave, reply, counted)


def _tell(listener: Callable[..., Any], *args: Any) -> None:
    try:
        listener(*args)
    except BaseException as exc:
        failed(listener, exc)


def failed(listener: Callable[..., Any], error: BaseException) -> None:
    """A call of an observer has raised: that is logged, and keeps nobody."""
    owner = type(getattr(listener, "__self__", listener)).__name__
    what = getattr(listener, "__name__", "a call")
    _log.error("observer %s: %s failed", owner, what, exc_info=error)
