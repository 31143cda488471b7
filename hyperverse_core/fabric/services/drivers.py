"""Drivers of this machine: made, started, tried again, stopped."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...contracts.driver import Driver, DriverHost
from ...contracts.registry import Status
from ...scheduling.cancellation import is_cancelled
from ...universe.kind_defs.kind_def import KindDef
from ..delivery.local_sender import LocalSender
from ..particles.hosting import Served

if TYPE_CHECKING:
    from ..machine import Machine

__all__ = ["Drivers"]

_log = logging.getLogger("hyperverse.driver")
_PATIENCE = 5.0
"""Seconds after which a driver that has not started is named and the machine goes on without it."""
_STOP = 3.0


class Host(LocalSender, DriverHost):
    """What a driver may use of its machine."""

    def __init__(self, machine: Machine, kind: str) -> None:
        point = machine.machine_star.point.child(f"drivers:{kind.lower()}")
        super().__init__(machine, sender=point, agent=machine.machine_star.point)
        self._machine = machine
        self._kind = kind

    @property
    def machine(self) -> str:
        return self._machine.name

    @property
    def settings(self) -> Mapping[str, Any]:
        return self._machine.config.drivers.get(self._kind, {})

    @property
    def data_dir(self) -> str:
        path = Path(self._machine.data_dir, "drivers", self._kind)
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        return str(path)

    @property
    def log(self) -> logging.Logger:
        return logging.getLogger(f"hyperverse.driver.{self._kind}")

    def kinds(self) -> Iterable[KindDef]:
        return self._machine.kinds.values()


class Drivers:
    """All drivers of one machine."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._tried: dict[str, asyncio.Event] = {}

    def make(self) -> None:
        """One object for each Kind that a plugin serves. One that cannot be made is shown as failed."""
        machine = self.machine
        for name, cls in machine.plugins.drivers.items():
            plugin = machine.plugins.who_provides("driver", name)
            settings = machine.config.kinds.get(name)
            idle = (settings.idle_after if settings else None) or cls.idle_after or machine.config.idle_after
            machine.kinds[name] = cls.kind
            try:
                hosted = Served(cls(), plugin=plugin, idle_after=idle)
                if cls.waves_limit == Driver.waves_limit:
                    hosted.waves_limit = machine.config.limits.mailbox
            except Exception as exc:
                _log.error("driver of %s (plugin %s) cannot be made", name, plugin, exc_info=exc)
                hosted = Served(_broken(cls), plugin=plugin)
                hosted.status, hosted.cause = Status.FATAL, str(exc)
            machine.hosted[name] = hosted

    async def start(self) -> None:
        """Starts all at once and waits for them, but not for ever."""
        for name, hosted in self.machine.hosted.items():
            if hosted.status is Status.FATAL:
                continue
            if type(hosted.driver).start is Driver.start:
                hosted.status = Status.READY  # nothing to wait for
                continue
            self._tried[name] = asyncio.Event()
            self._tasks[name] = asyncio.create_task(self._keep_starting(hosted), name=f"start driver {name}")
        if not self._tasks:
            return
        tried = [asyncio.create_task(event.wait()) for event in self._tried.values()]
        _, late = await asyncio.wait(tried, timeout=_PATIENCE)
        for task in late:
            task.cancel()
        for name in self._tasks:
            hosted = self.machine.hosted[name]
            if hosted.status is Status.INIT:
                hosted.cause = f"start has not returned after {_PATIENCE:g} s"
                _log.warning("driver of %s (plugin %s): %s", name, hosted.plugin, hosted.cause)

    async def _keep_starting(self, hosted: Served) -> None:
        pause = 0.2
        while True:
            hosted.status = Status.INIT
            try:
                await hosted.driver.start(Host(self.machine, hosted.kind.name))
            except (Exception, asyncio.CancelledError) as exc:
                if is_cancelled():
                    raise
                hosted.status, hosted.cause = Status.PANIC, f"{type(exc).__name__}: {exc}"
                self._tried[hosted.kind.name].set()
                _log.warning(
                    "driver of %s (plugin %s) did not start, again in %.1f s: %s",
                    hosted.kind.name,
                    hosted.plugin,
                    pause,
                    hosted.cause,
                )
                await asyncio.sleep(pause * (0.75 + self.machine.chance.random() / 2))
                pause = min(pause * 2, 30.0)
                continue
            hosted.status, hosted.cause = Status.READY, ""
            self._tried[hosted.kind.name].set()
            self.machine.membership.changed()
            return

    async def stop(self) -> None:
        """Stops all. May be called twice."""
        tasks = list(self._tasks.values())
        self._tasks = {}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        serving = [h for h in self.machine.hosted.values() if h.serves]
        await asyncio.gather(*(self._stop_one(hosted) for hosted in serving))

    async def _stop_one(self, hosted: Served) -> None:
        hosted.status = Status.DONE
        if type(hosted.driver).stop is Driver.stop:
            return
        try:
            async with asyncio.timeout(_STOP):
                await hosted.driver.stop()
        except (Exception, asyncio.CancelledError) as exc:
            if is_cancelled():
                raise
            _log.error("driver of %s (plugin %s): stop failed", hosted.kind.name, hosted.plugin, exc_info=exc)


def _broken(cls: type[Driver]) -> Driver:
    """A driver that stands for one that cannot be made, so that its Kind and cause are shown."""
    stand_in: type[Driver] = type(cls.__name__, (Driver,), {"kind": cls.kind})
    return stand_in()
