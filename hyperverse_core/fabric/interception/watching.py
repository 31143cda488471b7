"""Watches the two ends of a wave for observers.

At each end, observers are first asked whether they want the wave. Those that do are notified of its end, with the value
that they returned at its beginning. If nobody wants the wave, nothing is kept, and its end costs nothing.
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
"""The data that a watch keeps from the beginning to the end, opaque to others; None if nobody wants the wave."""


class WatchesSenders(Protocol):
    """Watches the senders' ends of waves."""

    def begin(self, wave: Directed) -> Watched:
        """Called when a wave begins; it may get headers here. Returns None if nobody wants to know its end."""

    def sent(self, wave: Directed, star: str, watched: Watched) -> None:
        """Called when it is sent to a star."""

    def end(self, wave: Directed, reply: Pong, watched: Watched, answered: bool) -> None:
        """Called when it has ended with ``reply``; ``answered`` says whether its sender gets that reply."""


class WatchesHandlers(Protocol):
    """Watches the handlers of a machine."""

    def begin(self, wave: Directed, since: float) -> Watched:
        """Called when a handler starts. ``since`` is the time, by ``perf_counter``, when the wave began to wait for it,
        or 0.0 if it has not waited. Returns None if nobody wants to know its end."""

    def end(self, wave: Directed, reply: Pong | None, watched: Watched) -> None:
        """Called when it has ended; ``reply`` is None for a Signal that has succeeded."""


class SenderListener(NamedTuple):
    """The methods for the sender's end that one observer overrides."""

    begins: _Method
    sent: _Method
    ends: _Method


class HandlerListener(NamedTuple):
    """The methods for the handler's end that one observer overrides."""

    begins: _Method
    ends: _Method


# The data of a wave in progress is a plain tuple, because one is created for each wave that an observer wants.
_Sent: TypeAlias = tuple[float, tuple[tuple[SenderListener, Any], ...], Watched]
"""The time when it began, the value of each observer that wants it, and the data of the counter."""
_Handled: TypeAlias = tuple[float, float, tuple[tuple[Callable[..., Any], Any], ...], Watched]
"""The same data, and the time that it waited before."""


class SenderWatch:
    """Reports the senders' ends of waves to observers.

    Args:
        listeners: the methods that observers override.
        marks: methods of the old name ``wave_begun``, which return headers.
        answers: methods of the old name ``wave_answered``.
        counter: another watch, of the platform itself.
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
    """Reports handlers to observers.

    Args:
        listeners: the methods that observers override.
        delivered: methods of the old name ``wave_delivered``.
        counter: another watch, of the platform itself.
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
                try:  # does the same as `_tell`, without the call
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
    """Logs that a call of an observer has raised; the wave is not affected."""
    owner = type(getattr(listener, "__self__", listener)).__name__
    what = getattr(listener, "__name__", "a call")
    _log.error("observer %s: %s failed", owner, what, exc_info=error)
