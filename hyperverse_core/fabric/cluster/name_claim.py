"""The claim of a name: another machine may go by the name that this one wants."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from ...contracts.registry import StarRecord, StarRegistry
from ...errors import Conflict
from ...universe.address.star_key import StarKey

__all__ = ["claim_name"]

_LOOK = 1 / 20
"""Part of the lease between two looks at the directory."""


async def claim_name(registry: StarRegistry, name: str, key: str, patience: float) -> None:
    """Sees to it that no other machine goes by this name, before the stars of this one are announced.

    A machine that was started again has its old keys, and takes its places at once. Stars that are announced under its
    name with other keys belong to another machine, or were left behind by one: whether they are renewed tells.

    Args:
        registry: has the directory of stars.
        name: that this machine wants.
        key: the public key of this machine's listener.
        patience: part of the lease after which stars that are not renewed are given up.

    Raises Conflict when another machine goes by the name.
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
                hint="give this one a name of its own: `hyperverse up --name NAME`",
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
