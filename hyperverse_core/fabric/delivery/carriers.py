"""Carriers: deliver the copies of Ripples to their recipients."""

from __future__ import annotations

import asyncio

import attrs

from ...scheduling.worker_pool import WorkerPool
from ..cluster.ways import Ways
from ..interception.interceptors import Interceptors
from ..particles.places import Places
from ..transit.requests import Requests
from .location import Location

__all__ = ["PLACED_AT_ONCE", "Carriers"]

PLACED_AT_ONCE = 512
"""Number of recipients that are located at once, because writes of others wait behind these look-ups in the
registry."""


@attrs.frozen(eq=False)
class Carriers:
    """The parts that deliver the copies of Ripples to their recipients.

    Attributes:
        places: the known places.
        location: finds unknown places.
        pool: runs the recipients of this machine.
        ways: the routes to other machines, if there are any.
        requests: sends to stars of other machines.
        interceptors: observe the copies.
        placing: bounds how many places are looked up at once.
    """

    places: Places
    location: Location
    pool: WorkerPool
    ways: Ways
    requests: Requests
    interceptors: Interceptors
    placing: asyncio.Semaphore = attrs.field(factory=lambda: asyncio.Semaphore(PLACED_AT_ONCE))
