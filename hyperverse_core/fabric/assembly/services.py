"""The fifth step: the services of the machine in addition to waves."""

from __future__ import annotations

from functools import partial
from typing import Any

import attrs

from ...universe.address.star_key import StarKey
from ...universe.waves.wave import Pong
from ..closing import ClosingStack
from ..cluster.membership import Membership
from ..delivery.star_requests import ask_star
from ..particles.idle_collector import IdleCollector
from ..parts import Given
from ..placement.nearest import nearest
from ..placement.rebalancing import Rebalancer
from ..services.changes.residents import Residents
from ..services.commands.executor import Commands
from ..services.drivers.drivers import Drivers
from ..services.reports.descriptions import Descriptions
from ..services.system.machine_acts import MachineActs
from ..services.system.sealing import Sealing
from ..services.system.system_particles import ExecutorParticle, MachineParticle
from ..services.system.users_particle import UsersParticle
from ..transit.key_rotation import KeyRotation
from .cluster import ClusterParts
from .core import CoreParts
from .delivery import DeliveryParts, PlacingParts
from .following import FollowingParts, make_following
from .homes import fill_homes, pin_driver
from .plugin_parts import PluginParts
from .reports import ReportParts, make_reports
from .sessions import SessionParts, make_sessions

__all__ = ["ServiceParts", "make_services"]


@attrs.frozen
class ServiceParts:
    """The services of a machine in addition to waves.

    Attributes:
        clients: the parts that accept clients.
        following: announces the machine, and follows changes.
        reports: the reports of the machine.
        rebalancer: moves particles between stars.
        drivers: the drivers of the Kinds that this machine serves.
        acts: stops and drains machines, and starts their drivers.
        idle_collector: deactivates idle particles.
        sealing: encrypts secrets that are in clear text, or encrypted with an older key.
        executor, machine_particle, users_particle: the platform's own global particles.
    """

    clients: SessionParts
    following: FollowingParts
    reports: ReportParts
    rebalancer: Rebalancer
    drivers: Drivers
    acts: MachineActs
    idle_collector: IdleCollector
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
    """Builds them. Raises ConfigError if the config names a gateway that no plugin provides."""
    residents = Residents(plugged.registry, core.homes, core.places, placing.deletions)
    descriptions = Descriptions(
        given.config.name, core.served, cluster.directory, cluster.ways, core.homes, placing.strategies
    )
    commands = _commands(plugged, core, cluster, placing, descriptions)
    fill_homes(given, plugged, core, placing, delivery, residents, commands)
    clients = make_sessions(given, plugged, core, delivery)
    following = make_following(given, plugged, core, cluster, delivery, residents, clients.sessions)
    membership = following.membership
    reports = make_reports(given, plugged, core, cluster, delivery, clients, membership, descriptions, closing)
    rebalancer = _rebalancer(plugged, core, cluster, placing, delivery, membership)
    drivers = _drivers(given, plugged, core, delivery, membership)
    acts = MachineActs(
        audit=core.audit,
        rebalancer=rebalancer,
        drivers=drivers,
        outbound=delivery.outbound,
        directory=cluster.directory,
        request_stop=given.request_stop,
    )
    closing.close("the drains", acts.close)
    key_rotation = _key_rotation(given, plugged, cluster, membership)
    closing.close("the expiry of keys", key_rotation.close)
    sealing = Sealing(plugged.registry, core.sealing_keys, core.sealed)
    machine_particle = MachineParticle(
        status=reports.status,
        rebalancer=rebalancer,
        records=core.records,
        gate=core.gate,
        watches=delivery.watches,
        tracing=reports.tracing,
        dump=reports.dump,
        stubs=reports.stubs,
        load=reports.load,
        keys=cluster.keys,
        admission=cluster.admission,
        key_rotation=key_rotation,
        figures=reports.figures,
        looking=reports.looking,
        audit=core.audit,
        nearest=partial(nearest, plugged.registry),
        sealing=sealing,
        gateways=clients.gateways,
        acts=acts,
    )
    return ServiceParts(
        clients=clients,
        following=following,
        reports=reports,
        rebalancer=rebalancer,
        drivers=drivers,
        acts=acts,
        idle_collector=IdleCollector(core.homes, core.served, given.config.stop_deadline),
        sealing=sealing,
        executor=ExecutorParticle(commands),
        machine_particle=machine_particle,
        users_particle=UsersParticle(commands.about_access, clients.sessions.identity_at),
    )


def _commands(
    plugged: PluginParts, core: CoreParts, cluster: ClusterParts, placing: PlacingParts, descriptions: Descriptions
) -> Commands:
    """Returns the part that runs scripts and commands."""
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


def _rebalancer(
    plugged: PluginParts,
    core: CoreParts,
    cluster: ClusterParts,
    placing: PlacingParts,
    delivery: DeliveryParts,
    membership: Membership,
) -> Rebalancer:
    """Returns the part that moves particles between stars."""

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


def _drivers(
    given: Given, plugged: PluginParts, core: CoreParts, delivery: DeliveryParts, membership: Membership
) -> Drivers:
    """Returns the part that starts and stops the drivers."""
    return Drivers(
        given.config,
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


def _key_rotation(given: Given, plugged: PluginParts, cluster: ClusterParts, membership: Membership) -> KeyRotation:
    """Returns the part that changes the machine's key."""
    return KeyRotation(
        given.config.name,
        given.config.lease,
        transport=plugged.transport,
        keys=cluster.board.keys,
        admission=cluster.admission,
        board=cluster.board,
        membership=membership,
    )
