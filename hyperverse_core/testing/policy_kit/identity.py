"""Identities: the credentials of clients and of machines."""

from __future__ import annotations

import hashlib
import time

import pytest

from ...contracts.policy import Credentials, Vouched
from ...errors import Unauthorized
from ...universe.address.point import ANONYMOUS, Point
from .base import PolicyKitBase
from .world import ALICE, SECRET, WRONG

__all__ = ["Clients", "Machines"]

_STRANGE = ["\ud800", "\0", "x" * 100_000, SECRET + " ", SECRET.upper()]


class Clients(PolicyKitBase):
    """A client is admitted with a token."""

    async def test_a_known_token_gives_its_agent(self) -> None:
        self.needs_tokens()
        world = await self.world()
        assert await world.policy.authenticate(Credentials(SECRET)) == ALICE

    async def test_an_unknown_token_is_refused_without_naming_it(self) -> None:
        world = await self.world()
        with pytest.raises(Unauthorized) as caught:
            await world.policy.authenticate(Credentials(WRONG, peer_key="some-key", address="somewhere"))
        assert caught.value.status == 401
        _names_no_secret(caught.value)

    @pytest.mark.parametrize("token", _STRANGE)
    async def test_a_strange_token_is_refused_like_any_other(self, token: str) -> None:
        world = await self.world()
        with pytest.raises(Unauthorized) as caught:
            await world.policy.authenticate(Credentials(token))
        _names_no_secret(caught.value)

    async def test_no_token_gives_nobody_or_anonymous(self) -> None:
        world = await self.world()
        try:
            agent = await world.policy.authenticate(Credentials())
        except Unauthorized as exc:
            assert exc.hint, "a client without a token has to be told how to get one"
        else:
            assert agent == ANONYMOUS

    async def test_nobody_is_let_in_whom_a_gateway_names_and_the_registry_does_not_know(self) -> None:
        world = await self.world()
        unknown = Vouched(Point.parse("hyperspace:users:nobody-at-all"), time.time() + 3600.0, "a gateway")
        try:
            agent = await world.policy.authenticate(Credentials(vouched=unknown))
        except Unauthorized:
            return
        assert agent == ANONYMOUS, "a policy that knows nothing of it sees a client without a token"

    async def test_a_revoked_token_is_refused_at_once(self) -> None:
        self.needs_tokens()
        world = await self.world()
        await world.policy.authenticate(Credentials(SECRET))
        await world.registry.revoke_token(hashlib.sha256(SECRET.encode()).hexdigest())
        with pytest.raises(Unauthorized):
            await world.policy.authenticate(Credentials(SECRET))

    async def test_the_digest_of_a_token_is_no_token(self) -> None:
        world = await self.world()
        with pytest.raises(Unauthorized):
            await world.policy.authenticate(Credentials(hashlib.sha256(SECRET.encode()).hexdigest()))


class Machines(PolicyKitBase):
    """A machine that has not proved a key is a stranger until its credentials prove otherwise."""

    @pytest.mark.parametrize("token", ["", WRONG, SECRET, *_STRANGE], ids=lambda token: repr(token[:20]))
    async def test_a_stranger_is_no_machine(self, token: str) -> None:
        world = await self.world()
        with pytest.raises(Unauthorized) as caught:
            await world.policy.authenticate_machine("local", Credentials(token, address="somewhere"))
        assert caught.value.hint
        _names_no_secret(caught.value)

    @pytest.mark.parametrize("name", ["", "\0", "../local", "Local", "x" * 10_000, ALICE.text])
    async def test_a_name_that_no_machine_can_have_is_refused(self, name: str) -> None:
        world = await self.world()
        with pytest.raises(Unauthorized):
            await world.policy.authenticate_machine(name, Credentials(SECRET))


def _names_no_secret(error: Unauthorized) -> None:
    said = f"{error} {error.message} {error.hint} {error!r}"
    for secret in (SECRET, WRONG, hashlib.sha256(WRONG.encode()).hexdigest()):
        assert secret not in said
