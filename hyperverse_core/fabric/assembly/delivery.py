"""The fourth step: the placement of particles, and the delivery of waves to them."""

from __future__ import annotations

import attrs

from ...scheduling.rate_limiter import RateLimiter
from ...universe.address.star_key import StarKey
from ..closing import ClosingStack
from ..delivery.binds import Binds
from ..delivery.fan_out import FanOut
from ..delivery.inbound import Inbound
from ..delivery.location import Location
from ..delivery.outbound import Outbound
from ..delivery.retry import Retry
from ..delivery.watch_table import WatchTable
from ..particles.deletions import Deletions
from ..parts import Given
from ..placement.candidates import Candidates
from ..placement.placer import Placer
from ..placement.provisioner import Provisioner
from ..placement.remover import Remover
from ..placement.strategies import Strategies
from ..services.changes.watch_rights import WatchRights
from ..services.changes.watches import Watches
from .cluster import ClusterParts
from .core import CoreParts
from .plugin_parts import PluginParts

__all__ = ["DeliveryParts", "PlacingParts", "make_delivery", "make_placing"]


@attrs.frozen
class PlacingParts:
    """The parts that determine where a particle lives.

    Attributes:
        strategies, candidates: the strategies that choose a star, and the stars from which they choose.
        deletions: ends deleted particles.
        provisioner, remover: register and delete particles.
        location: finds where a particle lives.
    """

    strategies: Strategies
    candidates: Candidates
    deletions: Deletions
    provisioner: Provisioner
    remover: Remover
    location: Location


def make_placing(
    given: Given, plugged: PluginParts, core: CoreParts, cluster: ClusterParts, strategies: Strategies
) -> PlacingParts:
    """Builds them."""
    candidates = Candidates(cluster.directory, core.homes, core.places, core.home, cluster.facts)
    deletions = Deletions(core.pool)
    placer = Placer(
        registry=plugged.registry,
        served=core.served,
        homes=core.homes,
        directory=cluster.directory,
        reader=cluster.reader,
        remotes=cluster.remotes,
        requests=cluster.requests,
        candidates=candidates,
        strategies=strategies,
    )
    remover = Remover(plugged.registry, core.records, core.selections, core.places, core.homes, deletions)
    provisioner = Provisioner(
        registry=plugged.registry,
        permits=core.gate,
        served=core.served,
        places=core.places,
        records=core.records,
        selections=core.selections,
        placer=placer,
        remover=remover,
        sealed=core.sealed,
        pace=RateLimiter(given.config.limits.agent_new_particles),
    )
    location = Location(
        core.places, core.homes, core.home, cluster.remotes, placer.place, core.records, core.gate, core.served
    )
    return PlacingParts(strategies, candidates, deletions, provisioner, remover, location)


@attrs.frozen
class DeliveryParts:
    """The parts that deliver waves.

    Attributes:
        outbounds: send from each star of this machine.
        outbound: sends from the star that represents it.
        watch_table, watches: the watchers of particles.
        binds: determine where a particle's bind sends its waves.
        inbound: handles the waves of other machines.
    """

    outbounds: dict[StarKey, Outbound]
    outbound: Outbound
    watch_table: WatchTable
    watches: Watches
    binds: Binds
    inbound: Inbound


def make_delivery(
    given: Given,
    plugged: PluginParts,
    core: CoreParts,
    cluster: ClusterParts,
    placing: PlacingParts,
    closing: ClosingStack,
) -> DeliveryParts:
    """Builds them."""
    table = WatchTable()
    fan_out = FanOut(
        places=core.places,
        location=placing.location,
        pool=core.pool,
        ways=cluster.ways,
        requests=cluster.requests,
        selections=core.selections,
        directory=cluster.directory,
        watches=table,
        interceptors=core.interceptors,
    )
    outbounds = _outbounds(given, core, cluster, placing, fan_out)
    outbound = outbounds[core.home.key]
    watches = Watches(
        table,
        outbound=outbound,
        registry=plugged.registry,
        directory=cluster.directory,
        homes=core.homes,
        location=placing.location,
        rights=WatchRights(core.gate.check, core.records.get),
        most_of_agent=given.config.limits.agent_watches,
    )
    binds = Binds(core.homes, outbound, watches.watch_states)
    closing.close("the binds", binds.close)
    closing.close("the places", core.places.close)
    inbound = Inbound(
        homes=core.homes,
        outbounds=outbounds.values(),
        places=core.places,
        board=cluster.board,
        fan_out=fan_out,
        pool=core.pool,
        registry=plugged.registry,
        gate=core.gate,
    )
    return DeliveryParts(outbounds, outbound, table, watches, binds, inbound)


def _outbounds(
    given: Given, core: CoreParts, cluster: ClusterParts, placing: PlacingParts, fan_out: FanOut
) -> dict[StarKey, Outbound]:
    """Returns an outbound for each star."""
    retry = Retry(cluster.remotes, cluster.directory, core.interceptors, given.chance)
    return {
        key: Outbound(
            star,
            places=core.places,
            location=placing.location,
            deadlines=core.deadlines,
            ids=core.ids,
            retry=retry,
            fan_out=fan_out,
            interceptors=core.interceptors,
            told=core.gate.told,
            checks=core.gate.checks,
        )
        for key, star in core.stars.items()
    }
