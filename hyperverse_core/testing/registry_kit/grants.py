"""Tests of grants and tokens."""

from __future__ import annotations

import attrs
import pytest

from ...contracts.registry import ChangeKind, Registry, TokenRecord
from ...errors import NotFound
from ...universe.access.access import AccessGrant
from ...universe.address.point import ROOT
from .fixture_tree import RegistryKitBase, at, heard, outcomes, populate, snapshot

__all__ = ["GrantsAndTokens"]

_GRANTS = (
    "super on localhost+:** to localhost:users:**<User> by localhost",
    "perm +csd-RwX on localhost:app:**<Mechtron> to localhost:users:scott by localhost",
    "perm &CSD-rwx on localhost:app to ** by localhost",
    "priv property:email:read on **<User> to localhost:app:* by localhost",
    "priv * on +:** to +:** by localhost",
)


class GrantsAndTokens(RegistryKitBase):
    """A test group of :class:`~hyperverse_core.testing.RegistryConformance`."""

    async def test_a_grant_comes_back_with_its_id(self, registry: Registry) -> None:
        await populate(registry, "localhost<Space>")
        given = [AccessGrant.parse(text) for text in _GRANTS]
        stored = [await registry.grant(grant) for grant in given]
        assert [attrs.evolve(grant, id=0) for grant in stored] == given
        ids = [grant.id for grant in stored]
        assert ids == sorted(set(ids))
        assert ids[0] > 0
        assert await registry.grants() == stored

    async def test_grants_are_found_by_their_query_roots(self, registry: Registry) -> None:
        await populate(registry, "localhost<Space>")
        stored = [await registry.grant(AccessGrant.parse(text)) for text in _GRANTS]
        assert await registry.grants([at("localhost:app")]) == [stored[1], stored[2]]
        assert await registry.grants([ROOT, at("localhost:app")]) == stored
        assert await registry.grants([at("localhost")]) == []
        assert await registry.grants([]) == []

    async def test_the_roots_of_all_grants_are_told_unless_they_are_too_many(self, registry: Registry) -> None:
        await populate(registry, "localhost<Space>")
        stored = [await registry.grant(AccessGrant.parse(text)) for text in (*_GRANTS, _GRANTS[1])]
        roots = {grant.on.query_root for grant in stored}
        assert await registry.grant_roots(len(roots)) in (roots, None)
        assert await registry.grant_roots(len(roots) - 1) is None
        for grant in stored[1:]:
            await registry.revoke(grant.id)
        assert await registry.grant_roots(1) in ({stored[0].query_root}, None)

    async def test_the_same_grant_may_be_made_twice(self, registry: Registry) -> None:
        await populate(registry, "localhost<Space>")
        first, second = [await registry.grant(AccessGrant.parse(_GRANTS[0])) for _ in range(2)]
        assert first.id != second.id
        await registry.revoke(first.id)
        assert await registry.grants() == [second]

    async def test_a_grantor_has_to_be_registered(self, registry: Registry) -> None:
        before = await snapshot(registry)
        with pytest.raises(NotFound, match="localhost"):
            await registry.grant(AccessGrant.parse(_GRANTS[0]))
        assert await snapshot(registry) == before

    async def test_the_hyperuser_grants_without_a_record(self, registry: Registry) -> None:
        grant = AccessGrant.parse("super on localhost+:** to localhost by hyperspace:users:hyperuser")
        stored = await registry.grant(grant)
        assert await registry.grants() == [stored]

    async def test_a_revoked_grant_is_gone_and_its_id_is_not_given_again(self, registry: Registry) -> None:
        await populate(registry, "localhost<Space>")
        stored = await registry.grant(AccessGrant.parse(_GRANTS[0]))
        assert await registry.revoke(stored.id) == stored
        assert await registry.grants() == []
        with pytest.raises(NotFound):
            await registry.revoke(stored.id)
        assert (await registry.grant(AccessGrant.parse(_GRANTS[0]))).id > stored.id

    async def test_one_of_many_revokes_a_grant(self, registry: Registry) -> None:
        await populate(registry, "localhost<Space>")
        stored = await registry.grant(AccessGrant.parse(_GRANTS[0]))
        found = await outcomes(registry.revoke(stored.id) for _ in range(10))
        assert found.count(stored) == 1
        assert sum(isinstance(result, NotFound) for result in found) == 9

    async def test_a_token_is_known_by_its_hash(self, registry: Registry) -> None:
        token = TokenRecord("ab" * 32, at("localhost:users:scott"), "laptop")
        await registry.add_token(token)
        assert await registry.token(token.digest) == token
        assert await registry.token("cd" * 32) is None

    async def test_a_token_replaces_one_with_the_same_hash(self, registry: Registry) -> None:
        await registry.add_token(TokenRecord("ab", at("localhost:users:scott"), "laptop"))
        newer = TokenRecord("ab", at("localhost:users:less"), "phone")
        await registry.add_token(newer)
        assert await registry.tokens() == [newer]

    async def test_the_feed_tells_of_a_token_that_replaces_another(self, registry: Registry) -> None:
        token = TokenRecord("ab", at("localhost:users:scott"), scope="None")
        await registry.add_token(attrs.evolve(token, scope=""))
        since = await registry.revision()
        await registry.add_token(token)
        assert await heard(registry, since) == [(ChangeKind.TOKEN, "localhost:users:scott")]

    async def test_tokens_are_listed_by_label_and_hash(self, registry: Registry) -> None:
        scott = at("localhost:users:scott")
        given = [TokenRecord(digest, scott, label) for digest, label in (("c", "x"), ("a", "x"), ("b", ""))]
        for token in given:
            await registry.add_token(token)
        assert [token.digest for token in await registry.tokens()] == ["b", "a", "c"]

    async def test_a_token_keeps_its_scope_and_its_end(self, registry: Registry) -> None:
        token = TokenRecord("ab", at("localhost:users:scott"), "laptop", "None", 1.5, 2.5)
        await registry.add_token(token)
        assert await registry.token("ab") == token
        assert await registry.tokens() == [token]

    async def test_the_tokens_of_a_deleted_agent_are_gone(self, registry: Registry) -> None:
        await populate(registry, "localhost<Space>", "localhost:scott<User>", "localhost:less<User>")
        for digest, agent in (("ab", "localhost:scott"), ("cd", "localhost:scott"), ("ef", "localhost:less")):
            await registry.add_token(TokenRecord(digest, at(agent)))
        since = await registry.revision()
        await registry.delete([at("localhost:scott")])
        assert [token.digest for token in await registry.tokens()] == ["ef"]
        told = (await registry.changes(since, timeout=1.0)).entries
        assert at("localhost:scott") in [change.point for change in told if change.kind is ChangeKind.TOKEN]

    async def test_a_revoked_token_is_gone(self, registry: Registry) -> None:
        await registry.add_token(TokenRecord("ab", at("localhost:users:scott")))
        assert await registry.revoke_token("ab")
        assert not await registry.revoke_token("ab")
        assert await registry.token("ab") is None
