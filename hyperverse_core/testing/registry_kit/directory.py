"""Tests of the directory of stars."""

from __future__ import annotations

import attrs
import pytest

from ...contracts.registry import Registry, StarRecord
from ...errors import Conflict, NotHostedHere
from ...universe.address.star_key import StarKey
from .fixture_tree import FOLD, RegistryKitBase, at, fold, hosted_at, outcomes, populate, snapshot

__all__ = ["DirectoryGroup"]

_JUMP = StarKey("kit", "jump")
_FULL = StarRecord(
    FOLD,
    "Fold",
    "kit",
    pid=4711,
    address="local://somewhere",
    server_key="key",
    kinds=("Base", "File<Dir>"),
    links=(str(_JUMP), "STAR::kit:nexus", "STAR::kit:nexus[3]"),
    particles=7,
    lease=1.5,
    draining=True,
    facts='{"load": 0.5}',
)


class DirectoryGroup(RegistryKitBase):
    """A test group of :class:`~hyperverse_core.testing.RegistryConformance`."""

    async def test_an_announced_star_is_in_the_directory(self, registry: Registry) -> None:
        announced = await registry.announce(_FULL)
        assert announced == attrs.evolve(_FULL, incarnation=announced.incarnation, renewals=0)
        assert await registry.stars() == [announced]

    async def test_the_directory_is_in_the_order_of_the_keys(self, registry: Registry) -> None:
        keys = [StarKey("kit", name, index) for name in ("nexus", "fold") for index in (10, 2, 0)]
        for key in keys:
            await registry.announce(fold(key))
        assert [star.key for star in await registry.stars()] == sorted(keys)

    async def test_some_stars_are_read_by_their_keys(self, registry: Registry) -> None:
        keys = [StarKey("kit", "nexus", index) for index in range(5)]
        announced = [await registry.announce(fold(key)) for key in keys]
        missing = StarKey("kit", "nexus", 9)
        assert await registry.stars((keys[3], missing, keys[1])) == [announced[1], announced[3]]
        await registry.withdraw(announced[1:2])
        assert await registry.stars({keys[3], keys[1]}) == [announced[3]]
        assert await registry.stars((missing,)) == await registry.stars(()) == []

    async def test_incarnations_grow_for_ever(self, registry: Registry) -> None:
        seen = [(await registry.announce(fold())).incarnation for _ in range(3)]
        await registry.withdraw(await registry.stars())
        seen.append((await registry.announce(fold(machine="other"))).incarnation)
        assert await registry.expire((await registry.stars())[0])
        seen.append((await registry.announce(fold())).incarnation)
        assert seen == sorted(set(seen))
        assert seen[0] > 0

    async def test_an_incarnation_of_before_is_never_announced_again(self, registry: Registry) -> None:
        first = await registry.announce(fold())
        # A machine that used a newer store remembers an incarnation that this one does not know.
        again = await registry.announce(attrs.evolve(first, incarnation=first.incarnation + 5))
        assert again.incarnation > first.incarnation + 5
        assert (await registry.announce(attrs.evolve(first, incarnation=0))).incarnation > again.incarnation

    async def test_a_machine_takes_back_its_own_star(self, registry: Registry) -> None:
        await populate(registry, "localhost<Space>", "localhost:a")
        first = await registry.announce(fold())
        await hosted_at(registry, at("localhost:a"), first)
        second = await registry.announce(fold(address="elsewhere"))
        assert await registry.stars() == [second]
        assert (await registry.record(at("localhost:a"))).assignment is None

    async def test_no_machine_takes_another_s_star(self, registry: Registry) -> None:
        await registry.announce(fold(machine="mine"))
        before = await snapshot(registry)
        with pytest.raises(Conflict, match="mine"):
            await registry.announce(fold(machine="other"))
        assert await snapshot(registry) == before

    async def test_one_of_many_machines_gets_a_star(self, registry: Registry) -> None:
        found = await outcomes(registry.announce(fold(machine=f"m{number}")) for number in range(20))
        winners = [result for result in found if not isinstance(result, Exception)]
        assert len(winners) == 1
        assert await registry.stars() == winners

    async def test_a_renewal_counts_and_stores_what_changes(self, registry: Registry) -> None:
        star = await registry.announce(fold())
        new = attrs.evolve(star, particles=5, kinds=("App",), links=(str(_JUMP),), draining=True, facts="{}")
        new = attrs.evolve(new, address="local://elsewhere", server_key="another")
        await registry.renew([new])
        await registry.renew([attrs.evolve(new, kind="ignored", machine="ignored", renewals=99)])
        assert await registry.stars() == [attrs.evolve(new, renewals=2)]

    async def test_a_renewal_of_all_fails_when_one_is_gone(self, registry: Registry) -> None:
        star, other = await registry.announce(fold()), await registry.announce(fold(_JUMP))
        await registry.withdraw([other])
        before = await snapshot(registry)
        with pytest.raises(NotHostedHere, match="jump"):
            await registry.renew([star, other])
        with pytest.raises(NotHostedHere, match="fold"):
            await registry.renew([attrs.evolve(star, incarnation=star.incarnation - 1)])
        assert await snapshot(registry) == before

    async def test_a_withdrawn_star_is_gone_and_its_assignments_with_it(self, registry: Registry) -> None:
        await populate(registry, "localhost<Space>", "localhost:a", "localhost:b")
        star, other = await registry.announce(fold()), await registry.announce(fold(_JUMP))
        await hosted_at(registry, at("localhost:a"), star)
        kept = await hosted_at(registry, at("localhost:b"), other)
        await registry.withdraw([star])
        assert await registry.stars() == [other]
        assert (await registry.record(at("localhost:a"))).assignment is None
        assert (await registry.record(at("localhost:b"))).assignment == kept
        await registry.withdraw([star])

    async def test_an_earlier_incarnation_withdraws_nothing(self, registry: Registry) -> None:
        first = await registry.announce(fold())
        second = await registry.announce(fold())
        await registry.withdraw([first])
        assert await registry.stars() == [second]

    async def test_a_star_that_is_gone_keeps_no_other_from_being_withdrawn(self, registry: Registry) -> None:
        star, other = await registry.announce(fold()), await registry.announce(fold(_JUMP))
        await registry.withdraw([star])
        await registry.withdraw([star, other])
        assert await registry.stars() == []

    async def test_a_star_that_stands_still_expires_once(self, registry: Registry) -> None:
        await populate(registry, "localhost<Space>", "localhost:a")
        star = await registry.announce(fold())
        await hosted_at(registry, at("localhost:a"), star)
        found = await outcomes(registry.expire(star) for _ in range(10))
        assert sorted(found) == [False] * 9 + [True]
        assert await registry.stars() == []
        assert (await registry.record(at("localhost:a"))).assignment is None

    async def test_a_star_that_was_renewed_or_announced_again_does_not_expire(self, registry: Registry) -> None:
        star = await registry.announce(fold())
        await registry.renew([star])
        assert not await registry.expire(star)
        (renewed,) = await registry.stars()
        await registry.announce(fold())
        assert not await registry.expire(renewed)
        again = await registry.announce(fold())
        assert not await registry.expire(attrs.evolve(again, incarnation=again.incarnation - 1))
        assert await registry.stars() == [again]
