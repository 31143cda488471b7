"""The one chain of interceptors: observers, audit, tracing and anything else that sees or marks waves."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

from ...contracts.observer import Observer
from ...contracts.wave_end import WaveEnd
from ...errors import HyperverseError
from ...universe.address.point import Point
from ...universe.waves.wave import Directed, Pong
from .watching import (
    HandlerListener,
    HandlerWatch,
    SenderListener,
    SenderWatch,
    WatchesHandlers,
    WatchesSenders,
    failed,
)

__all__ = ["Interceptors"]

Told: TypeAlias = tuple[Callable[..., Any], ...]
"""The methods of the observers of one event."""


class Interceptors:
    """Holds, for each event, the methods of the observers that override it, so that an event that nobody observes costs
    one test of an empty tuple.

    Attributes:
        senders: watches the senders' ends of waves; None if nobody observes them.
        handlers: watches the handlers of this machine; None if nobody observes them. retried, denied, provisioned,
        released, loaded, woken, saved, moved, driver_changed, lease_changed, lane_up,
            lane_carried, lane_down: the observers, as methods of :class:`~hyperverse_core.Observer`.
        failures: the observers of failures; they get the wave and its end.
        refusals: the observers that are notified through ``handler_ends`` of waves that reach no handler.
        refused, answered: the observers of refused waves, and of answers, by the old names.
    """

    __slots__ = (
        "_all",
        "_counter",
        "answered",
        "denied",
        "driver_changed",
        "failures",
        "handlers",
        "lane_carried",
        "lane_down",
        "lane_up",
        "lease_changed",
        "loaded",
        "moved",
        "provisioned",
        "refusals",
        "refused",
        "released",
        "retried",
        "saved",
        "senders",
        "woken",
    )

    def __init__(self, observers: Iterable[Observer] = ()) -> None:
        self._all: list[Observer] = list(observers)
        self._counter: tuple[WatchesSenders | None, WatchesHandlers | None] = (None, None)
        self._sort()

    def add(self, observer: Observer) -> None:
        """Calls ``observer`` from now on."""
        self._all.append(observer)
        self._sort()

    def remove(self, observer: Observer) -> None:
        """Stops calling ``observer``."""
        self._all.remove(observer)
        self._sort()

    def count(self, senders: WatchesSenders | None, handlers: WatchesHandlers | None) -> None:
        """Reports waves to the platform's own figures from now on, without the cost of calling observers; None stops
        it."""
        self._counter = (senders, handlers)
        self._sort()

    def _sort(self) -> None:
        self.retried = self._listeners("wave_retried")
        self.denied = self._listeners("access_denied")
        self.provisioned = self._listeners("particle_provisioned")
        self.released = self._listeners("particle_released")
        self.loaded = self._listeners("particle_loaded")
        self.woken = self._listeners("particle_woken")
        self.saved = self._listeners("particle_saved")
        self.moved = self._listeners("particle_moved")
        self.driver_changed = self._listeners("driver_changed")
        self.lease_changed = self._listeners("lease_changed")
        self.lane_up = self._listeners("lane_up")
        self.lane_carried = self._listeners("lane_carried")
        self.lane_down = self._listeners("lane_down")
        self.failures = self._listeners("wave_failed")
        self.answered = self._listeners("wave_answered")
        self.refused = self._listeners("wave_refused")
        self.refusals = self._listeners("handler_ends")
        self._watch()

    def _watch(self) -> None:
        """Creates the watches of the two ends of waves, if they are observed."""
        senders, handlers = [], []
        for one in self._all:
            of_sender = SenderListener(*(_method(one, name) for name in ("wave_begins", "wave_sent", "wave_ends")))
            if any(of_sender):
                senders.append(of_sender)
            of_handler = HandlerListener(*(_method(one, name) for name in ("handler_begins", "handler_ends")))
            if any(of_handler):
                handlers.append(of_handler)
        marks, delivered = self._listeners("wave_begun"), self._listeners("wave_delivered")
        counts_senders, counts_handlers = self._counter
        self.senders: WatchesSenders | None = counts_senders
        if senders or marks or self.answered:
            self.senders = SenderWatch(senders, marks, self.answered, counts_senders)
        self.handlers: WatchesHandlers | None = counts_handlers
        if handlers or delivered:
            self.handlers = HandlerWatch(handlers, delivered, counts_handlers)

    def _listeners(self, event: str) -> Told:
        return tuple(method for one in self._all if (method := _method(one, event)) is not None)

    @staticmethod
    def tell(listeners: Told, *args: Any) -> None:
        """Calls the observers of one event; an exception of one is logged and does not affect the others."""
        for listener in listeners:
            try:
                listener(*args)
            except BaseException as exc:
                failed(listener, exc)

    def refuse(self, wave: Directed, reply: Pong) -> None:
        """Reports that a wave reaches no handler."""
        if self.refusals or self.failures:
            end = WaveEnd.of(reply, 0.0)
            self.tell(self.refusals, wave, end, None)
            self.tell(self.failures, wave, end)
        self.tell(self.refused, wave, reply)

    @property
    def hears_refusals(self) -> bool:
        """Whether anybody observes waves that reach no handler."""
        return bool(self.refusals or self.failures or self.refused)

    def fail(self, wave: Directed, reply: Pong, seconds: float | None = None, *, at_sender: bool = False) -> None:
        """Reports a failed wave only to the observers of failures."""
        if self.failures:
            self.tell(self.failures, wave, WaveEnd.of(reply, seconds, at_sender=at_sender))

    def deny(self, agent: Point, target: Point, method: str, error: HyperverseError) -> None:
        """Reports that the policy has refused something. The text is created only if somebody observes it."""
        if self.denied:
            self.tell(self.denied, agent, target, method, str(error))


def _method(observer: Observer, event: str) -> Callable[..., Any] | None:
    """Returns the method that an observer overrides for an event; None if it does not."""
    unheard = getattr(Observer, event)
    return getattr(observer, event) if getattr(type(observer), event, unheard) is not unheard else None
