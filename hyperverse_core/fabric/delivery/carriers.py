"""Carriers: what brings the copies of Ripples to their recipients."""

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
"""Recipients whose places are looked for at once: the writes of others wait behind theirs in the registry."""


@attrs.frozen(eq=False)
class Carriers:
    """What carries the copies of Ripples to their recipients.

    Attributes:
        places: the places that are known.
        location: finds those that are not.
        pool: runs the recipients of this machine.
        ways: says whether there are other machines at all.
        requests: sends to the stars of others.
        interceptors: who listens.
        placing: how many places may be looked for at once.
    """

    places: Places
    location: Location
    pool: WorkerPool
    ways: Ways
    requests: Requests
    interceptors: Interceptors
    placing: asyncio.Semaphore = attrs.field(factory=lambda: asyncio.Semaphore(PLACED_AT_ONCE))
