"""Tests of the keys of machines, and of the invitations that admit new ones."""

from __future__ import annotations

import asyncio

import attrs
import pytest

from ...contracts.registry import ChangeKind, MachineKey, Registry
from ...errors import BadRequest, NotFound
from ...universe.address.point import GLOBAL_MACHINE
from .fixture_tree import RegistryKitBase, heard, outcomes

__all__ = ["MachineKeys"]

_ALPHA = MachineKey("alpha", "one", "key of alpha")
_BETA = MachineKey("beta", "one", "key of beta")


class MachineKeys(RegistryKitBase):
    """A test group of :class:`~hyperverse_core.testing.RegistryConformance`."""

    async def test_keys_of_machines_are_kept_by_transport_and_key(self, registry: Registry) -> None:
        assert await registry.machine_keys() == []
        other = attrs.evolve(_ALPHA, transport="other")
        await registry.set_machine_keys([_BETA, other, _ALPHA])
        assert await registry.machine_keys() == [_ALPHA, _BETA, other]
        removed = attrs.evolve(_ALPHA, machine="gamma", admitted=False)
        await registry.set_machine_keys([removed])
        assert await registry.machine_keys() == [removed, _BETA, other]

    async def test_an_invitation_is_spent_once(self, registry: Registry) -> None:
        await registry.add_invitation("digest", 3600.0)
        await registry.set_machine_keys([_ALPHA], invitation="digest")
        with pytest.raises(NotFound, match="invitation"):
            await registry.set_machine_keys([_BETA], invitation="digest")
        assert await registry.machine_keys() == [_ALPHA]

    async def test_one_of_many_spends_an_invitation(self, registry: Registry) -> None:
        await registry.add_invitation("digest", 3600.0)
        keys = [MachineKey(f"m{number}", "one", f"key {number}") for number in range(8)]
        tries = (registry.set_machine_keys([key], invitation="digest") for key in keys)
        said = await asyncio.gather(*tries, return_exceptions=True)
        assert sum(one is None for one in said) == 1
        assert all(one is None or isinstance(one, NotFound) for one in said)
        assert [key for key, one in zip(keys, said, strict=True) if one is None] == await registry.machine_keys()

    async def test_an_invitation_whose_time_is_over_lets_nobody_in(self, registry: Registry) -> None:
        await registry.add_invitation("late", 0.0)
        for digest in ("late", "unknown"):
            with pytest.raises(NotFound, match="invitation"):
                await registry.set_machine_keys([_ALPHA], invitation=digest)
        assert await registry.machine_keys() == []

    async def test_an_invitation_is_not_spent_on_keys_that_are_refused(self, registry: Registry) -> None:
        await registry.add_invitation("digest", 3600.0)
        with pytest.raises(BadRequest):
            await registry.set_machine_keys([_ALPHA, attrs.evolve(_BETA, machine="be\0ta")], invitation="digest")
        (spent,) = await outcomes([registry.set_machine_keys([_ALPHA], invitation="digest")])
        assert spent is None, "nothing was written when the keys were refused, so the invitation can still be spent"
        assert await registry.machine_keys() == [_ALPHA]

    async def test_the_feed_tells_of_keys_of_machines(self, registry: Registry) -> None:
        for keys in ([_ALPHA, _BETA], [attrs.evolve(_ALPHA, admitted=False)]):
            before = await registry.revision()
            await registry.set_machine_keys(keys)
            assert await heard(registry, before) == [(ChangeKind.MACHINE, GLOBAL_MACHINE.text)]
