"""The drivers of this machine: created, started, retried, stopped."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from pathlib import Path

from ....config import Config
from ....contracts.blobs import Blobs
from ....contracts.driver import Driver, Particle
from ....contracts.registry import Status
from ....errors import Conflict, HyperverseError, NotFound, Unavailable, described, did_you_mean
from ....plugins import PluginSet
from ....scheduling.at_most import at_most
from ....scheduling.backoff import Backoff
from ....scheduling.cancellation import ends_task
from ....scheduling.guarded_log import guarded_log
from ....scheduling.presentable import presentable
from ....universe.address.point import Point
from ...delivery.outbound import Outbound
from ...interception.interceptors import Interceptors
from ...particles.served import Served, ServedKinds
from .driver_host import Host

__all__ = ["Drivers"]

_log = guarded_log("hyperverse.driver")
_PATIENCE = 5.0
"""Seconds after which a driver that has not started is logged, and the machine continues without it."""
_STOP = 3.0


class Drivers:
    """All drivers of one machine."""

    def __init__(
        self,
        config: Config,
        data_dir: Path,
        *,
        plugins: PluginSet,
        served: ServedKinds,
        outbound: Outbound,
        ready: Callable[[], None],
        chance: random.Random,
        blobs: Blobs,
        pin: Callable[[Point, Particle], None],
        interceptors: Interceptors,
    ) -> None:
        """``ready`` is called each time another driver is ready; ``pin`` makes a particle answer every agent at a
        point of this machine; ``interceptors`` are notified of each change of a driver's state."""
        self._config = config
        self._data_dir = data_dir
        self._plugins = plugins
        self._served = served
        self._outbound = outbound
        self._ready = ready
        self._chance = chance
        self._blobs = blobs
        self._pin = pin
        self._interceptors = interceptors
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._tried: dict[str, asyncio.Event] = {}
        self._wanted: dict[str, asyncio.Event] = {}

    def make(self) -> None:
        """Creates one driver for each Kind that a plugin serves. A driver that cannot be created is shown as failed."""
        for name, cls in self._plugins.drivers.items():
            plugin = self._plugins.who_provides("driver", name)
            settings = self._config.kinds.get(name)
            host = self._host(name)
            try:
                served = Served(
                    cls(),
                    plugin=plugin,
                    idle_after=self._config.idle_after,
                    configured_idle=settings.idle_after if settings else None,
                    waves_limit=self._config.limits.mailbox,
                    host=host,
                    acting_for=host.acting_for,
                )
            except BaseException as exc:
                exc = presentable(exc)
                _log.error("driver of %s (plugin %s) cannot be created", name, plugin, exc_info=exc)
                served = Served(_broken(cls), plugin=plugin)
                served.status = Status.FATAL
                served.cause = exc.message if isinstance(exc, HyperverseError) else described(exc)
            self._served.add(served)
            if served.status is Status.FATAL:
                self._tell(served)

    async def start(self) -> None:
        """Starts all drivers concurrently and waits for them, but not forever."""
        for name, served in self._served.items():
            if served.status is Status.FATAL:
                continue
            if type(served.driver).start is Driver.start:
                served.status = Status.READY  # nothing to wait for
                self._tell(served)
                continue
            self._tried[name], self._wanted[name] = asyncio.Event(), asyncio.Event()
            self._tasks[name] = asyncio.create_task(self._keep_starting(served), name=f"start driver {name}")
        if not self._tasks:
            return
        tried = [asyncio.create_task(event.wait()) for event in self._tried.values()]
        _, late = await asyncio.wait(tried, timeout=_PATIENCE)
        for task in late:
            task.cancel()
        for name in self._tasks:
            served = self._served[name]
            if served.status is Status.INIT:
                served.cause = f"`start` has not returned after {_PATIENCE:g} s"
                _log.warning("driver of %s (plugin %s): %s", name, served.plugin, served.cause)

    async def _keep_starting(self, served: Served) -> None:
        backoff = Backoff(first=0.2, longest=30.0, jitter=0.25, chance=self._chance)
        while True:
            served.status = Status.INIT
            try:
                await served.driver.start(served.host or self._host(served.kind.name))
            except BaseException as exc:
                if ends_task(exc):
                    raise
                served.status, served.cause = Status.PANIC, described(exc)
                self._tell(served)
                self._tried[served.kind.name].set()
                pause = backoff.next_pause()
                _log.warning(
                    "driver of %s (plugin %s) did not start, again in %.1f s: %s",
                    served.kind.name,
                    served.plugin,
                    pause,
                    served.cause,
                )
                served.again = time.time() + pause
                await self._wait(served.kind.name, pause)
                continue
            served.status, served.cause, served.again = Status.READY, "", None
            self._tell(served)
            self._tried[served.kind.name].set()
            self._ready()
            return

    async def _wait(self, kind: str, seconds: float) -> None:
        """Waits for that time, or until another attempt is requested."""
        wanted = self._wanted[kind]
        wanted.clear()
        try:
            async with asyncio.timeout(seconds):
                await wanted.wait()
        except TimeoutError:
            return  # no attempt was requested

    async def start_now(self, kind: str) -> dict[str, str]:
        """Immediately retries to start a driver that waits for its next attempt. Returns its state, and the cause if it
        has failed again.

        Raises:
            NotFound: this machine has no driver of that Kind.
            Conflict: the driver could not be created, so only a restart of the machine can start it.
        """
        served = self._served.get(kind)
        if served is None:
            near = did_you_mean(kind, list(self._served))
            raise NotFound(f"machine {self._config.name!r} has no driver of Kind {kind!r}{near}")
        if served.status is Status.FATAL:
            raise Conflict(
                f"the driver of {kind} cannot be created: {served.cause}",
                hint="correct the cause, and restart the machine",
            )
        if served.status is not Status.READY and kind in self._tried:
            tried = self._tried[kind]
            tried.clear()
            self._wanted[kind].set()
            try:
                async with asyncio.timeout(_PATIENCE):
                    await tried.wait()
            except TimeoutError:
                return {"state": str(served.status), "cause": f"`start` has not returned after {_PATIENCE:g} s"}
        return {"state": str(served.status), "cause": served.cause}

    def _tell(self, served: Served) -> None:
        """Notifies the interceptors that a driver has changed its state."""
        listeners = self._interceptors.driver_changed
        if listeners:
            self._interceptors.tell(listeners, served.kind.name, str(served.status), served.cause)

    def _host(self, kind: str) -> Host:
        return Host(self._outbound, kind, self._config, self._data_dir, self._served, self._blobs, self._pin)

    def check_ready(self) -> None:
        """Raises Unavailable if no driver of this machine is ready."""
        if any(served.serves for served in self._served.values()):
            return
        causes = "; ".join(f"{name}: {s.cause or s.status}" for name, s in self._served.items())
        raise Unavailable(
            f"no driver of this machine serves: {causes or 'no plugin provides one'}",
            hint="see `hyperverse plugins list`",
        )

    async def stop(self) -> None:
        """Stops all drivers. May be called twice."""
        tasks = list(self._tasks.values())
        self._tasks = {}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        serving = [s for s in self._served.values() if s.serves]
        await asyncio.gather(*(self._stop_one(served) for served in serving))

    async def _stop_one(self, served: Served) -> None:
        served.status = Status.DONE
        self._tell(served)
        if type(served.driver).stop is Driver.stop:
            return
        try:
            await at_most(_STOP, served.driver.stop())
        except BaseException as exc:
            if ends_task(exc):
                raise
            error = presentable(exc)
            _log.error("driver of %s (plugin %s): stop failed", served.kind.name, served.plugin, exc_info=error)


def _broken(cls: type[Driver]) -> Driver:
    """Returns a placeholder for a driver that cannot be created, so that its Kind and cause are shown."""
    stand_in: type[Driver] = type(cls.__name__, (Driver,), {"kind": cls.kind})
    return stand_in()
