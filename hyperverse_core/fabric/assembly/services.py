"""The fifth step: particles can live here, and what the machine offers beside waves."""

from __future__ import annotations

from typing import Any

import attrs

from ...config import without_secrets
from ...contracts.gateway import SessionLimits
from ...universe.address.star_key import StarKey
from ...universe.waves.wave import Pong
from ..closing import ClosingStack
from ..delivery.pipeline import Pipelines
from ..delivery.star_requests import ask_star
from ..particles.active_table import ActiveTable
from ..particles.comings import Comings
from ..particles.home import Home
from ..particles.hosting import Hosting
from ..particles.idle_collector import IdleCollector
from ..parts import Given
from ..placement.rebalancing import Rebalancer
from ..services.change_feed import ChangeFeed
from ..services.commands import Commands
from ..services.descriptions import Descriptions
from ..services.drivers import Drivers
from ..services.dump import StateDump
from ..services.gateway_host import LocalGatewayHost
from ..services.gateways import Gateways
from ..services.load import Load
from ..services.particle_services import ParticleServices
from ..services.residents import Residents
from ..services.sessions import LocalSessions
from ..services.status import StatusReport
from ..services.stubs import Stubs
from ..services.surfaces import LocalSurfaces
from ..services.system_particles import ExecutorParticle, MachineParticle
from ..services.tracing import Tracing
from ..services.users_particle import UsersParticle
from .cluster import ClusterParts
from .core import CoreParts
from .delivery import DeliveryParts, PlacingParts
from .plugin_parts import PluginParts

__all__ = ["ServiceParts", "make_services"]


@attrs.frozen
class ServiceParts:
    """What a machine offers beside waves.

    Attributes:
        rebalancer: moves particles between stars.
        tracing: traces single waves.
        feed: follows the changes of the registry.
        drivers: of the Kinds that this machine serves.
        idle_collector: has idle particles leave memory.
        status: collects its state.
        sessions, gateways: of clients.
        surfaces: of clients inside the process.
        executor, machine_particle, users_particle: the platform's own global particles.
    """

    rebalancer: Rebalancer
    tracing: Tracing
    feed: ChangeFeed
    drivers: Drivers
    idle_collector: IdleCollector
    status: StatusReport
    sessions: LocalSessions
    surfaces: LocalSurfaces
    gateways: Gateways
    executor: ExecutorParticle
    machine_particle: MachineParticle
    users_particle: UsersParticle


def make_services(
    given: Given,
    plugged: PluginParts,
    core: CoreParts,
    cluster: ClusterParts,
    placing: PlacingParts,
    delivery: DeliveryParts,
    closing: ClosingStack,
) -> ServiceParts:
    """Makes them. Raises ConfigError when the config names a gateway that no plugin brings."""
    config = given.config
    residents = Residents(plugged.registry, core.homes, core.places, placing.deletions)
    descriptions = Descriptions(given.config.name, core.served, cluster.directory, cluster.ways, core.homes)
    commands = _commands(plugged, core, cluster, placing, descriptions)
    _fill_homes(given, plugged, core, placing, delivery, residents, commands)
    tracing = Tracing(core.interceptors, delivery.outbound, cluster.directory)
    closing.close("the traces", tracing.close)
    rebalancer = _rebalancer(plugged, core, cluster, placing, delivery)
    limits = SessionLimits(config.limits.client_waves, config.limits.body)
    sessions = LocalSessions(core.gate, core.homes[core.home.key], delivery.outbound, limits, core.interceptors)
    gateways = _gateways(given, plugged, core, sessions, limits)
    drivers = Drivers(
        config,
        given.data_dir,
        plugins=given.plugins,
        served=core.served,
        outbound=delivery.outbound,
        ready=cluster.membership.changed,
        chance=given.chance,
    )
    feed = ChangeFeed(
        plugged.registry,
        [core.selections, core.records, delivery.binds, delivery.watches, core.gate, sessions],
        residents,
        cluster.membership,
        cluster.board.tell_all,
        given.chance,
        core.troubles,
    )
    status = _status(given, plugged, core, cluster, gateways)
    machine_particle = MachineParticle(
        status=status,
        rebalancer=rebalancer,
        records=core.records,
        gate=core.gate,
        watches=delivery.watches,
        tracing=tracing,
        dump=_dump(given, core, cluster, delivery),
        stubs=Stubs(core.served),
        descriptions=descriptions,
        load=Load(core.interceptors),
        request_stop=given.request_stop,
    )
    return ServiceParts(
        rebalancer=rebalancer,
        tracing=tracing,
        feed=feed,
        drivers=drivers,
        idle_collector=IdleCollector(core.homes, core.served, config.stop_deadline),
        status=status,
        sessions=sessions,
        surfaces=LocalSurfaces(core.homes[core.home.key]),
        gateways=gateways,
        executor=ExecutorParticle(commands),
        machine_particle=machine_particle,
        users_particle=UsersParticle(commands.about_access, sessions.identity_at),
    )


def _commands(
    plugged: PluginParts, core: CoreParts, cluster: ClusterParts, placing: PlacingParts, descriptions: Descriptions
) -> Commands:
    """Runs scripts and commands."""
    return Commands(
        registry=plugged.registry,
        records=core.records,
        gate=core.gate,
        provisioner=placing.provisioner,
        served=core.served,
        homes=core.homes,
        descriptions=descriptions,
    )


def _fill_homes(
    given: Given,
    plugged: PluginParts,
    core: CoreParts,
    placing: PlacingParts,
    delivery: DeliveryParts,
    residents: Residents,
    commands: Commands,
) -> None:
    """Lets particles live in each star."""
    limits, watches, gate, binds = given.config.limits, delivery.watches, core.gate, delivery.binds
    routing = Pipelines(binds, limits.hops)
    services = ParticleServices(placing.provisioner, commands, watches)
    comings = Comings(
        arrived=(residents.arrived, watches.arrived),
        renewed=(gate.renewed, binds.renewed),
        left=(residents.left, gate.left),
    )
    for key, star in core.stars.items():
        home = Home(
            star=star,
            gate=gate,
            routing=routing,
            outbound=delivery.outbounds[key],
            services=services,
            registry=plugged.registry,
            pool=core.pool,
            interceptors=core.interceptors,
            ids=core.ids,
            chain_limit=limits.chain,
            loop=core.loop,
            troubles=core.troubles,
            table=ActiveTable(star, comings, core.interceptors),
        )
        core.homes.add(Hosting(home, core.served))


def _rebalancer(
    plugged: PluginParts, core: CoreParts, cluster: ClusterParts, placing: PlacingParts, delivery: DeliveryParts
) -> Rebalancer:
    """Moves particles between stars."""

    async def ask(star: StarKey, method: str, body: dict[str, Any], wait: float) -> Pong:
        return await ask_star(delivery.outbound, star, method, body, wait=wait)

    return Rebalancer(
        ask_star=ask,
        registry=plugged.registry,
        directory=cluster.directory,
        membership=cluster.membership,
        homes=core.homes,
        places=core.places,
        served=core.served,
        requests=cluster.requests,
        candidates=placing.candidates,
        strategies=placing.strategies,
    )


def _gateways(
    given: Given, plugged: PluginParts, core: CoreParts, sessions: LocalSessions, limits: SessionLimits
) -> Gateways:
    """The gateways of clients. Raises ConfigError when the config names one that no plugin brings."""
    config = given.config
    host = LocalGatewayHost(
        machine=config.name,
        life=given.life,
        data_dir=given.data_dir,
        directory=plugged.lock.directory,
        sessions=sessions,
        limits=limits,
        transport=plugged.transport,
        transport_name=config.lanes.driver,
        transport_settings=without_secrets(config.transport_settings()),
        chance=given.chance,
        pool=core.pool,
    )
    gateways = Gateways(config, given.plugins, host, plugged.registry, given.data_dir)
    gateways.check()
    return gateways


def _status(
    given: Given, plugged: PluginParts, core: CoreParts, cluster: ClusterParts, gateways: Gateways
) -> StatusReport:
    """Collects the state of the machine."""
    return StatusReport(
        given.config,
        given.data_dir,
        life=given.state,
        addresses=gateways.addresses,
        plugins=given.plugins,
        served=core.served,
        homes=core.homes,
        home=core.home,
        directory=cluster.directory,
        membership=cluster.membership,
        board=cluster.board,
        pool=core.pool,
        registry=plugged.registry,
        troubles=core.troubles,
    )


def _dump(given: Given, core: CoreParts, cluster: ClusterParts, delivery: DeliveryParts) -> StateDump:
    """Lists what is in the memory of the machine."""
    return StateDump(
        given.config.name,
        homes=core.homes,
        places=core.places,
        pool=core.pool,
        pending=cluster.pending,
        board=cluster.board,
        watches=delivery.watch_table,
        records=core.records,
        selections=core.selections,
        gate=core.gate,
        replies=delivery.inbound.replay_cache,
    )
