"""Addresses, and the keys that users may enter: only a transport knows the form of both."""

from __future__ import annotations

from pathlib import Path

import pytest

from ...contracts.lane import Endpoint, LaneTransport
from ...errors import BadRequest
from .harness import Harness, LaneTests, Pair

__all__ = ["Addresses"]

_PURPOSES = ("stars", "clients")


async def _listening(harness: Harness, transport: LaneTransport, purpose: str, address: str) -> Pair:
    """A connection to an endpoint at that address."""
    hears = harness.recorder()
    endpoint = Endpoint(purpose, address, transport.new_identity())
    return await harness.join(transport, hears, await transport.open(endpoint, hears), endpoint)


@pytest.mark.asyncio
class Addresses(LaneTests):
    """Where a transport listens by default, which addresses are local, which keys can be keys."""

    async def test_each_purpose_has_a_default_address_that_can_be_opened(
        self, harness: Harness, tmp_path: Path
    ) -> None:
        machine = await harness.transport()
        for purpose in _PURPOSES:
            pair = await _listening(harness, machine, purpose, machine.default_address(purpose, tmp_path))
            await pair.prove_it_works()

    async def test_two_machines_of_one_computer_listen_by_default(self, harness: Harness, tmp_path: Path) -> None:
        for name in ("one", "other"):
            directory = tmp_path / name
            directory.mkdir()
            machine = await harness.transport()
            for purpose in _PURPOSES:
                await _listening(harness, machine, purpose, machine.default_address(purpose, directory))

    async def test_a_default_address_is_the_same_after_a_restart(self, harness: Harness, tmp_path: Path) -> None:
        before, after = await harness.transport(), await harness.transport()
        assert before.default_address("stars", tmp_path) == after.default_address("stars", tmp_path)

    async def test_a_directory_with_a_long_name_has_a_default_address_too(
        self, harness: Harness, tmp_path: Path
    ) -> None:
        directory = tmp_path / ("a" * 90) / ("b" * 90)
        directory.mkdir(parents=True)
        machine = await harness.transport()
        await (
            await _listening(harness, machine, "stars", machine.default_address("stars", directory))
        ).prove_it_works()

    async def test_it_says_of_each_address_whether_it_is_local(self, harness: Harness) -> None:
        pair = await harness.pair()
        assert isinstance(pair.near.is_local(pair.address), bool)
        assert pair.near.is_local(pair.address) == pair.far.is_local(pair.address)
        if pair.near.is_local(pair.address):
            assert not pair.near.works_elsewhere(pair.address), "no other computer can connect to a local address"

    @pytest.mark.parametrize("text", ["", "nonsense", "tcp://192.0.2.1:7777", "nats://192.0.2.1:4222"])
    async def test_what_is_not_an_address_of_this_computer_is_not_local(self, harness: Harness, text: str) -> None:
        assert (await harness.transport()).is_local(text) is False

    async def test_every_public_key_that_it_makes_is_taken_for_a_key(self, harness: Harness) -> None:
        transport = await harness.transport()
        for _ in range(20):
            if transport.proves_peers:
                transport.check_key(transport.new_identity().public)

    @pytest.mark.parametrize("text", ["", "nonsense", "a key with spaces", "\n"])
    async def test_what_cannot_be_a_key_is_a_bad_request_that_says_how_one_looks(
        self, harness: Harness, text: str
    ) -> None:
        with pytest.raises(BadRequest) as caught:
            (await harness.transport()).check_key(text)
        assert caught.value.hint
