"""A part of the fifth step: prepares the stars of this machine to host particles."""

from __future__ import annotations

from ...contracts.driver import Particle
from ...universe.address.point import Point
from ..delivery.callers_rights import CallersRights
from ..delivery.gate import Gate
from ..delivery.pipeline import Pipelines
from ..particles.active_table import ActiveTable
from ..particles.comings import Comings
from ..particles.home import Home
from ..particles.hosting import Hosting
from ..parts import Given
from ..services.changes.residents import Residents
from ..services.commands.executor import Commands
from ..services.system.particle_services import ParticleServices
from .core import CoreParts
from .delivery import DeliveryParts, PlacingParts
from .plugin_parts import PluginParts

__all__ = ["fill_homes", "pin_driver"]


def fill_homes(
    given: Given,
    plugged: PluginParts,
    core: CoreParts,
    placing: PlacingParts,
    delivery: DeliveryParts,
    residents: Residents,
    commands: Commands,
) -> None:
    """Prepares each star to host particles."""
    limits, watches, gate, binds = given.config.limits, delivery.watches, core.gate, delivery.binds
    routing = Pipelines(binds, CallersRights(gate, core.records.get), limits.hops)
    services = ParticleServices(placing.provisioner, commands, watches)
    comings = Comings(
        arrived=(residents.arrived, watches.arrived),
        renewed=(core.answers.renewed, binds.renewed),
        left=(residents.left, core.answers.left),
    )
    for key, star in core.stars.items():
        table = ActiveTable(star, comings, core.interceptors)
        home = Home(
            star=star,
            gate=gate,
            routing=routing,
            outbound=delivery.outbounds[key],
            services=services,
            registry=plugged.registry,
            pool=core.pool,
            held=core.held,
            interceptors=core.interceptors,
            ids=core.ids,
            chain_limit=limits.chain,
            loop=core.loop,
            troubles=core.troubles,
            table=table,
            sealed=core.sealed,
        )
        core.homes.add(Hosting(home, table, core.served))


def pin_driver(home: Hosting, gate: Gate, point: Point, particle: Particle) -> None:
    """Makes a driver answer at its own point, in the star that represents this machine."""
    before = home.active.get(point.text)
    if before is not None:
        home.table.remove(before)
    gate.open_to_all(home.pin(point, "Driver", particle))
