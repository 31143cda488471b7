"""Home: what the particles of one star have in common."""

from __future__ import annotations

import asyncio

import attrs

from ...contracts.registry import Registry
from ...scheduling.held_bytes import HeldBytes
from ...scheduling.troubles import Troubles
from ...scheduling.worker_pool import WorkerPool
from ...universe.waves.origin import Ids
from ..interception.interceptors import Interceptors
from ..stars.star import Star
from .last_failures import LastFailures
from .ports import GatePort, OutboundPort, RoutingPort, ServicesPort, TablePort
from .sealed_properties import SealedProperties

__all__ = ["Home"]


@attrs.frozen(eq=False)
class Home:
    """Handed to each active particle, which so holds one reference instead of ten.

    Attributes:
        star: where they live.
        gate: who may reach them.
        routing: the way that a bind has for a wave.
        outbound: sends their waves.
        services: what their handlers may have the machine do.
        registry: keeps their states.
        pool: runs what nobody waits for.
        held: the memory of Signals that wait.
        interceptors: who listens.
        ids: where the ids of their waves come from.
        chain_limit: how many handlers may wait for one another.
        loop: the event loop.
        troubles: what is shown in the status of the machine.
        table: is told what becomes of them.
        sealed: decrypts their secret properties.
        failures: the last failures of their handlers.
    """

    star: Star
    gate: GatePort
    routing: RoutingPort
    outbound: OutboundPort
    services: ServicesPort
    registry: Registry
    pool: WorkerPool
    held: HeldBytes
    interceptors: Interceptors
    ids: Ids
    chain_limit: int
    loop: asyncio.AbstractEventLoop
    troubles: Troubles
    table: TablePort
    sealed: SealedProperties
    failures: LastFailures = attrs.field(factory=LastFailures)
