"""Answers and what they rest on: an answer that is kept until something changes that it rests on is never wrong."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from ...contracts.policy import Decision, HoldsFor
from ...contracts.registry import Change, Registration, Strategy
from ...universe.access.access import AccessGrant
from ...universe.address.point import HYPERUSER, Point
from ...universe.kinds.kind import Kind
from .base import PolicyKitBase
from .world import ALICE, BOB, COUNTRY, HOME, NOBODY, NOTES, Asked, PolicyWorld, one_permission

__all__ = ["Changing", "GrantsGroup"]

_UNRELATED = Point.parse("localhost:unrelated")
_LETTERS = "drx"


class GrantsGroup(PolicyKitBase):
    """A grant counts until it is revoked."""

    async def test_a_grant_counts_until_it_is_revoked(self) -> None:
        self.needs_grants()
        world = await self.world()
        letter = self.refused_letter()
        before = await world.allowed(BOB, HOME)
        assert letter not in before, f"{BOB} is let do {letter!r} on {HOME} without a grant"
        grant = await world.grant(f"perm {one_permission(letter)} on {HOME} to {BOB} by {ALICE}")
        granted = await world.allowed(BOB, HOME)
        assert set(granted) == {*before, letter}, f"{letter!r} was granted; {BOB} has {granted!r}, and had {before!r}"
        await world.registry.revoke(grant.id)
        await world.catch_up()
        after = await world.allowed(BOB, HOME)
        assert after == before, f"{letter!r} was revoked; {BOB} has {after!r}, and had {before!r} before the grant"

    async def test_what_is_being_read_while_it_changes_is_not_kept(self) -> None:
        self.needs_grants()
        for turns in range(8):
            world = await self.world()
            asked = asyncio.create_task(world.allows(BOB, HOME, "r"))
            for _ in range(turns):
                await asyncio.sleep(0)
            await world.grant(f"perm +csd-Rwx on {HOME} to {BOB} by {ALICE}")
            await asked
            assert await world.allows(BOB, HOME, "r"), f"the grant came {turns} turns after the question"

    async def test_what_is_being_read_while_it_is_told_to_forget_is_not_kept(self) -> None:
        self.needs_grants()
        for turns in range(8):
            world = await self.world()
            asked = asyncio.create_task(world.allows(BOB, HOME, "r"))
            for _ in range(turns):
                await asyncio.sleep(0)
            await world.registry.grant(AccessGrant.parse(f"perm +csd-Rwx on {HOME} to {BOB} by {ALICE}"))
            world.policy.forget()
            await asked
            assert await world.allows(BOB, HOME, "r"), f"it was told {turns} turns after the question"

    async def test_a_grant_from_somebody_who_may_not_give_it_is_void(self) -> None:
        self.needs_grants()
        world = await self.world()
        await world.grant(f"perm +CSD-RWX on {HOME} to {BOB} by {BOB}")
        await world.grant(f"super on {COUNTRY}+:** to {BOB} by {BOB}")
        allowed = await world.allowed(BOB, HOME)
        assert set(allowed) <= set(self.strangers_may), f"{BOB} has granted itself {allowed!r} on {HOME}"


class Changing(PolicyKitBase):
    """A cached answer is right as long as nothing changes that it rests on."""

    async def test_a_new_owner_counts_as_soon_as_the_policy_was_told(self) -> None:
        world = await self.world()
        letter = self.refused_letter()
        assert await world.allows(ALICE, HOME, letter), f"{ALICE} owns {HOME}, and is refused {letter!r}"
        await world.registry.chown((HOME,), BOB)
        await world.catch_up()
        assert await world.allows(BOB, HOME, letter), f"{BOB} owns {HOME} by now, and is refused {letter!r}"
        assert not await world.allows(ALICE, HOME, letter), f"{ALICE} owned {HOME}, and is still let do {letter!r}"

    async def test_an_answer_is_kept_until_something_changes_that_it_rests_on(self) -> None:
        world = await self.world()
        kept = await world.decisions(_LETTERS)
        for step, change in _STORY.items():
            await change(world)
            drop_touched(kept, await world.catch_up())
            fresh = await (await PolicyWorld.of(self.make(), world.registry)).decisions(_LETTERS)
            for asked, decision in fresh.items():
                found = kept.setdefault(asked, decision)
                assert found.allowed == decision.allowed, (
                    f"after {step!r} the answer about {[str(part) for part in asked]} is another, "
                    f"and it does not rest on what has changed"
                )
                told = await world.decide(*asked)
                assert told.allowed == decision.allowed, f"after {step!r} it answers as before: {asked}"

    async def test_what_an_answer_does_not_rest_on_does_not_touch_it(self) -> None:
        if not self.knows_what_it_rests_on:
            pytest.skip("this policy does not know what its answers rest on")
        world = await self.world()
        kept = await world.decisions(_LETTERS)
        asked = len(kept)
        await world.registry.register(Registration(_UNRELATED, Kind("Base"), BOB))
        await world.registry.delete([_UNRELATED])
        changes = await world.catch_up()
        drop_touched(kept, changes)
        assert len(kept) == asked, "the coming and going of another particle drops answers"


def drop_touched(kept: dict[Asked, Decision], changes: tuple[Change, ...]) -> None:
    """Drops the answers that rest on something that has changed, as the gate of a machine does."""
    for asked, decision in list(kept.items()):
        if decision.holds_for is HoldsFor.REQUEST or any(decision.touched_by(change) for change in changes):
            del kept[asked]


async def _register(world: PolicyWorld, point: Point, kind: str, owner: Point) -> None:
    await world.registry.register(Registration(point, Kind.parse(kind), owner, strategy=Strategy.OVERRIDE))


async def _grant(world: PolicyWorld, text: str) -> None:
    await world.registry.grant(AccessGrant.parse(text))


async def _revoke_all(world: PolicyWorld) -> None:
    for grant in await world.registry.grants():
        await world.registry.revoke(grant.id)


_STORY: dict[str, Callable[[PolicyWorld], Awaitable[object]]] = {
    "alice lets bob read her home": lambda w: _grant(w, f"perm +csd-Rwx on {HOME} to {BOB} by {ALICE}"),
    "alice lets nobody delete in it": lambda w: _grant(w, f"perm +csD-rwx on {HOME}+:** to {NOBODY} by {ALICE}"),
    "nobody becomes somebody": lambda w: _register(w, NOBODY, "User", HYPERUSER),
    "alice gets super on the country": lambda w: _grant(w, f"super on {COUNTRY}+:** to {ALICE} by {HYPERUSER}"),
    "alice lets everybody execute": lambda w: _grant(w, f"perm +csd-rwX on {COUNTRY}+:** to **<User> by {ALICE}"),
    "bob is no user any more": lambda w: _register(w, BOB, "App", HYPERUSER),
    "bob belongs to alice": lambda w: w.registry.chown((BOB,), ALICE),
    "home belongs to bob": lambda w: w.registry.chown((HOME,), BOB),
    "home belongs to alice again": lambda w: w.registry.chown((HOME,), ALICE),
    "the notes are replaced": lambda w: _register(w, NOTES, "App", HYPERUSER),
    "the notes grant something": lambda w: _grant(w, f"perm +csd-RWX on {NOTES} to {BOB} by {NOTES}"),
    "the notes belong to themselves": lambda w: w.registry.chown((NOTES,), NOTES),
    "alice is gone": lambda w: w.registry.delete([ALICE]),
    "alice is back": lambda w: _register(w, ALICE, "User", HYPERUSER),
    "nobody is gone": lambda w: w.registry.delete([NOBODY]),
    "everything is revoked": _revoke_all,
    "home is gone": lambda w: w.registry.delete([HOME]),
}
"""What happens in the world, step by step."""
