"""Machine: one process of a Hyperverse. It owns the plugins, the registry, the stars and what connects them.

async with Machine(Config(data_dir=Path("data"))) as machine:
    client = machine.client()
    await client.exec("create localhost<Space>")
"""

from __future__ import annotations

import asyncio
import logging
import random
import secrets
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import Any

from ..config import Config, default_data_dir
from ..contracts.lane import LaneTransport
from ..contracts.policy import SecurityPolicy
from ..contracts.registry import Registry, Status
from ..errors import HyperverseError, Unavailable
from ..plugins import PluginSet
from ..scheduling.at_most import at_most
from ..scheduling.cancellation import ends_task
from ..universe.address.point import HYPERUSER, Point
from .assembly import assemble
from .closing import closing
from .delivery.local_client import LocalClient
from .forked_children import OwnFiles
from .parts import Given, Parts
from .services.gateways import CONTROL
from .services.status import unstarted

__all__ = ["Machine"]

_log = logging.getLogger("hyperverse.machine")


class Machine:
    """One process of a Hyperverse.

    Args:
        config: what it is told; the defaults make a standalone Hyperverse.
        plugins: modules or objects that are plugins besides the installed ones.
        registry, transport, policy: used instead of those that the config names (for tests and simulations).

    Attributes:
        config, name, data_dir: as it was told.
        state, cause: how it is, and why when that is not well.
        plugins: the plugins that were loaded.

    Entering it starts it; when that returns it is ready. It raises what keeps it from serving at all:
    ConfigError, Conflict (another machine has the data directory), Unavailable (an address is in use), PluginError.
    """

    def __init__(
        self,
        config: Config | None = None,
        *,
        plugins: Sequence[object] = (),
        registry: Registry | None = None,
        transport: LaneTransport | None = None,
        policy: SecurityPolicy | None = None,
    ) -> None:
        self.config = config or Config()
        self.name = self.config.name
        self.data_dir: Path = (self.config.data_dir or default_data_dir()).absolute()
        self.state = Status.PENDING
        self.cause = ""
        self.plugins: PluginSet = PluginSet.load(self.config.plugins, extra=plugins, base=self.data_dir.parent)
        self.life = secrets.token_hex(8)  # not by chance: no two lives may share it, whatever the seed
        self._given = (registry, transport, policy)
        self._stack = AsyncExitStack()
        self._parts: Parts | None = None
        self._stopped: asyncio.Event | None = None

    # -- life ---------------------------------------------------------------------------------------------

    async def __aenter__(self) -> Machine:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def start(self) -> None:
        """Starts and returns when the machine is ready. When it raises, nothing is left behind."""
        self.state = Status.INIT
        self._stopped = asyncio.Event()
        try:
            await self._start()
        except BaseException as exc:
            self.state, self.cause = Status.FATAL, str(exc)
            await self._abandon()
            raise
        self.state = Status.READY
        _log.info("machine %s is ready", self.name)

    async def _start(self) -> None:
        for info in self.plugins.plugins:
            if info.trouble:
                first, *more = info.trouble.splitlines()
                for line in more:
                    _log.warning("%s", line.strip(), extra={"plugin": info.name})
                _log.warning("%s", first, exc_info=info.error, extra={"plugin": info.name})
        for text in (*self.plugins.notes, *self.plugins.passed_over):
            _log.warning("plugins: %s", text)
        self.plugins.check_required()
        registry, transport, policy = self._given
        given = Given(
            config=self.config,
            data_dir=self.data_dir,
            plugins=self.plugins,
            life=self.life,
            chance=random.Random(self.config.seed),
            registry=registry,
            transport=transport,
            policy=policy,
            state=lambda: (self.state, self.cause),
            request_stop=self.request_stop,
        )
        parts = self._parts = await assemble(given, self._stack)
        closing(self._stack, "the membership", parts.membership.leave)
        closing(self._stack, "the drivers", parts.drivers.stop)
        await parts.drivers.start()
        await parts.membership.join()
        closing(self._stack, "the sweeper", parts.sweeper.close)
        parts.sweeper.start()
        parts.drivers.check_ready()
        closing(self._stack, "the sessions", parts.sessions.close)
        closing(self._stack, "the gateways", parts.gateways.close)
        await parts.gateways.open()
        files = OwnFiles(parts.lock.directory / "lock")
        files.listens_at([*parts.gateways.addresses().values(), parts.board.address or ""])
        self._stack.callback(files.forget)
        for info, exc in await self.plugins.call("hyperverse_machine_started", machine=self):
            _log.error("plugin %s: hyperverse_machine_started failed", info.name, exc_info=exc)

    async def wait_stopped(self) -> None:
        """Returns when the machine has stopped, or was asked to."""
        if self._stopped is None:
            raise self._unstarted()
        await self._stopped.wait()

    def request_stop(self) -> None:
        """Asks whoever runs the machine to stop it: :meth:`wait_stopped` returns."""
        if self._stopped is None:
            raise self._unstarted()
        self._stopped.set()

    async def stop(self) -> None:
        """Stops: no new clients, what is under way may end, particles save and leave, drivers, stars, lanes, registry.
        Ends within ``stop_deadline`` seconds; what has not ended by then is cut. May be called twice."""
        if self.state not in (Status.READY, Status.PANIC):
            return
        self.state = Status.DONE
        try:
            await at_most(self.config.stop_deadline, self._stop_gracefully(self.parts))
        except TimeoutError:
            _log.error("stopping took longer than %g s: the rest is cut", self.config.stop_deadline)
        except BaseException as exc:
            if ends_task(exc):
                raise
            _log.exception("stopping failed: the rest is cut; please report it")
        finally:
            await self._abandon()
        _log.info("machine %s has stopped", self.name)

    async def _stop_gracefully(self, parts: Parts) -> None:
        for info, exc in await self.plugins.call("hyperverse_machine_stopping", machine=self):
            _log.error("plugin %s: hyperverse_machine_stopping failed", info.name, exc_info=exc)
        await parts.gateways.close()
        await parts.sweeper.close()
        await _take_no_more(parts)
        await parts.sweeper.empty()
        await parts.watches.leave()
        await parts.drivers.stop()
        await parts.membership.leave()

    async def _abandon(self) -> None:
        """Lets go of everything that was begun, in the opposite order."""
        if self._stopped is not None:
            self._stopped.set()
        await self._stack.aclose()

    def _unstarted(self) -> Unavailable:
        return Unavailable(
            f"machine {self.name!r} was not started",
            hint="write `async with Machine(...) as machine`, or `await machine.start()`",
        )

    # -- faces --------------------------------------------------------------------------------------------

    @property
    def parts(self) -> Parts:
        """What it is made of; for tests, and not covered by SemVer. Raises Unavailable before it was started."""
        if self._parts is None:
            raise self._unstarted()
        return self._parts

    @property
    def control(self) -> Any:
        """The gate for clients; None when the config does not want one. For tests, and not covered by SemVer."""
        return self.parts.gateways.get(CONTROL)

    @property
    def registry(self) -> Registry:
        """The registry of this Hyperverse."""
        return self.parts.registry

    @property
    def directory(self) -> Path:
        """Where this machine keeps files of its own in the data directory."""
        return self.data_dir / "machines" / self.name

    def client(self, agent: Point | str = HYPERUSER) -> LocalClient:
        """A client inside the process: no socket, no credentials, the rights of ``agent``."""
        return LocalClient(self.name, self.parts.outbound, Point.parse(agent) if isinstance(agent, str) else agent)

    def status(self) -> dict[str, Any]:
        """State of the machine, its stars, drivers and plugins, with causes, as plain values."""
        if self._parts is None:
            return unstarted(self.config, self.data_dir, self.state, self.cause, self.plugins)
        return self.parts.status.machine()


async def _take_no_more(parts: Parts) -> None:
    """Tells the other machines that this one accepts no more particles."""
    if not parts.directory.machines():
        return
    parts.membership.draining = True
    try:
        await parts.membership.announce_changes()
    except HyperverseError as exc:
        _log.warning("the other machines are not told that this one stops: %s", exc)
