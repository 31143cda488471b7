"""The inputs of a machine, and its parts."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import attrs

from ..config import Config
from ..contracts.lane import LaneTransport
from ..contracts.policy import SecurityPolicy
from ..contracts.registry import Registry, Status
from ..plugins import PluginSet
from ..scheduling.worker_pool import WorkerPool
from ..universe.address.star_key import StarKey
from .caches.records import Records
from .cluster.admission import Admission
from .cluster.directory import Directory
from .cluster.directory_reader import DirectoryReader
from .cluster.membership import Membership, StarTaken
from .cluster.ways import Ways
from .delivery.gate import Gate
from .delivery.inbound import Inbound
from .delivery.outbound import Outbound
from .interception.interceptors import Interceptors
from .machine_lock import MachineLock
from .particles.homes import Homes
from .particles.idle_collector import IdleCollector
from .particles.places import Places
from .particles.served import ServedKinds
from .placement.provisioner import Provisioner
from .placement.rebalancing import Rebalancer
from .services.changes.change_feed import ChangeFeed
from .services.changes.watches import Watches
from .services.drivers.drivers import Drivers
from .services.reports.figures import LiveFigures
from .services.reports.looking import Looking
from .services.reports.status import StatusReport
from .services.reports.tracing import Tracing
from .services.sessions.gateways import Gateways
from .services.sessions.sessions import LocalSessions
from .services.sessions.surfaces import LocalSurfaces
from .services.system.machine_acts import MachineActs
from .services.system.sealing import Sealing
from .services.system.system_particles import ExecutorParticle, MachineParticle
from .services.system.users_particle import UsersParticle
from .stars.star import Star
from .transit.pending import PendingAnswers
from .transit.switchboard import Switchboard

__all__ = ["Given", "Parts"]


@attrs.frozen
class Given:
    """The inputs of a machine.

    Attributes:
        config: its configuration.
        data_dir: the directory of its files.
        plugins: the loaded plugins.
        life: a text that is different for each run of a machine.
        chance: the machine's source of randomness.
        registry, transport, policy: used instead of those in the config.
        state: returns the state of the machine and its cause.
        request_stop: asks the owner of the machine to stop it.
        places_taken: called each time that this machine cannot announce its stars again, because another machine holds
            one of them.
    """

    config: Config
    data_dir: Path
    plugins: PluginSet
    life: str
    chance: random.Random
    registry: Registry | None
    transport: LaneTransport | None
    policy: SecurityPolicy | None
    state: Callable[[], tuple[Status, str]]
    request_stop: Callable[[], None]
    places_taken: Callable[[StarTaken], None]


@attrs.frozen
class Parts:
    """The parts of a machine: those that are opened, and those that tests examine."""

    lock: MachineLock
    registry: Registry
    transport: LaneTransport
    policy: SecurityPolicy
    policy_name: str
    """The name of the policy in errors."""
    interceptors: Interceptors
    pool: WorkerPool
    home: Star
    """The star that represents this machine itself."""
    stars: dict[StarKey, Star]
    served: ServedKinds
    homes: Homes
    places: Places
    records: Records
    gate: Gate
    directory: Directory
    ways: Ways
    reader: DirectoryReader
    membership: Membership
    board: Switchboard
    admission: Admission
    pending: PendingAnswers
    provisioner: Provisioner
    outbounds: dict[StarKey, Outbound]
    inbound: Inbound
    watches: Watches
    rebalancer: Rebalancer
    executor: ExecutorParticle
    machine_particle: MachineParticle
    users_particle: UsersParticle
    tracing: Tracing
    figures: LiveFigures
    looking: Looking
    acts: MachineActs
    feed: ChangeFeed
    drivers: Drivers
    idle_collector: IdleCollector
    status: StatusReport
    sessions: LocalSessions
    surfaces: LocalSurfaces
    gateways: Gateways
    sealing: Sealing

    @property
    def outbound(self) -> Outbound:
        """Sends from the star that represents this machine."""
        return self.outbounds[self.home.key]
