"""The access of gateways to their machine."""

from __future__ import annotations

import random
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from typing import Any

import attrs

from ....contracts.gateway import GatewayHost, Replays, SessionLimits, Sessions
from ....contracts.lane import LaneTransport
from ....scheduling.worker_pool import WorkerPool
from ...delivery.replay_cache import ReplayCache

__all__ = ["LocalGatewayHost"]


@attrs.define(eq=False)
class LocalGatewayHost(GatewayHost):
    """The access of gateways to this machine; see :class:`GatewayHost`."""

    machine: str
    life: str
    data_dir: Path
    directory: Path
    sessions: Sessions
    limits: SessionLimits
    transport: LaneTransport
    transport_name: str
    transport_settings: Mapping[str, Any]
    chance: random.Random
    pool: WorkerPool

    def plan(self, job: Callable[..., Coroutine[Any, Any, None]], *args: Any, priority: int = 3) -> None:
        self.pool.put(job, *args, priority=priority)

    def replays(self) -> Replays:
        return ReplayCache()
