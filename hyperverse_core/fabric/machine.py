"""Machine: one process of a Hyperverse. It owns the plugins, the registry, the stars and what connects them.

async with Machine(Config(data_dir=Path("data"))) as machine:
    client = machine.client()
    await client.exec("create localhost<Space>")
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import os
import random
import secrets
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from ..config import Config, default_data_dir
from ..contracts.lane import LaneTransport
from ..contracts.observer import Observer
from ..contracts.policy import PolicyView, SecurityPolicy
from ..contracts.registry import ParticleRecord, Registry, Status
from ..errors import HyperverseError, NoDriver, Unavailable
from ..plugins import PluginSet
from ..scheduling.deadlines import Deadlines
from ..scheduling.worker_pool import WorkerPool
from ..universe.address.point import HYPERUSER, Point
from ..universe.address.star_key import StarKey
from ..universe.kind_defs.kind_def import KindDef
from ..universe.kind_defs.standard_kinds import STANDARD_KINDS
from ..universe.kinds.kind import Kind
from .caches.grants import Rights
from .caches.records import Records
from .caches.selections import Selections
from .cluster.membership import Membership
from .delivery.binds import Binds
from .delivery.location import Location
from .delivery.outbound import Star
from .machine_lock import MachineLock
from .particles.active import Active
from .particles.hosting import Served
from .particles.idle_sweeper import IdleSweeper
from .placement.provisioner import Provisioner
from .placement.rebalancing import Rebalancer
from .placement.strategies import Strategies
from .services.change_feed import ChangeFeed
from .services.commands import Commands
from .services.drivers import Drivers
from .services.status import status_of
from .services.system_particles import pin_system_particles
from .services.watches import Watches
from .stars.topology import free_index, machine_links, own_stars
from .transit.requests import Requests
from .transit.switchboard import Switchboard

if TYPE_CHECKING:
    from .delivery.local_client import LocalClient

__all__ = ["Machine"]

_log = logging.getLogger("hyperverse.machine")


class Machine:
    """One process of a Hyperverse.

    Args:
        config: what it is told; the defaults make a standalone Hyperverse.
        plugins: modules or objects that are plugins besides the installed ones.
        registry, transport, policy: used instead of those that the config names (for tests and simulations).

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
        self.chance = random.Random(self.config.seed)
        self.state = Status.PENDING
        self.cause = ""
        self.plugins: PluginSet = PluginSet.load(self.config.plugins, extra=plugins, base=self.data_dir.parent)
        self.star_kinds = self.plugins.star_kinds
        self.observers: list[Observer] = list(self.plugins.observers)
        self.stars: dict[StarKey, Star] = {}
        self.globals: dict[str, Active] = {}
        self.hosted: dict[str, Served] = {}
        self.kinds: dict[str, KindDef] = dict(STANDARD_KINDS)
        self._given = (registry, transport, policy)
        self.placements = Strategies(self)
        self._lock = MachineLock(self)
        self._stopped: asyncio.Event
        self.life = secrets.token_hex(8)  # not by chance: no two lives may share it, whatever the seed
        nonce = f"{self.life}-"
        ids = itertools.count(1)

        def new_id() -> str:
            return f"{nonce}{next(ids):x}"

        self.new_id: Callable[[], str] = new_id

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
        from ..gateway.gate import ControlGate

        self.plugins.check_required()
        self.placements.check()
        registry, transport, policy = self._given
        config = self.config
        self.registry = registry or self.plugins.registry(
            config.registry.driver, config.registry_settings(self.data_dir)
        )
        self.transport = transport or self.plugins.transport(config.lanes.driver, config.transport_settings())
        self.policy = policy or self.plugins.policy(config.security.driver, config.security.settings)
        await self._lock.acquire()
        await self.registry.open()
        self.crew = WorkerPool(config.limits.waves)
        self.deadlines = Deadlines(asyncio.get_running_loop())
        self.records = Records(self.registry)
        self.gravity = Location(self)
        self._make_stars(free_index(config, self._lock.index, await self.registry.stars()))
        self.binds = Binds(self)
        self.selections = Selections(self)
        self.rights = Rights(self)
        self.watches = Watches(self)
        self.provisioner = Provisioner(self)
        self.commands = Commands(self)
        self.membership = Membership(self)
        self.switchboard = Switchboard(self)
        self.exchange = Requests(self)
        self.feed = ChangeFeed(self)
        self.moves = Rebalancer(self)
        self.drivers = Drivers(self)
        self.sweeper = IdleSweeper(self)
        self.control = ControlGate(self)
        await self.policy.open(PolicyView(self.registry, self.records.get))
        await self.feed.start()
        await self.switchboard.open()
        self.drivers.make()
        pin_system_particles(self)
        await self.drivers.start()
        await self.membership.join()
        self.sweeper.start()
        self._check_ready()
        if config.control.enabled:
            await self.control.open()
        for info, exc in await self.plugins.call("hyperverse_machine_started", machine=self):
            _log.error("plugin %s: hyperverse_machine_started failed", info.name, exc_info=exc)

    def _make_stars(self, index: int) -> None:
        machine_key = StarKey("machine", self.name, 0)
        for template, number in own_stars(self.config, index):
            key = StarKey(self.config.constellation, template.name, number)
            self._add_star(key, template.kind, (*template.links, str(machine_key)))
        self._add_star(machine_key, "Machine", machine_links(list(self.stars.values())))

    def _add_star(self, key: StarKey, kind: str, links: tuple[str, ...]) -> None:
        from ..errors import NotFound, did_you_mean

        known = self.star_kinds.get(kind)
        if known is None:
            raise NotFound(
                f"no star kind named {kind!r}",
                hint=f"known: {', '.join(self.star_kinds)}{did_you_mean(kind, self.star_kinds)}",
            )
        self.stars[key] = Star(self, key, known, links)

    @property
    def directory(self) -> Path:
        """What this machine keeps for itself in the data directory."""
        return self._lock.directory

    @property
    def machine_star(self) -> Star:
        """The star that stands for this machine itself."""
        return self.stars[StarKey("machine", self.name, 0)]

    def _check_ready(self) -> None:
        """Raises Unavailable when no driver at all serves here."""
        if any(hosted.serves for hosted in self.hosted.values()):
            return
        causes = "; ".join(f"{name}: {h.cause or h.status}" for name, h in self.hosted.items())
        raise Unavailable(
            f"no driver of this machine serves: {causes or 'no plugin brings one'}",
            hint="see `hyperverse plugins list`",
        )

    async def wait_stopped(self) -> None:
        """Returns when the machine has stopped, or somebody has asked it to."""
        await self._stopped.wait()

    def request_stop(self) -> None:
        """Asks whoever runs the machine to stop it: :meth:`wait_stopped` returns."""
        self._stopped.set()

    async def stop(self) -> None:
        """Stops: no new clients, what is under way may end, particles save and leave, drivers, stars, lanes, registry.
        Ends within ``stop_deadline`` seconds; what has not ended by then is cut. May be called twice."""
        if self.state not in (Status.READY, Status.PANIC):
            return
        self.state = Status.DONE
        deadline = asyncio.get_running_loop().time() + self.config.stop_deadline
        try:
            async with asyncio.timeout_at(deadline):
                await self._stop_gracefully()
        except TimeoutError:
            _log.error("stopping took longer than %g s: the rest is cut", self.config.stop_deadline)
        except Exception:
            _log.exception("stopping failed: the rest is cut; please report it")
        finally:
            await self._abandon()
        _log.info("machine %s has stopped", self.name)

    async def _stop_gracefully(self) -> None:
        for info, exc in await self.plugins.call("hyperverse_machine_stopping", machine=self):
            _log.error("plugin %s: hyperverse_machine_stopping failed", info.name, exc_info=exc)
        await self.control.close()
        await self.sweeper.close()
        await self._take_no_more()
        await self.sweeper.empty()
        await self.watches.leave()
        await self.drivers.stop()
        await self.membership.leave()

    async def _take_no_more(self) -> None:
        """What leaves from here on, and what is new, the other machines take: it would only have to leave again."""
        if not self.membership.machines():
            return
        self.membership.draining = True
        try:
            await self.membership.announce_changes()
        except HyperverseError as exc:
            _log.warning("the other machines are not told that this one stops: %s", exc)

    async def _abandon(self) -> None:
        """Lets go of everything that was begun, in the opposite order; one that fails does not keep the others."""
        self._stopped.set()
        for name, method in (
            ("control", "close"),
            ("sweeper", "close"),
            ("drivers", "stop"),
            ("membership", "leave"),
            ("feed", "close"),
            ("watches", "close"),
            ("crew", "close"),
            ("exchange", "close"),
            ("switchboard", "close"),
            ("gravity", "close"),
            ("binds", "close"),
            ("policy", "close"),
            ("transport", "close"),
            ("registry", "close"),
            ("_lock", "release"),
        ):
            part = getattr(self, name, None)
            if part is None:
                continue
            try:
                async with asyncio.timeout(2.0):
                    await getattr(part, method)()
            except (HyperverseError, TimeoutError, OSError) as exc:
                _log.warning("%s could not be closed: %s", name.strip("_"), str(exc) or "it took too long")
            except Exception:
                _log.exception("%s could not be closed", name.strip("_"))
        for star in self.stars.values():
            await star.field.close()

    # -- what its parts ask it ----------------------------------------------------------------------------

    def may_serve(self) -> bool:
        """Whether this machine's stars still hold their leases."""
        return asyncio.get_running_loop().time() < self.membership.serve_until

    def at_home(self, point: Point) -> Active | None:
        """The particle, if it lives in one of this machine's stars; also while waves still wait for it to begin."""
        for star in self.stars.values():
            live = star.hosting.live.get(point.text)
            if live is not None:
                return live
        return None

    def driver_of(self, kind: Kind) -> Served:
        """The driver that serves ``kind`` here. Raises NoDriver (501)."""
        hosted = self.hosted.get(kind.base)
        if hosted is None:
            raise NoDriver(
                f"no driver here serves Kind {kind.base!r}",
                hint="install the plugin that brings it; the particle's record and state are kept",
            )
        if hosted.status is Status.DONE:
            raise Unavailable("this machine is stopping", retry_after=1.0)
        if not hosted.serves:
            raise NoDriver(
                f"the driver of Kind {kind.base!r} (plugin {hosted.plugin!r}) does not serve: "
                f"{hosted.cause or hosted.status}",
                retry_after=1.0,
            )
        return hosted

    def observed(self, event: str, *args: Any) -> None:
        """Tells the observers."""
        for observer in self.observers:
            try:
                getattr(observer, event)(*args)
            except Exception:
                _log.exception("observer %s: %s failed", type(observer).__name__, event)

    async def check_live(self, points: tuple[Point, ...]) -> None:
        """The records of some particles that live here may have changed."""
        before = [self.at_home(point) for point in points]
        found = await self.registry.records(points)
        for point, live in zip(points, before, strict=True):
            if live is None or live.assignment is None or live.gone:
                continue  # what has come to life meanwhile is newer than what was read
            record = found.get(point)
            if record is None or record.assignment != live.assignment:
                live.star.hosting.taken(live)
                continue
            self._renewed(live, record)

    @staticmethod
    def _renewed(live: Active, record: ParticleRecord) -> None:
        if record.owner != live.record.owner:
            live.allowed.clear()
        if record.properties.get("bind") != live.record.properties.get("bind"):
            live.bind = live.star.field.first_bind(record, live.hosted)
        live.record = record

    def lose_everything(self) -> None:
        """This machine's stars have lost their leases: nothing that lives here may go on."""
        for star in self.stars.values():
            for live in [live for live in star.hosting.live.values() if live.assignment is not None]:
                star.hosting.lost(live)
        self.forget_everything()

    def forget_everything(self) -> None:
        """Drops every cache."""
        self.records.clear()
        self.selections.forget()
        self.binds.clear()
        self.gravity.forget_all()
        self.policy.forget()
        self.rights.forget()
        for star in self.stars.values():
            star.field.forget()

    # -- faces --------------------------------------------------------------------------------------------

    def client(self, agent: Point | str = HYPERUSER) -> LocalClient:
        """A client inside the process: no socket, no knock, the rights of ``agent``."""
        from .delivery.local_client import LocalClient

        return LocalClient(self, Point.parse(agent) if isinstance(agent, str) else agent)

    def status(self) -> dict[str, Any]:
        """State of the machine, its stars, drivers and plugins, with causes, as plain values."""
        return {**status_of(self), "pid": os.getpid()}
