"""Tests of what happens to assignments when their star goes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import ClassVar, Final

import attrs
import pytest

from ...contracts.registry import Assignment, ChangeKind, Registration, Registry, StarRecord, Strategy
from ...errors import Conflict
from ...universe.address.point import HYPERUSER, Point
from ...universe.address.star_key import StarKey
from .fixture_tree import (
    BASE,
    EVERYTHING,
    FOLD,
    RegistryKitBase,
    at,
    drain,
    fold,
    heard,
    hosted_at,
    outcomes,
    populate,
    whole,
)

__all__ = ["EndsOfStars"]

_A = at("localhost:a")
_OTHER: Final = StarKey("kit", "jump")
_AT_ONCE: Final = 2000


async def _withdrawn(registry: Registry, star: StarRecord) -> None:
    await registry.withdraw([star])


async def _expired(registry: Registry, star: StarRecord) -> None:
    assert await registry.expire(star)


async def _announced_again(registry: Registry, star: StarRecord) -> None:
    await registry.announce(fold(star.key))


_ENDS: Final[tuple[Callable[[Registry, StarRecord], Awaitable[None]], ...]] = (_withdrawn, _expired, _announced_again)


class EndsOfStars(RegistryKitBase):
    """A test group of :class:`~hyperverse_core.testing.RegistryConformance`.

    Attributes:
        hosts_many: number of particles on the star that dies while another machine renews.
    """

    hosts_many: ClassVar[int] = 500

    async def host_many(self, registry: Registry, star: StarRecord, points: Sequence[Point]) -> None:
        """Registers ``points``, below an existing one, and assigns them to ``star``. A subclass may have a faster way
        than through the contract."""
        for start in range(0, len(points), _AT_ONCE):
            some = points[start : start + _AT_ONCE]
            await asyncio.gather(*(registry.register(Registration(point, BASE, HYPERUSER)) for point in some))
            await asyncio.gather(*(registry.assign(point, star.key, star.incarnation, None) for point in some))

    async def test_one_entry_tells_of_a_star_that_goes_whatever_it_hosts(self, registry: Registry) -> None:
        points = [at(f"localhost:p{number}") for number in range(20)]
        await populate(registry, "localhost<Space>", *(point.text for point in points))
        for end in _ENDS:
            star = await registry.announce(fold())
            held = [(point, await hosted_at(registry, point, star)) for point in points]
            since = await registry.revision()
            await end(registry, star)
            await registry.release(held)
            told = await heard(registry, since)
            assert told == [(ChangeKind.STAR, Point.of_star(FOLD).text)], (
                f"behind {end.__name__.strip('_')} the feed has to have one entry, that of the star: its particles may "
                "be a million, and nothing is written for each of them"
            )

    async def test_an_assignment_whose_star_is_gone_reads_as_none(self, registry: Registry) -> None:
        await populate(registry, "localhost<Space>", "localhost:a")
        for end in _ENDS:
            await hosted_at(registry, _A, await registry.announce(fold()))
            (star,) = await registry.stars()
            assert [record.point for record in (await registry.hosted(FOLD)).records] == [_A]
            await end(registry, star)
            pages = (
                partial(registry.children, at("localhost")),
                partial(registry.select, EVERYTHING),
            )
            read = [record for page in pages for record in await whole(page)]
            read += (await registry.records([_A])).values()
            ensured = Registration(_A, BASE, HYPERUSER, strategy=Strategy.ENSURE)
            read.append((await registry.register(ensured)).record)
            assert [record.assignment for record in read] == [None] * len(read)
            assert (await registry.hosted(FOLD)).records == ()
        assert [record.assignment for record in await registry.delete([_A])] == [None]

    async def test_an_assignment_whose_star_is_gone_keeps_nobody_from_assigning(self, registry: Registry) -> None:
        await populate(registry, "localhost<Space>", "localhost:a")
        other = await registry.announce(fold(_OTHER))
        for end in _ENDS:
            for late in (False, True):  # also a machine that has read the assignment while it held
                star = await registry.announce(fold())
                held = await hosted_at(registry, _A, star)
                await end(registry, (await registry.stars())[0])
                for wrong in (attrs.evolve(held, epoch=held.epoch - 1), attrs.evolve(held, star=_OTHER)):
                    with pytest.raises(Conflict):
                        await registry.assign(_A, _OTHER, other.incarnation, wrong)
                (new,) = await outcomes([registry.assign(_A, _OTHER, other.incarnation, held if late else None)])
                assert not isinstance(new, Conflict), (
                    f"{new}: an assignment whose star is gone counts as none, also for a caller that has read it before"
                )
                new = new.assignment
                assert new.epoch > held.epoch
                for past in (held, None):
                    with pytest.raises(Conflict):
                        await registry.assign(_A, _OTHER, other.incarnation, past)
                assert (await registry.record(_A)).assignment == new

    async def test_a_particle_whose_star_is_gone_is_assigned_with_its_state(self, registry: Registry) -> None:
        await populate(registry, "localhost<Space>", "localhost:a")
        other = await registry.announce(fold(_OTHER))
        for end in _ENDS:
            star = await registry.announce(fold())
            held = await hosted_at(registry, _A, star)
            await registry.save_state(_A, held, end.__name__.encode())
            await end(registry, star)
            assigned = await registry.assign(_A, _OTHER, other.incarnation, None)
            assert assigned.state == end.__name__.encode()

    async def test_one_of_many_takes_a_particle_whose_star_is_gone(self, registry: Registry) -> None:
        await populate(registry, "localhost<Space>", "localhost:a")
        other = await registry.announce(fold(_OTHER))
        held = await hosted_at(registry, _A, await registry.announce(fold()))
        assert await registry.expire((await registry.stars())[0])
        expected = [None, held] * 10
        found = await outcomes(registry.assign(_A, _OTHER, other.incarnation, each) for each in expected)
        winners = [result.assignment for result in found if not isinstance(result, Exception)]
        assert winners == [(await registry.record(_A)).assignment]
        assert sum(isinstance(result, Conflict) for result in found) == len(expected) - 1

    async def test_the_feed_tells_the_epochs(self, registry: Registry) -> None:
        await populate(registry, "localhost<Space>")
        star = await registry.announce(fold())
        since, epochs = await registry.revision(), list[int]()
        for _ in range(3):
            await populate(registry, "localhost:a")
            for _ in range(2):
                held = await hosted_at(registry, _A, star)
                await registry.release([(_A, held)])
                epochs.append(held.epoch)
            epochs.append((await hosted_at(registry, _A, star)).epoch)
            await registry.delete([_A])
        assert epochs == sorted(set(epochs))
        told = [entry for entry in await drain(registry, since) if entry.kind is not ChangeKind.REGISTERED]
        assigned = [entry.epoch for entry in told if entry.kind is ChangeKind.ASSIGNED]
        assert assigned == epochs
        before = 0
        for entry in told:
            if entry.kind is ChangeKind.ASSIGNED:
                assert entry.epoch > before
            else:  # released or deleted: what follows is greater than this, and nothing before is
                assert entry.epoch >= before
            before = entry.epoch

    async def test_a_star_with_many_particles_dies_beside_a_machine_that_renews(self, registry: Registry) -> None:
        await populate(registry, "localhost<Space>")
        other, star = await registry.announce(fold(_OTHER)), await registry.announce(fold())
        points = [at(f"localhost:p{number}") for number in range(self.hosts_many)]
        await self.host_many(registry, star, points)
        some = points[:: max(1, len(points) // 50)]
        held: dict[Point, Assignment | None] = {
            point: record.assignment for point, record in (await registry.records(some)).items()
        }
        assert all(held.values())
        since, ended = await registry.revision(), asyncio.Event()
        renewing = asyncio.ensure_future(_renew(registry, other, ended))
        assert await registry.expire(star)
        ended.set()
        renewals = await renewing
        assert [found.renewals for found in await registry.stars()] == [renewals]
        assert await heard(registry, since) == [(ChangeKind.STAR, Point.of_star(FOLD).text)]
        records = await registry.records(some)
        assert {record.assignment for record in records.values()} == {None}
        assert (await registry.hosted(FOLD)).records == ()
        for point in some:
            new = await registry.assign(point, _OTHER, other.incarnation, None)
            before = held[point]
            assert before is not None
            assert new.assignment.epoch > before.epoch


async def _renew(registry: Registry, star: StarRecord, ended: asyncio.Event) -> int:
    """Renews until told to stop, and returns how often."""
    renewals = 0
    while True:
        last = ended.is_set()
        await registry.renew([star])
        renewals += 1
        if last:
            return renewals
