"""The fifth step: what the machine offers beside waves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import attrs

from ...config import without_secrets
from ...contracts.gateway import SessionLimits
from ...universe.address.star_key import StarKey
from ...universe.waves.wave import Pong
from ..closing import ClosingStack
from ..cluster.membership import Membership
from ..delivery.star_requests import ask_star
from ..particles.idle_collector import IdleCollector
from ..parts import Given
from ..placement.nearest import nearest
from ..placement.rebalancing import Rebalancer
from ..services.changes.change_feed import ChangeFeed
from ..services.changes.residents import Residents
from ..services.commands.executor import Commands
from ..services.drivers.drivers import Drivers
from ..services.reports.descriptions import Descriptions
from ..services.reports.dump import StateDump
from ..services.reports.figures import LiveFigures
from ..services.reports.load import Load
from ..services.reports.log_notes import LogNotes
from ..services.reports.looking import Looking
from ..services.reports.status import StatusReport
from ..services.reports.stubs import Stubs
from ..services.reports.tracing import Tracing
from ..services.sessions.gateway_host import LocalGatewayHost
from ..services.sessions.gateways import Gateways
from ..services.sessions.sessions import LocalSessions
from ..services.sessions.shares import AgentLimits, Shares
from ..services.sessions.surfaces import LocalSurfaces
from ..services.system.machine_acts import MachineActs
from ..services.system.sealing import Sealing
from ..services.system.system_particles import ExecutorParticle, MachineParticle
from ..services.system.users_particle import UsersParticle
from ..transit.key_rotation import KeyRotation
from .cluster import ClusterParts
from .core import CoreParts
from .delivery import DeliveryParts, PlacingParts
from .homes import fill_homes, pin_driver
from .plugin_parts import PluginParts

__all__ = ["ServiceParts", "make_services"]


@attrs.frozen
class ServiceParts:
    """What a machine offers beside waves.

    Attributes:
        rebalancer: moves particles between stars.
        tracing: traces single waves.
        figures: counts while somebody looks.
        looking: has the notes of all machines.
        acts: stops and drains machines, and starts their drivers.
        feed: follows the changes of the registry.
        membership: announces and renews this machine's stars.
        drivers: of the Kinds that this machine serves.
        idle_collector: has idle particles leave memory.
        status: collects its state.
        sessions, gateways: of clients.
        surfaces: of clients inside the process.
        sealing: encrypts secrets that are in clear, or have an older key.
        executor, machine_particle, users_particle: the platform's own global particles.
    """

    rebalancer: Rebalancer
    tracing: Tracing
    figures: LiveFigures
    looking: Looking
    acts: MachineActs
    feed: ChangeFeed
    membership: Membership
    drivers: Drivers
    idle_collector: IdleCollector
    status: StatusReport
    sessions: LocalSessions
    surfaces: LocalSurfaces
    gateways: Gateways
    sealing: Sealing
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
    descriptions = Descriptions(
        given.config.name, core.served, cluster.directory, cluster.ways, core.homes, placing.strategies
    )
    commands = _commands(plugged, core, cluster, placing, descriptions)
    fill_homes(given, plugged, core, placing, delivery, residents, commands)
    tracing = Tracing(core.interceptors, delivery.outbound, cluster.directory)
    closing.close("the traces", tracing.close)
    limits = SessionLimits(config.limits.client_waves, config.limits.body)
    agents = AgentLimits(
        config.limits.agent_waves, config.limits.agent_bytes, config.limits.agent_sessions, config.limits.agent_rate
    )
    shares = Shares(agents, core.held)
    hosting = core.homes[core.home.key]
    sessions = LocalSessions(core.answers, hosting, delivery.outbound, limits, shares, core.interceptors, core.audit)
    gateways = _gateways(given, plugged, core, sessions, limits)
    lease_lost: list[Callable[[], None]] = [core.homes.lease_lost]
    membership = _membership(given, plugged, core, cluster, lease_lost)
    feed = ChangeFeed(
        plugged.registry,
        [core.selections, core.records, delivery.binds, delivery.watches, core.answers, sessions, cluster.admission],
        residents,
        cluster.reader,
        cluster.board.peers.tell_all,
        given.chance,
        core.troubles,
        core.feed_progress,
        membership.set_back,
    )
    lease_lost.append(feed.lost)
    rebalancer = _rebalancer(plugged, core, cluster, placing, delivery, membership)
    drivers = Drivers(
        config,
        given.data_dir,
        plugins=given.plugins,
        served=core.served,
        outbound=delivery.outbound,
        ready=membership.changed,
        chance=given.chance,
        blobs=plugged.blobs,
        pin=partial(pin_driver, core.homes[core.home.key], core.gate),
        interceptors=core.interceptors,
    )
    status = _status(given, plugged, core, cluster, membership, gateways, shares)
    sealing = Sealing(plugged.registry, core.sealing_keys, core.sealed)
    figures = LiveFigures(core.interceptors, delivery.outbound, cluster.directory, core.homes, status.machine)
    closing.close("the figures", figures.close)
    log_notes = LogNotes()
    log_notes.begin()
    closing.close("the notes of the log", log_notes.end)
    acts = MachineActs(
        audit=core.audit,
        rebalancer=rebalancer,
        drivers=drivers,
        outbound=delivery.outbound,
        directory=cluster.directory,
        request_stop=given.request_stop,
    )
    closing.close("the drains", acts.close)
    looking = Looking(figures, log_notes, delivery.outbound, cluster.directory, descriptions)
    key_rotation = KeyRotation(
        config.name,
        config.lease,
        transport=plugged.transport,
        keys=cluster.board.keys,
        admission=cluster.admission,
        board=cluster.board,
        membership=membership,
    )
    closing.close("the ends of keys", key_rotation.close)
    machine_particle = MachineParticle(
        status=status,
        rebalancer=rebalancer,
        records=core.records,
        gate=core.gate,
        watches=delivery.watches,
        tracing=tracing,
        dump=_dump(given, core, cluster, delivery),
        stubs=Stubs(core.served),
        load=Load(core.interceptors),
        keys=cluster.keys,
        admission=cluster.admission,
        key_rotation=key_rotation,
        figures=figures,
        looking=looking,
        audit=core.audit,
        nearest=partial(nearest, plugged.registry),
        sealing=sealing,
        gateways=gateways,
        acts=acts,
    )
    return ServiceParts(
        rebalancer=rebalancer,
        tracing=tracing,
        figures=figures,
        looking=looking,
        acts=acts,
        feed=feed,
        membership=membership,
        drivers=drivers,
        idle_collector=IdleCollector(core.homes, core.served, config.stop_deadline),
        status=status,
        sessions=sessions,
        surfaces=LocalSurfaces(core.homes[core.home.key]),
        gateways=gateways,
        sealing=sealing,
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
        remover=placing.remover,
        served=core.served,
        homes=core.homes,
        descriptions=descriptions,
        audit=core.audit,
        sealed=core.sealed,
    )


def _membership(
    given: Given,
    plugged: PluginParts,
    core: CoreParts,
    cluster: ClusterParts,
    lease_lost: Sequence[Callable[[], None]],
) -> Membership:
    """Announces and renews this machine's stars. When their leases are lost, nothing that was known may be believed."""
    config = given.config
    return Membership(
        config.name,
        config.constellation,
        config.lease,
        stars=core.stars,
        homes=core.homes,
        registry=plugged.registry,
        directory=cluster.directory,
        reader=cluster.reader,
        watchman=cluster.watchman,
        facts=cluster.facts,
        lease_lost=lease_lost,
        troubles=core.troubles,
        interceptors=core.interceptors,
    )


def _rebalancer(
    plugged: PluginParts,
    core: CoreParts,
    cluster: ClusterParts,
    placing: PlacingParts,
    delivery: DeliveryParts,
    membership: Membership,
) -> Rebalancer:
    """Moves particles between stars."""

    async def ask(star: StarKey, method: str, body: dict[str, Any], wait: float) -> Pong:
        return await ask_star(delivery.outbound, star, method, body, wait=wait)

    return Rebalancer(
        ask_star=ask,
        registry=plugged.registry,
        directory=cluster.directory,
        membership=membership,
        homes=core.homes,
        places=core.places,
        served=core.served,
        requests=cluster.requests,
        candidates=placing.candidates,
        strategies=placing.strategies,
        interceptors=core.interceptors,
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
        transport=plugged.for_clients.transport,
        transport_name=plugged.for_clients.name,
        transport_settings=without_secrets(plugged.for_clients.settings),
        chance=given.chance,
        pool=core.pool,
    )
    gateways = Gateways(config, given.plugins, host, plugged.registry, given.data_dir, sessions.know_owner)
    gateways.check()
    return gateways


def _status(
    given: Given,
    plugged: PluginParts,
    core: CoreParts,
    cluster: ClusterParts,
    membership: Membership,
    gateways: Gateways,
    shares: Shares,
) -> StatusReport:
    """Collects the state of the machine."""
    return StatusReport(
        given.config,
        given.data_dir,
        in_use=shares.report,
        life=given.state,
        addresses=gateways.addresses,
        plugins=given.plugins,
        served=core.served,
        homes=core.homes,
        home=core.home,
        directory=cluster.directory,
        membership=membership,
        board=cluster.board,
        pool=core.pool,
        registry=plugged.registry,
        troubles=core.troubles,
        read_again=cluster.reader.refresh,
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
