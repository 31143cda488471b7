"""The book of grants asks the registry for nothing where there are no grants, and misses none."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from hyperverse_core.contracts.registry import Registration
from hyperverse_core.errors import Unavailable
from hyperverse_core.testing import MemoryRegistry
from hyperverse_core.universe.access.access import AccessGrant
from hyperverse_core.universe.address.point import HYPERUSER, Point
from hyperverse_core.universe.kinds.kind import Kind
from hyperverse_grants.grant_book import GrantBook

A, B, C = (Point.parse(f"localhost:{name}") for name in "abc")


class Counting(MemoryRegistry):
    """Notes what is asked, and may change something meanwhile."""

    asked: list[tuple[Point, ...]]
    broken = False
    meanwhile: AccessGrant | None = None
    book: GrantBook | None = None

    async def grants(self, roots: Iterable[Point] | None = None) -> list[AccessGrant]:
        self.asked.append(tuple(roots or ()))
        return await super().grants(roots)

    async def grant_roots(self, most: int) -> frozenset[Point] | None:
        if self.broken:
            raise Unavailable("the disk is away")
        found = await super().grant_roots(most)
        if self.meanwhile is not None and self.book is not None:
            await self.grant(self.meanwhile)
            self.book.changed(self.meanwhile.query_root)
        return found


def grant_on(point: Point) -> AccessGrant:
    return AccessGrant.parse(f"super on {point} to localhost:a by {HYPERUSER}")


@pytest.fixture
async def registry() -> Counting:
    registry = Counting()
    registry.asked = []
    await registry.open()
    for text in ("localhost", "localhost:a", "localhost:b", "localhost:c"):
        await registry.register(Registration(Point.parse(text), Kind("Space"), HYPERUSER))
    return registry


async def test_nothing_is_read_where_there_are_no_grants(registry: Counting) -> None:
    stored = await registry.grant(grant_on(A))
    book = GrantBook(registry)
    assert await book.grants([B, C]) == {B: (), C: ()}
    assert registry.asked == []
    assert await book.grants([A, B]) == {A: (stored,), B: ()}
    assert registry.asked == [(A,)]


async def test_a_grant_at_a_new_root_counts_as_soon_as_it_is_told(registry: Counting) -> None:
    book = GrantBook(registry)
    assert await book.grants([B]) == {B: ()}
    stored = await registry.grant(grant_on(B))
    book.changed(B)
    assert await book.grants([B]) == {B: (stored,)}
    await registry.revoke(stored.id)
    book.changed(B)
    assert await book.grants([B]) == {B: ()}


async def test_a_grant_that_is_made_while_the_roots_are_read_is_not_missed(registry: Counting) -> None:
    book = registry.book = GrantBook(registry)
    registry.meanwhile = grant_on(C)
    found = await book.grants([C])
    assert [grant.on for grant in found[C]] == [registry.meanwhile.on]


async def test_when_changes_were_missed_everything_is_asked_for_again(registry: Counting) -> None:
    book = GrantBook(registry)
    assert await book.grants([B]) == {B: ()}
    stored = await registry.grant(grant_on(B))
    book.forget()
    assert await book.grants([B]) == {B: (stored,)}


async def test_where_there_are_grants_at_too_many_roots_each_is_asked_for(
    registry: Counting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hyperverse_grants.grant_book._ROOTS", 1)
    for point in (A, B):
        await registry.grant(grant_on(point))
    book = GrantBook(registry)
    assert await book.grants([C]) == {C: ()}
    assert len((await book.grants([B]))[B]) == 1
    assert registry.asked == [(C,), (B,)]


async def test_when_the_registry_fails_the_roots_are_asked_for_again(registry: Counting) -> None:
    book = GrantBook(registry)
    registry.broken = True
    with pytest.raises(Unavailable):
        await book.grants([B])
    registry.broken = False
    assert await book.grants([B]) == {B: ()}
    assert registry.asked == []
