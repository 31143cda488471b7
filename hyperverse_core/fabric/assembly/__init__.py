"""Assembly: builds a machine from its parts, to be read from top to bottom.

Each step is a function that receives what the earlier steps have built, so mypy checks the order; each part receives
what it uses, including callbacks. Only the homes of the particles are filled later, by ``services.py``: a particle uses
senders and binds, which look for particles in the homes. ``opening.py`` opens the parts; open parts are closed in
reverse order.
"""

from __future__ import annotations

from ...universe.kind_defs.standard_kinds import STANDARD_KINDS
from ..closing import ClosingStack
from ..particles.served import ServedKinds
from ..parts import Given, Parts
from ..placement.strategies import Strategies
from .cluster import make_cluster
from .core import make_core
from .delivery import make_delivery, make_placing
from .plugin_parts import open_plugin_parts
from .services import make_services

__all__ = ["assemble"]


async def assemble(given: Given, closing: ClosingStack) -> Parts:
    """Builds the parts; the registry is open, nothing serves yet.

    Args:
        given: the inputs of the machine.
        closing: receives the callbacks that close the parts.

    Raises ConfigError, Conflict, Unavailable, PluginError or NotFound if the machine cannot serve at all.
    """
    served = ServedKinds(STANDARD_KINDS, given.plugins.why_missing)
    strategies = Strategies(given.config, given.plugins, served, given.chance)
    strategies.check()
    plugged = await open_plugin_parts(given, closing)
    core = await make_core(given, plugged, served, closing)
    cluster = make_cluster(given, plugged, core)
    placing = make_placing(given, plugged, core, cluster, strategies)
    delivery = make_delivery(given, plugged, core, cluster, placing, closing)
    services = make_services(given, plugged, core, cluster, placing, delivery, closing)
    return Parts(
        lock=plugged.lock,
        registry=plugged.registry,
        transport=plugged.transport,
        policy=plugged.policy,
        policy_name=plugged.policy_name,
        interceptors=core.interceptors,
        pool=core.pool,
        home=core.home,
        stars=core.stars,
        served=served,
        homes=core.homes,
        places=core.places,
        records=core.records,
        gate=core.gate,
        directory=cluster.directory,
        ways=cluster.ways,
        reader=cluster.reader,
        membership=services.following.membership,
        board=cluster.board,
        admission=cluster.admission,
        pending=cluster.pending,
        provisioner=placing.provisioner,
        outbounds=delivery.outbounds,
        inbound=delivery.inbound,
        watches=delivery.watches,
        rebalancer=services.rebalancer,
        executor=services.executor,
        machine_particle=services.machine_particle,
        users_particle=services.users_particle,
        tracing=services.reports.tracing,
        figures=services.reports.figures,
        looking=services.reports.looking,
        acts=services.acts,
        feed=services.following.feed,
        drivers=services.drivers,
        idle_collector=services.idle_collector,
        status=services.reports.status,
        sessions=services.clients.sessions,
        surfaces=services.clients.surfaces,
        gateways=services.clients.gateways,
        sealing=services.sealing,
    )
