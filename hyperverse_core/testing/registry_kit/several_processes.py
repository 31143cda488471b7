"""Tests of one store that several processes have open: they see one history, whoever writes."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from itertools import pairwise
from typing import Final

import pytest

from ...contracts.registry import Assignment, Change, ChangeKind, MachineKey, Registry, StarRecord, TokenRecord
from ...errors import Conflict, NotFound, NotHostedHere
from ...universe.address.point import Point
from ...universe.address.star_key import StarKey
from .fixture_tree import FOLD, LONG, RegistryKitBase, at, fold, hosted_at, populate
from .two_registries import TwoRegistries

__all__ = ["SeveralProcesses"]

_A = at("localhost:a")
_JUMP: Final = StarKey("kit", "jump")
_WRITERS: Final = 4
_ROUNDS: Final = 25
_SHARED: Final = tuple(at(f"localhost:p{number}") for number in range(3))
_END: Final = at("localhost:end")
_STEPS: Final = 80


class SeveralProcesses(RegistryKitBase):
    """A test group of :class:`~hyperverse_core.testing.RegistryConformance`. When the registry is not durable, the one
    of the fixture stands for all that have the store open."""

    @pytest.mark.parametrize("seed", range(2))
    async def test_everybody_reads_what_was_written_last_whoever_wrote_it(self, registry: Registry, seed: int) -> None:
        async with self.several(registry, 2) as opened:
            both = TwoRegistries(opened, seed)
            await both.open()
            for _ in range(_STEPS):
                await both.step()

    async def test_the_fence_is_the_same_for_all_processes(self, registry: Registry) -> None:
        async with self.several(registry, 2) as (one, other):
            await populate(one, "localhost<Space>", "localhost:a")
            star = await one.announce(fold())
            held = await hosted_at(one, _A, star)
            await one.save_state(_A, held, b"of one")
            jump = await other.announce(fold(_JUMP))
            taken = (await other.assign(_A, _JUMP, jump.incarnation, held)).assignment
            assert taken.epoch > held.epoch
            await _has_lost(one, held)
            with pytest.raises(Conflict):
                await one.assign(_A, FOLD, star.incarnation, held)
            await other.save_state(_A, taken, b"of the other")
            assert (await one.assign(_A, FOLD, star.incarnation, taken)).state == b"of the other"
            await _has_lost(other, taken)

    async def test_a_star_that_one_process_ends_has_ended_for_all(self, registry: Registry) -> None:
        async with self.several(registry, 2) as (one, other):
            await populate(one, "localhost<Space>", "localhost:a")
            for again in (False, True):
                star = await one.announce(fold())
                held = await hosted_at(one, _A, star)
                await one.save_state(_A, held, b"of one")
                assert (await other.record(_A)).assignment == held
                await (other.announce(fold()) if again else other.withdraw([star]))
                await _has_lost(one, held)
                assert (await one.record(_A)).assignment is None
                with pytest.raises(NotHostedHere):
                    await one.assign(_A, FOLD, star.incarnation, None)
                with pytest.raises(NotHostedHere):
                    await one.renew([star])

    async def test_who_may_do_what_is_the_same_for_all_processes(self, registry: Registry) -> None:
        async with self.several(registry, 2) as (one, other):
            token = TokenRecord("ab", at("localhost:users:scott"))
            await one.add_token(token)
            assert await other.token("ab") == token
            assert await one.revoke_token("ab")
            assert await other.token("ab") is None
            key = MachineKey("alpha", "one", "key of alpha")
            await one.add_invitation("digest", 3600.0)
            await other.set_machine_keys([key], invitation="digest")
            with pytest.raises(NotFound, match="invitation"):
                await one.set_machine_keys([key], invitation="digest")
            assert await one.machine_keys() == [key]

    async def test_what_processes_write_at_once_is_in_the_feed_as_one_history(self, registry: Registry) -> None:
        await populate(registry, "localhost<Space>", *(point.text for point in _SHARED))
        stars = [await registry.announce(fold(StarKey("kit", "jump", number))) for number in range(_WRITERS)]
        since = await registry.revision()
        async with self.several(registry, _WRITERS) as opened, asyncio.timeout(LONG):
            following = [asyncio.ensure_future(_followed(reader, since)) for reader in (opened[0], opened[-1])]
            try:
                made = await asyncio.gather(*(_compete(one, star) for one, star in zip(opened, stars, strict=True)))
                await populate(registry, _END.text)
                first, second = await asyncio.gather(*following)
            finally:
                for task in following:
                    task.cancel()
        assert first == second, "two readers of the feed must see the same entries in the same order"
        revisions = [entry.revision for entry in first]
        assert revisions == sorted(set(revisions)), "revisions grow along the feed, and no entry comes twice"
        for point in _SHARED:
            _check_history(point, [entry for entry in first if entry.point == point], made)


async def _has_lost(registry: Registry, held: Assignment) -> None:
    with pytest.raises(NotHostedHere):
        await registry.save_state(_A, held, b"too late")


async def _compete(registry: Registry, star: StarRecord) -> list[tuple[Point, Assignment]]:
    """Takes the particles from the others again and again. Returns the assignments that it made."""
    made = []
    for number in range(_ROUNDS):
        point = _SHARED[(number + star.key.index) % len(_SHARED)]
        present = (await registry.record(point)).assignment
        await asyncio.sleep(0)  # the others decide on the same assignment
        try:
            new = (await registry.assign(point, star.key, star.incarnation, present)).assignment
        except Conflict:
            continue  # another one was faster
        made.append((point, new))
        if number % 4 == 0:
            await registry.release([(point, new)])
    return made


async def _followed(registry: Registry, since: int) -> list[Change]:
    """The entries up to that of the last particle."""
    found: list[Change] = []
    while not found or found[-1].point != _END:
        changes = await registry.changes(since, timeout=LONG)
        assert not changes.lost
        found.extend(changes.entries)
        since = changes.revision
        await asyncio.sleep(0)  # a registry that never waits would keep the test's time limit from being noticed
    return found


def _check_history(point: Point, entries: Sequence[Change], made: Sequence[Sequence[tuple[Point, Assignment]]]) -> None:
    """Fails unless the feed has every assignment of a particle once, in the order in which they were committed."""
    told = [entry.epoch for entry in entries if entry.kind is ChangeKind.ASSIGNED]
    done = sorted(assignment.epoch for some in made for at_, assignment in some if at_ == point)
    assert sorted(told) == done, f"the feed must have each assignment of {point.text!r} once"
    assert told == done, f"the entries of {point.text!r} must be in the order of their commits"
    assert {entry.kind for entry in entries} <= {ChangeKind.ASSIGNED, ChangeKind.RELEASED}
    for before, entry in pairwise(entries):
        assert (before.kind, entry.kind) != (ChangeKind.RELEASED, ChangeKind.RELEASED), (
            f"{point.text!r} was released once between two assignments, and the feed says so twice"
        )
