"""The one chain of interceptors: observers, audit, tracing and whatever else wants to see or mark waves."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias, TypeVar

from ...contracts.observer import Observer
from ...errors import HyperverseError
from ...scheduling.presentable import presentable
from ...universe.address.point import Point
from ...universe.waves.wave import Directed

__all__ = ["Interceptors"]

_log = logging.getLogger("hyperverse.observer")
_W = TypeVar("_W", bound=Directed)
Told: TypeAlias = tuple[Callable[..., Any], ...]
"""The methods of those who listen to one event."""


class Interceptors:
    """For each event the methods of the observers that override it, so that one test of an empty tuple is what an
    event costs that nobody listens to.

    Attributes:
        begun, sent, retried, answered, refused, delivered, denied, provisioned, released, lane_up, lane_down: as
            the methods of :class:`~hyperverse_core.Observer`.
        ends: whether anybody listens at the sender's end of a wave.
    """

    __slots__ = (
        "_all",
        "answered",
        "begun",
        "delivered",
        "denied",
        "ends",
        "lane_down",
        "lane_up",
        "provisioned",
        "refused",
        "released",
        "retried",
        "sent",
    )

    def __init__(self, observers: Iterable[Observer] = ()) -> None:
        self._all: list[Observer] = list(observers)
        self._sort()

    def add(self, observer: Observer) -> None:
        """Has ``observer`` told from now on."""
        self._all.append(observer)
        self._sort()

    def remove(self, observer: Observer) -> None:
        """Stops calling ``observer``."""
        self._all.remove(observer)
        self._sort()

    def _sort(self) -> None:
        self.begun = self._listeners("wave_begun")
        self.sent = self._listeners("wave_sent")
        self.retried = self._listeners("wave_retried")
        self.answered = self._listeners("wave_answered")
        self.refused = self._listeners("wave_refused")
        self.delivered = self._listeners("wave_delivered")
        self.denied = self._listeners("access_denied")
        self.provisioned = self._listeners("particle_provisioned")
        self.released = self._listeners("particle_released")
        self.lane_up = self._listeners("lane_up")
        self.lane_down = self._listeners("lane_down")
        self.ends = bool(self.begun or self.sent or self.answered)

    def _listeners(self, event: str) -> Told:
        unheard = getattr(Observer, event)
        return tuple(getattr(o, event) for o in self._all if getattr(type(o), event, unheard) is not unheard)

    @staticmethod
    def tell(listeners: Told, *args: Any) -> None:
        """Calls those who listen to one event; what one raises is logged and keeps nobody."""
        for listener in listeners:
            try:
                listener(*args)
            except BaseException as exc:
                _failed(listener, exc)

    def mark(self, wave: _W) -> _W:
        """Tells that ``wave`` begins, and gives it the headers that listeners add."""
        added: dict[str, str] | None = None
        for listener in self.begun:
            try:
                headers: Mapping[str, str] | None = listener(wave)
            except BaseException as exc:
                _failed(listener, exc)
                continue
            if headers:
                added = {**(added or {}), **headers}
        if added is not None:
            wave.headers = {**(wave.headers or {}), **added}
        return wave

    def deny(self, agent: Point, target: Point, method: str, error: HyperverseError) -> None:
        """Tells that the policy has refused something. The text is made only if somebody hears it."""
        if self.denied:
            self.tell(self.denied, agent, target, method, str(error))


def _failed(listener: Callable[..., Any], error: BaseException) -> None:
    owner = type(getattr(listener, "__self__", listener)).__name__
    what = getattr(listener, "__name__", "a call")
    _log.error("observer %s: %s failed", owner, what, exc_info=presentable(error))
