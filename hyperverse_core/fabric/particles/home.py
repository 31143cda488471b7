"""Home: the objects that the particles of one star share."""

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
    """The shared objects, given to each active particle, which thus holds one reference instead of ten.

    Attributes:
        star: their star.
        gate: decides which waves may reach them.
        routing: routes waves by their binds.
        outbound: sends their waves.
        services: the services of the machine for their handlers.
        registry: stores their states.
        pool: runs work that nobody waits for.
        held: counts the memory of waiting Signals.
        interceptors: observe their waves.
        ids: makes the ids of their waves.
        chain_limit: greatest number of handlers that may wait for one another.
        loop: the event loop.
        troubles: troubles shown in the status of the machine.
        table: notified when they arrive, change or leave.
        sealed: decrypts their secret properties.
        failures: the latest failures of their handlers.
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
