"""Namesakes: another machine may go by the name that this one wants."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING

from ...contracts.registry import StarRecord
from ...errors import Conflict
from ...universe.address.star_key import StarKey

if TYPE_CHECKING:
    from ..machine import Machine

__all__ = ["claim_name"]

_LOOK = 1 / 20
"""Part of the lease between two looks at the directory."""


async def claim_name(machine: Machine, patience: float) -> None:
    """Sees to it that no other machine goes by this name, before the stars of this one are announced.

    A machine that was started again has its old keys, and takes its places at once. Stars that are announced under its
    name with other keys are those of a namesake, or left behind by one: whether they are renewed tells.

    Args:
        patience: part of the lease after which stars that are not renewed are given up.

    Raises Conflict when there is a namesake.
    """
    before = found = await _namesakes(machine)
    lease = max((record.lease for record in before.values()), default=0.0)
    loop = asyncio.get_running_loop()
    until = loop.time() + lease * patience
    while found and loop.time() < until:
        await asyncio.sleep(lease * _LOOK)
        found = await _namesakes(machine)
        if any(_lives(record, before) for record in found.values()):
            raise Conflict(
                f"another machine named {machine.name!r} runs at {next(iter(found.values())).address}",
                hint="give this one a name of its own: `hyperverse up --name NAME`",
            )
    for record in found.values():
        await machine.registry.expire(record)


def _lives(record: StarRecord, before: Mapping[StarKey, StarRecord]) -> bool:
    seen = before.get(record.key)
    return seen is None or (seen.incarnation, seen.renewals) != (record.incarnation, record.renewals)


async def _namesakes(machine: Machine) -> dict[StarKey, StarRecord]:
    key = machine.switchboard.server_key
    found = await machine.registry.stars()
    return {record.key: record for record in found if record.machine == machine.name and record.server_key != key}
