"""Tests of the change feed, and of a store that is opened again."""

from __future__ import annotations

import asyncio
from typing import Final

import attrs
import pytest

from ...contracts.registry import (
    Change,
    ChangeKind,
    PropertyValue,
    Registration,
    Registry,
    Status,
    Strategy,
    TokenRecord,
)
from ...errors import Conflict, NotFound
from ...universe.access.access import AccessGrant
from ...universe.address.point import HYPERUSER, Point
from ...universe.kind_defs.properties import SetProperty
from .fixture_tree import (
    BASE,
    FOLD,
    LONG,
    SPACE,
    RegistryKitBase,
    at,
    drain,
    fold,
    heard,
    hosted_at,
    outcomes,
    populate,
    snapshot,
)

__all__ = ["ChangeFeedGroup", "Reopening"]

_A = at("localhost:a")
_FAR, _ROUNDS = 500, 10  # more entries than any registry hands over at once
_TOLD: Final = (
    {"draining": True},
    {"address": "elsewhere"},
    {"server_key": "another"},
    {"kinds": ("Base",)},
    {"links": ("nexus",)},
)
"""What a renewal may change and the feed tells of, one after another."""


class ChangeFeedGroup(RegistryKitBase):
    """A test group of :class:`~hyperverse_core.testing.RegistryConformance`."""

    async def test_writes_to_particles_are_in_the_feed(self, registry: Registry) -> None:
        await populate(registry, "localhost<Space>", "localhost:a")
        assert await heard(registry, 0) == [
            (ChangeKind.REGISTERED, "localhost"),
            (ChangeKind.REGISTERED, "localhost:a"),
        ]
        since = await registry.revision()
        await registry.set_status(_A, Status.READY)
        await registry.set_properties([_A], [SetProperty("x", "1")])
        await registry.chown([_A], at("other"))
        await registry.register(Registration(_A, BASE, HYPERUSER, strategy=Strategy.OVERRIDE))
        await registry.delete([at("localhost")])
        assert await heard(registry, since) == [
            (ChangeKind.STATUS, "localhost:a"),
            (ChangeKind.PROPERTIES, "localhost:a"),
            (ChangeKind.OWNER, "localhost:a"),
            (ChangeKind.REGISTERED, "localhost:a"),
            (ChangeKind.OWNER, "localhost:a"),
            (ChangeKind.DELETED, "localhost:a"),
            (ChangeKind.DELETED, "localhost"),
        ]

    async def test_assignments_and_announced_states_are_in_the_feed(self, registry: Registry) -> None:
        await populate(registry, "localhost<Space>", "localhost:a")
        star = await registry.announce(fold())
        since = await registry.revision()
        held = await hosted_at(registry, _A, star)
        await registry.save_state(_A, held, b"quiet")
        await registry.save_state(_A, held, b"loud", announce=True)
        await registry.release([(_A, held)])
        assert await heard(registry, since) == [
            (ChangeKind.ASSIGNED, "localhost:a"),
            (ChangeKind.STATE, "localhost:a"),
            (ChangeKind.RELEASED, "localhost:a"),
        ]

    async def test_an_override_ends_the_assignment_in_the_feed_too(self, registry: Registry) -> None:
        await populate(registry, "localhost<Space>", "localhost:a")
        held = await hosted_at(registry, _A, await registry.announce(fold()))
        since = await registry.revision()
        await registry.register(Registration(_A, BASE, HYPERUSER, strategy=Strategy.OVERRIDE))
        assert await heard(registry, since) == [
            (ChangeKind.RELEASED, "localhost:a"),
            (ChangeKind.REGISTERED, "localhost:a"),
            (ChangeKind.OWNER, "localhost:a"),
        ], "without the first entry the machine that hosts the particle keeps it"
        assert (await drain(registry, since))[0].epoch >= held.epoch

    async def test_stars_are_in_the_feed(self, registry: Registry) -> None:
        await populate(registry, "localhost<Space>", "localhost:a")
        star = await registry.announce(fold())
        await hosted_at(registry, _A, star)
        since = await registry.revision()
        for change in _TOLD:
            since, star = await registry.revision(), attrs.evolve(star, **change)
            await registry.renew([star])
            assert await heard(registry, since) == [(ChangeKind.STAR, Point.of_star(FOLD).text)], change
        since = await registry.revision()
        await registry.renew([attrs.evolve(star, particles=7, facts="facts")])
        assert await heard(registry, since) == []
        since = await registry.revision()
        await registry.withdraw([star])
        assert await heard(registry, since) == [(ChangeKind.STAR, Point.of_star(FOLD).text)]

    async def test_grants_and_tokens_are_in_the_feed(self, registry: Registry) -> None:
        await populate(registry, "localhost<Space>")
        since = await registry.revision()
        grant = await registry.grant(AccessGrant.parse("super on localhost:app:** to ** by localhost"))
        await registry.revoke(grant.id)
        await registry.add_token(TokenRecord("ab", at("localhost:scott")))
        await registry.revoke_token("ab")
        assert await heard(registry, since) == [
            (ChangeKind.GRANTED, "localhost:app"),
            (ChangeKind.REVOKED, "localhost:app"),
            (ChangeKind.TOKEN, "localhost:scott"),
            (ChangeKind.TOKEN, "localhost:scott"),
        ]

    async def test_what_fails_is_not_in_the_feed(self, registry: Registry) -> None:
        await populate(registry, "localhost<Space>")
        since = await registry.revision()
        with pytest.raises(Conflict):
            await populate(registry, "localhost<Space>")
        with pytest.raises(NotFound):
            await registry.chown([at("localhost"), _A], at("other"))
        assert await heard(registry, since) == []
        assert await registry.revision() == since

    async def test_revisions_grow_in_the_order_of_the_commits(self, registry: Registry) -> None:
        await populate(registry, "localhost<Space>")
        points = [at(f"localhost:p{number}") for number in range(200)]
        await outcomes(registry.register(Registration(point, BASE, HYPERUSER)) for point in points)
        for point in points[:20]:
            await registry.set_status(point, Status.READY)
        entries = await drain(registry)
        revisions = [entry.revision for entry in entries]
        assert revisions == sorted(set(revisions))
        assert revisions[-1] == await registry.revision()
        assert [entry.point for entry in entries if entry.kind is ChangeKind.STATUS] == points[:20]

    async def test_all_readers_see_one_order(self, registry: Registry) -> None:
        await populate(registry, "localhost<Space>")
        points = [at(f"localhost:{name}") for name in "zyxabc"]
        followed: list[Change] = []

        async def follow() -> None:
            while len(followed) < 1 + 4 * len(points):
                since = followed[-1].revision if followed else 0
                followed.extend((await registry.changes(since, timeout=LONG)).entries)
                await asyncio.sleep(0)  # for a registry that never waits

        following = asyncio.ensure_future(follow())
        for point in points:
            await registry.register(Registration(point, BASE, HYPERUSER))
        for value in ("1", "2", "3"):
            await outcomes(registry.set_properties([point], [SetProperty("x", value)]) for point in points)
            assert await drain(registry) == await drain(registry)
        await asyncio.wait_for(following, LONG)
        everything = await drain(registry)
        assert followed == everything
        for entry in everything:
            behind = everything[everything.index(entry) + 1 :]
            assert await drain(registry, entry.revision) == behind

    async def test_a_reader_far_behind_gets_everything_in_turn(self, registry: Registry) -> None:
        await populate(registry, "localhost<Space>")
        points = [at(f"localhost:p{number}") for number in range(_FAR)]
        await outcomes(registry.register(Registration(point, BASE, HYPERUSER)) for point in points)
        since = await registry.revision()
        rounds = _ROUNDS if self.feed_keeps is None else min(_ROUNDS, self.feed_keeps // _FAR)
        for value in range(rounds):
            await registry.set_properties(points, [SetProperty("x", str(value))])
        entries = await drain(registry, since)
        assert len(entries) == rounds * _FAR
        for number in range(rounds):
            assert {entry.point for entry in entries[number * _FAR : (number + 1) * _FAR]} == set(points)

    async def test_what_is_in_the_feed_can_be_read(self, registry: Registry) -> None:
        await populate(registry, "localhost<Space>")
        points = [at(f"localhost:p{number}") for number in range(50)]
        since, seen = await registry.revision(), 0
        writing = asyncio.ensure_future(
            outcomes(registry.register(Registration(point, BASE, HYPERUSER)) for point in points)
        )
        async with asyncio.timeout(LONG):
            while seen < 50:
                changes = await registry.changes(since, timeout=LONG)
                mentioned = [entry.point for entry in changes.entries]
                assert set(await registry.records(mentioned)) == set(mentioned)
                since, seen = changes.revision, seen + len(mentioned)
                await asyncio.sleep(0)  # for a registry that never waits
            await writing

    async def test_a_reader_waits_for_the_next_commit(self, registry: Registry) -> None:
        await populate(registry, "localhost<Space>")
        since = await registry.revision()
        waiting = [asyncio.ensure_future(registry.changes(since, timeout=LONG)) for _ in range(3)]
        for _ in range(3):
            await asyncio.sleep(0)
            await registry.load_state(at("localhost"))
        await populate(registry, "localhost:a")
        for found in await asyncio.wait_for(asyncio.gather(*waiting), LONG / 2):
            assert [entry.point for entry in found.entries] == [_A]
            assert (found.revision, found.lost) == (await registry.revision(), False)

    async def test_a_reader_that_waits_without_success_gets_nothing(self, registry: Registry) -> None:
        await populate(registry, "localhost<Space>")
        since = await registry.revision()
        for timeout in (0.0, 0.01):
            found = await registry.changes(since, timeout=timeout)
            assert (found.entries, found.revision, found.lost) == ((), since, False)

    async def test_a_reader_may_stop_waiting(self, registry: Registry) -> None:
        waiting = asyncio.ensure_future(registry.changes(0, timeout=LONG))
        await registry.revision()
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        await populate(registry, "localhost<Space>")
        assert len(await drain(registry)) == 1

    async def test_a_notice_of_what_is_not_there_brings_nothing(self, registry: Registry) -> None:
        since = await registry.revision()
        waiting = asyncio.ensure_future(registry.changes(since, timeout=LONG))
        await registry.revision()
        registry.notice(since)
        registry.notice(since + 1000)
        await registry.revision()
        await populate(registry, "localhost<Space>")
        found = await asyncio.wait_for(waiting, LONG / 2)
        assert [entry.point for entry in found.entries] == [at("localhost")]
        assert registry.committed in (0, found.revision)

    async def test_who_asks_from_the_future_has_lost_track(self, registry: Registry) -> None:
        await populate(registry, "localhost<Space>")
        # A store that was restored from a backup is set back: its revisions are smaller than those that a reader knows.
        found = await registry.changes(2 * await registry.revision() + 1000, timeout=LONG)
        assert (found.lost, found.set_back, found.revision) == (True, True, await registry.revision())

    async def test_who_is_too_far_behind_is_told_so(self, registry: Registry) -> None:
        if self.feed_keeps is None:
            pytest.skip("the fixture's registry keeps more of its feed than a test should write")
        await populate(registry, "localhost<Space>", *(f"localhost:p{number}" for number in range(100)))
        statuses = (Status.READY, Status.PAUSED)
        async with asyncio.timeout(LONG):
            round_ = 0
            while not (found := await registry.changes(0, timeout=0)).lost:
                status = statuses[round_ % 2]
                points = (at(f"localhost:p{number}") for number in range(100))
                await outcomes(registry.set_status(point, status) for point in points)
                round_ += 1
        newest = await registry.revision()
        assert (found.revision, found.set_back) == (newest, False)
        for number in range(101):
            await registry.set_status(at("localhost:p0"), statuses[number % 2])
        written = [entry.revision for entry in await drain(registry, newest)]
        keeps = min(self.feed_keeps, len(written) - 1)
        kept = await registry.changes(written[-1 - keeps], timeout=0)
        assert not kept.lost
        assert [entry.revision for entry in kept.entries] == written[-keeps:]


class Reopening(RegistryKitBase):
    """A test group of :class:`~hyperverse_core.testing.RegistryConformance`."""

    async def test_everything_is_there_after_the_store_was_opened_again(self, registry: Registry) -> None:
        self._needs_durability()
        wanted = Registration(at("localhost"), SPACE, at("owner"), {"x": PropertyValue("1", locked=True)})
        await registry.register(wanted)
        await populate(registry, "localhost:a", "GLOBAL::executor<Global>")
        star = await registry.announce(fold())
        held = await hosted_at(registry, _A, star)
        await registry.save_state(_A, held, b"state")
        await registry.grant(AccessGrant.parse("super on ** to ** by localhost"))
        await registry.add_token(TokenRecord("ab", at("localhost:scott")))
        assert await registry.sequence(_A) == 1
        before = await snapshot(registry)
        feed = await drain(registry)
        await registry.close()
        again = await self.open_again(registry)
        try:
            assert await snapshot(again) == before
            assert await drain(again) == feed
            assert await again.token("ab") == TokenRecord("ab", at("localhost:scott"))
            assert await again.sequence(_A) == 2
            await again.save_state(_A, held, b"newer")
            assert (await again.announce(fold())).incarnation > star.incarnation
        finally:
            await again.close()

    async def test_two_that_have_the_store_open_see_one_registry(self, registry: Registry) -> None:
        self._needs_durability()
        other = await self.open_again(registry)
        try:
            await populate(registry, "localhost<Space>")
            assert (await other.record(at("localhost"))).kind == SPACE
            waiting = asyncio.ensure_future(other.changes(await other.revision(), timeout=LONG))
            await other.revision()
            await populate(registry, "localhost:a")
            found = await asyncio.wait_for(waiting, LONG / 2)
            assert [entry.point for entry in found.entries] == [_A]
            numbers = await outcomes(one.sequence(_A) for one in (registry, other) * 50)
            assert sorted(numbers) == list(range(1, 101))
            wanted = Registration(at("localhost:b"), BASE, HYPERUSER)
            found_ = await outcomes(one.register(wanted) for one in (registry, other) * 10)
            assert sum(isinstance(result, Conflict) for result in found_) == 19
        finally:
            await other.close()

    async def test_a_registry_may_be_closed_twice(self, registry: Registry) -> None:
        await registry.close()
        await registry.close()

    def _needs_durability(self) -> None:
        if not self.durable:
            pytest.skip("what is in this registry does not outlive it")
