"""Claims a name for this machine, unless another machine uses it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from ...contracts.registry import StarRecord, StarRegistry
from ...errors import Conflict
from ...universe.address.star_key import StarKey

__all__ = ["claim_name"]

_LOOK = 1 / 20
"""Part of the lease between two reads of the directory."""


async def claim_name(registry: StarRegistry, name: str, key: str, patience: float) -> None:
    """Makes sure that no other machine uses this name, before this machine's stars are announced.

    A restarted machine has its old keys, and announces its stars immediately. Stars announced under its name with other
    keys belong to another machine, or were left behind by one: renewals show which.

    Args:
        registry: stores the directory of stars.
        name: the name that this machine claims.
        key: the public key of this machine's listener.
        patience: part of the lease after which stars without a renewal count as abandoned.

    Raises Conflict if another machine uses the name.
    """
    before = found = await _of_others(registry, name, key)
    lease = max((record.lease for record in before.values()), default=0.0)
    loop = asyncio.get_running_loop()
    until = loop.time() + lease * patience
    while found and loop.time() < until:
        await asyncio.sleep(lease * _LOOK)
        found = await _of_others(registry, name, key)
        if any(_lives(record, before) for record in found.values()):
            raise Conflict(
                f"another machine named {name!r} runs at {next(iter(found.values())).address}",
                hint="give this machine another name: `hyperverse up --name NAME`",
            )
    for record in found.values():
        await registry.expire(record)


def _lives(record: StarRecord, before: Mapping[StarKey, StarRecord]) -> bool:
    seen = before.get(record.key)
    return seen is None or (seen.incarnation, seen.renewals) != (record.incarnation, record.renewals)


async def _of_others(registry: StarRegistry, name: str, key: str) -> dict[StarKey, StarRecord]:
    return {
        record.key: record for record in await registry.stars() if record.machine == name and record.server_key != key
    }
