"""Who may come in, and that a peer's key is the one that it has proved to hold."""

from __future__ import annotations

import asyncio

import attrs
import pytest

from ...contracts.lane import Endpoint, Identity
from ...errors import HyperverseError, Unauthorized
from .base import Bench, Chapter

__all__ = ["Keys"]


@pytest.mark.asyncio
class Keys(Chapter):
    """Authentication. Left out for a transport that proves nothing."""

    @pytest.fixture(autouse=True)
    def _only_with_keys(self, request: pytest.FixtureRequest) -> None:
        if not self.proves_keys and request.function.__qualname__.startswith(Keys.__qualname__):
            pytest.skip("this transport proves no keys")

    async def test_each_side_sees_the_key_that_the_other_has_proved(self, bench: Bench) -> None:
        pair = await bench.pair()
        me = pair.near.new_identity()
        again = await bench.join(pair.far, pair.far_hears, pair.address, pair.door, identity=me)
        assert again.guest.key == me.public
        assert again.peer.key == pair.door.identity.public
        assert pair.guest.key not in ("", me.public), "without an identity of ours a fresh one is made"

    async def test_identities_are_fresh_and_secret(self, bench: Bench) -> None:
        transport = await bench.transport()
        made = [transport.new_identity() for _ in range(20)]
        assert len({one.public for one in made} | {one.secret for one in made}) == 40
        assert made[0].secret not in repr(made[0])

    async def test_one_key_in_two_connections_is_two_peers(self, bench: Bench) -> None:
        pair = await bench.pair()
        me = pair.near.new_identity()
        one = await bench.join(pair.far, pair.far_hears, pair.address, pair.door, identity=me)
        two = await bench.join(pair.far, pair.far_hears, pair.address, pair.door, identity=me)
        assert one.guest is not two.guest
        assert one.guest.key == two.guest.key == me.public
        one.near.send(one.peer, b"one")
        two.near.send(two.peer, b"two")
        assert await pair.far_hears.have(1, one.guest) == [b"one"]
        assert await pair.far_hears.have(1, two.guest) == [b"two"]
        await one.near.close()
        await pair.far_hears.have_down(one.guest)
        await two.prove_it_works()

    async def test_a_door_that_does_not_hold_the_key_is_not_trusted(self, bench: Bench) -> None:
        pair = await bench.pair()
        near, hears = await bench.transport(), bench.recorder()
        with pytest.raises(Unauthorized):
            async with asyncio.timeout(self.patience):
                await near.connect(pair.address, hears, server_key=near.new_identity().public, timeout=self.patience)
        await pair.prove_it_works()
        assert pair.far_hears.ups == [pair.guest], "lane_up for somebody who was not let in"

    async def test_only_allowed_keys_come_in(self, bench: Bench) -> None:
        far, hears = await bench.transport(), bench.recorder()
        friend, stranger = far.new_identity(), far.new_identity()
        door = Endpoint("stars", bench.address(), far.new_identity(), frozenset({friend.public}))
        address = await far.open(door, hears)
        near = await bench.transport()
        with pytest.raises(Unauthorized):
            async with asyncio.timeout(self.patience):
                await near.connect(
                    address, bench.recorder(), identity=stranger, server_key=door.identity.public, timeout=self.patience
                )
        assert hears.ups == []
        pair = await bench.join(far, hears, address, door, near=near, identity=friend)
        await pair.prove_it_works()
        assert [peer.key for peer in hears.ups] == [friend.public]

    async def test_an_empty_allow_list_lets_nobody_in(self, bench: Bench) -> None:
        far = await bench.transport()
        door = Endpoint("stars", bench.address(), far.new_identity(), frozenset())
        address = await far.open(door, bench.recorder())
        near = await bench.transport()
        with pytest.raises(Unauthorized):
            await near.connect(address, bench.recorder(), server_key=door.identity.public, timeout=self.patience)

    async def test_each_door_has_its_own_list(self, bench: Bench) -> None:
        pair = await bench.pair()
        strict = Endpoint("strict", bench.address(), pair.far.new_identity(), frozenset())
        address = await pair.far.open(strict, bench.recorder())
        with pytest.raises(Unauthorized):
            await pair.near.connect(address, bench.recorder(), server_key=strict.identity.public, timeout=self.patience)
        await (await bench.join(pair.far, pair.far_hears, pair.address, pair.door)).prove_it_works()

    async def test_a_stolen_public_key_is_worth_nothing(self, bench: Bench) -> None:
        far, hears = await bench.transport(), bench.recorder()
        friend = far.new_identity()
        door = Endpoint("stars", bench.address(), far.new_identity(), frozenset({friend.public}))
        address = await far.open(door, hears)
        near = await bench.transport()
        forged = attrs.evolve(friend, secret=near.new_identity().secret)
        assert isinstance(forged, Identity)
        with pytest.raises(HyperverseError):
            await near.connect(address, bench.recorder(), identity=forged, server_key=door.identity.public, timeout=1.0)
        assert hears.ups == []
