"""Which peers may connect, and that a peer's key is the one that it has proved to hold."""

from __future__ import annotations

import asyncio

import attrs
import pytest
import pytest_asyncio

from ...contracts.lane import Endpoint, Identity
from ...errors import BadRequest, HyperverseError, Unauthorized
from .harness import Harness, LaneTests

__all__ = ["Keys"]


@pytest.mark.asyncio
class Keys(LaneTests):
    """Authentication. Left out for a transport that proves nothing."""

    @pytest_asyncio.fixture(autouse=True)
    async def _only_where_keys_are_proved(self, request: pytest.FixtureRequest, harness: Harness) -> None:
        if request.function.__qualname__.startswith(Keys.__qualname__) and not (await harness.transport()).proves_peers:
            pytest.skip("this transport proves no keys")

    async def test_each_side_sees_the_key_that_the_other_has_proved(self, harness: Harness) -> None:
        pair = await harness.pair()
        me = pair.near.new_identity()
        again = await harness.join(pair.far, pair.far_hears, pair.address, pair.endpoint, identity=me)
        assert again.guest.key == me.public
        assert again.peer.key == pair.endpoint.identity.public
        assert pair.guest.key not in ("", me.public), "without an identity of ours a fresh one is made"

    async def test_identities_are_fresh_and_secret(self, harness: Harness) -> None:
        transport = await harness.transport()
        made = [transport.new_identity() for _ in range(20)]
        assert len({one.public for one in made} | {one.secret for one in made}) == 40
        assert made[0].secret not in repr(made[0])

    async def test_one_key_in_two_connections_is_two_peers(self, harness: Harness) -> None:
        pair = await harness.pair()
        me = pair.near.new_identity()
        one = await harness.join(pair.far, pair.far_hears, pair.address, pair.endpoint, identity=me)
        two = await harness.join(pair.far, pair.far_hears, pair.address, pair.endpoint, identity=me)
        assert one.guest is not two.guest
        assert one.guest.key == two.guest.key == me.public
        one.near.send(one.peer, b"one")
        two.near.send(two.peer, b"two")
        assert await pair.far_hears.have(1, one.guest) == [b"one"]
        assert await pair.far_hears.have(1, two.guest) == [b"two"]
        await one.near.close()
        await pair.far_hears.have_down(one.guest)
        await two.prove_it_works()

    async def test_many_that_connect_at_once_keep_their_own_keys(self, harness: Harness) -> None:
        pair = await harness.pair()
        key = pair.endpoint.identity.public
        nears = [pair.near, await harness.transport()]
        me = [pair.near.new_identity() for _ in range(10)]
        async with asyncio.timeout(self.patience):
            peers = await asyncio.gather(
                *(
                    nears[number % 2].connect(
                        pair.address, pair.near_hears, identity=one, server_key=key, timeout=self.patience
                    )
                    for number, one in enumerate(me)
                )
            )
        for number, (one, peer) in enumerate(zip(me, peers, strict=True)):
            nears[number % 2].send(peer, one.public.encode())
        hears = pair.far_hears
        await hears.until(lambda: hears.count() == len(me), what="a frame of each")
        told = {guest.key: hears.frames(guest) for guest in hears.ups if guest is not pair.guest}
        assert told == {one.public: [one.public.encode()] for one in me}

    async def test_an_endpoint_that_does_not_hold_the_key_is_not_trusted(self, harness: Harness) -> None:
        pair = await harness.pair()
        near, hears = await harness.transport(), harness.recorder()
        with pytest.raises(Unauthorized):
            async with asyncio.timeout(self.patience):
                await near.connect(pair.address, hears, server_key=near.new_identity().public, timeout=self.patience)
        await pair.prove_it_works()
        assert pair.far_hears.ups == [pair.guest], "lane_up for a machine that was not admitted"

    async def test_without_the_key_of_an_endpoint_nobody_connects_to_it(self, harness: Harness) -> None:
        pair = await harness.pair()
        near = await harness.transport()
        if near.proves_peers:
            with pytest.raises((BadRequest, Unauthorized)):
                async with asyncio.timeout(self.patience):
                    await near.connect(pair.address, harness.recorder(), timeout=self.patience)
        await pair.prove_it_works()
        assert pair.far_hears.ups == [pair.guest], "lane_up for somebody who was not let in"

    async def test_only_allowed_keys_come_in(self, harness: Harness) -> None:
        far, hears = await harness.transport(), harness.recorder()
        friend, stranger = far.new_identity(), far.new_identity()
        endpoint = Endpoint("stars", harness.address(), far.new_identity(), frozenset({friend.public}))
        address = await far.open(endpoint, hears)
        near = await harness.transport()
        with pytest.raises(Unauthorized):
            async with asyncio.timeout(self.patience):
                await near.connect(
                    address,
                    harness.recorder(),
                    identity=stranger,
                    server_key=endpoint.identity.public,
                    timeout=self.patience,
                )
        assert hears.ups == []
        pair = await harness.join(far, hears, address, endpoint, near=near, identity=friend)
        await pair.prove_it_works()
        assert [peer.key for peer in hears.ups] == [friend.public]

    async def test_an_empty_allow_list_lets_nobody_in(self, harness: Harness) -> None:
        far = await harness.transport()
        endpoint = Endpoint("stars", harness.address(), far.new_identity(), frozenset())
        address = await far.open(endpoint, harness.recorder())
        near = await harness.transport()
        with pytest.raises(Unauthorized):
            await near.connect(address, harness.recorder(), server_key=endpoint.identity.public, timeout=self.patience)

    async def test_each_endpoint_has_its_own_list(self, harness: Harness) -> None:
        pair = await harness.pair()
        strict = Endpoint("strict", harness.address(), pair.far.new_identity(), frozenset())
        address = await pair.far.open(strict, harness.recorder())
        with pytest.raises(Unauthorized):
            await pair.near.connect(
                address, harness.recorder(), server_key=strict.identity.public, timeout=self.patience
            )
        await (await harness.join(pair.far, pair.far_hears, pair.address, pair.endpoint)).prove_it_works()

    async def test_a_stolen_public_key_is_worth_nothing(self, harness: Harness) -> None:
        far, hears = await harness.transport(), harness.recorder()
        friend = far.new_identity()
        endpoint = Endpoint("stars", harness.address(), far.new_identity(), frozenset({friend.public}))
        address = await far.open(endpoint, hears)
        near = await harness.transport()
        forged = attrs.evolve(friend, secret=near.new_identity().secret)
        assert isinstance(forged, Identity)
        with pytest.raises(HyperverseError):
            await near.connect(
                address, harness.recorder(), identity=forged, server_key=endpoint.identity.public, timeout=1.0
            )
        assert hears.ups == []
