"""A transport with an intermediary between the two sides, such as a broker, which goes down and comes back."""

from __future__ import annotations

import asyncio
from typing import Protocol

import attrs
import pytest

from ...contracts.lane import Endpoint
from ...errors import Unavailable
from ..differences import first_difference
from .harness import Harness, LaneTests, Pair

__all__ = ["Between", "BrokerConformance"]

_PAUSE = 0.05


class Between(Protocol):
    """The intermediary between the two sides."""

    def stop(self) -> None:
        """Ends it at once, as a crash would."""

    def start(self) -> None:
        """Restarts it at the same address."""


@pytest.mark.asyncio
class BrokerConformance(LaneTests):
    """The requirements when the intermediary goes down and comes back. Besides ``make_transport``, a subclass defines
    the fixture ``between``."""

    @pytest.fixture
    def between(self) -> Between:
        """The intermediary of the transports of the test. A subclass must define it."""
        pytest.fail("a subclass of BrokerConformance must define the fixture between")

    async def test_a_loss_ends_each_connection_once_on_both_sides(self, harness: Harness, between: Between) -> None:
        pair = await harness.pair()
        between.stop()
        await self._until_both_are_down(pair)
        for transport, peer in ((pair.near, pair.peer), (pair.far, pair.guest)):
            with pytest.raises(Unavailable):
                transport.send(peer, b"anybody?")
        between.start()
        await (await self._again(harness, pair)).prove_it_works()
        assert pair.near_hears.downs_of(pair.peer) == pair.far_hears.downs_of(pair.guest) == 1, "told once"

    async def test_while_it_is_away_nobody_is_reached_and_that_is_said(
        self, harness: Harness, between: Between
    ) -> None:
        pair = await harness.pair()
        between.stop()
        await self._until_both_are_down(pair)
        with pytest.raises(Unavailable):
            await pair.near.connect(
                pair.address, harness.recorder(), server_key=pair.endpoint.identity.public, timeout=1.0
            )
        between.start()
        await (await self._again(harness, pair)).prove_it_works()

    async def test_an_endpoint_is_open_at_its_address_until_it_is_closed_however_often_it_goes(
        self, harness: Harness, between: Between
    ) -> None:
        pair = await harness.pair()
        for _ in range(3):
            between.stop()
            await self._until_both_are_down(pair)
            between.start()
            pair = await self._again(harness, pair)
            await pair.prove_it_works()

    async def test_an_endpoint_that_nobody_has_come_to_is_open_again_too(
        self, harness: Harness, between: Between
    ) -> None:
        pair = await harness.pair()
        other, hears = await harness.transport(), harness.recorder()
        endpoint = Endpoint("others", harness.address(), other.new_identity())
        address = await other.open(endpoint, hears)
        between.stop()
        await self._until_both_are_down(pair)
        between.start()
        there = attrs.evolve(pair, far=other, far_hears=hears, address=address, endpoint=endpoint)
        await (await self._again(harness, there)).prove_it_works()

    async def test_what_was_under_way_arrives_once_or_never_and_without_a_gap(
        self, harness: Harness, between: Between
    ) -> None:
        pair = await harness.pair()
        frames = [b"old %d" % number for number in range(2000)]
        for frame in frames[:1000]:
            pair.near.send(pair.peer, frame)
        await pair.far_hears.have(1, pair.guest)
        for frame in frames[1000:]:
            pair.near.send(pair.peer, frame)
        between.stop()
        await self._until_both_are_down(pair)
        between.start()
        again = await self._again(harness, pair)
        await again.prove_it_works()
        assert again.far_hears.frames(again.guest) == [b"works?"], "nothing of the lost connection comes by the next"
        got = pair.far_hears.frames(pair.guest)
        difference = first_difference(got, frames[: len(got)])
        assert not difference, difference

    @staticmethod
    async def _until_both_are_down(pair: Pair) -> None:
        await pair.near_hears.have_down(pair.peer)
        await pair.far_hears.have_down(pair.guest)

    async def _again(self, harness: Harness, pair: Pair) -> Pair:
        """Connects the near side to the endpoint of the far side, as soon as that can be reached."""
        async with asyncio.timeout(self.patience):
            while True:
                try:
                    return await harness.join(
                        pair.far,
                        pair.far_hears,
                        pair.address,
                        pair.endpoint,
                        near=pair.near,
                        near_hears=pair.near_hears,
                    )
                except Unavailable:
                    await asyncio.sleep(_PAUSE)
