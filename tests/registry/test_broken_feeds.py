"""The kit catches registries whose feed is wrong: entries are missing, or readers see different orders."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from typing import Any

import attrs
import pytest

from hyperverse_core.registry import Change, ChangeKind, Changes, MachineKey, ParticleRecord, StarRecord, TokenRecord
from hyperverse_core.testing.memory_registry import MemoryRegistry
from hyperverse_core.values import Point
from registry.failing_kit import fails


class Silent(MemoryRegistry):
    """Leaves entries out of the feed."""

    def __init__(self) -> None:
        super().__init__()
        self._left_out: set[int] = set()

    async def changes(self, since: int, *, timeout: float) -> Changes:
        found = await super().changes(since, timeout=timeout)
        return attrs.evolve(found, entries=tuple(e for e in found.entries if not self.leaves_out(e)))

    def leaves_out(self, entry: Change) -> bool:
        return entry.revision in self._left_out

    async def quietly(self, write: Awaitable[Any], *, when: bool = True) -> Any:
        since = self._feed.revision
        done = await write
        if when:
            self._left_out |= set(range(since + 1, self._feed.revision + 1))
        return done


class HidesNewAddresses(Silent):
    async def renew(self, stars: Sequence[StarRecord]) -> None:
        drains = any(self._stars[star.key].draining != star.draining for star in stars if star.key in self._stars)
        await self.quietly(super().renew(stars), when=not drains)


class HidesReplacedTokens(Silent):
    async def add_token(self, token: TokenRecord) -> None:
        await self.quietly(super().add_token(token), when=token.digest in self._tokens)


class HidesRemovedKeys(Silent):
    async def set_machine_keys(self, keys: Sequence[MachineKey], *, invitation: str | None = None) -> None:
        removed = not any(key.admitted for key in keys)
        await self.quietly(super().set_machine_keys(keys, invitation=invitation), when=removed)


class HidesGrantsOfTheDeleted(Silent):
    async def delete(self, points: Sequence[Point], *, limit: int | None = None) -> list[ParticleRecord]:
        deleted = await super().delete(points, limit=limit)
        entries = (await super().changes(0, timeout=0)).entries
        self._left_out |= {entry.revision for entry in entries if entry.kind is ChangeKind.REVOKED}
        return deleted


class HasAnOrderForEachReader(MemoryRegistry):
    """The entries of one particle are in their order, but those of several are not in the same for everybody."""

    _answers = 0

    async def changes(self, since: int, *, timeout: float) -> Changes:
        found = await super().changes(since, timeout=timeout)
        self._answers += 1
        if self._answers % 2:
            return found
        places = [entry.revision for entry in found.entries]
        entries = sorted(found.entries, key=lambda entry: entry.point)
        return attrs.evolve(
            found, entries=tuple(attrs.evolve(e, revision=r) for e, r in zip(entries, places, strict=True))
        )


class SkipsToTheEnd(MemoryRegistry):
    """Lets a reader go on behind the newest entry, though it has handed over the first ones only."""

    async def changes(self, since: int, *, timeout: float) -> Changes:
        found = await super().changes(since, timeout=timeout)
        return attrs.evolve(found, revision=self._feed.revision)


_CAUGHT = (
    (HidesNewAddresses, "test_stars_are_in_the_feed"),
    (HidesReplacedTokens, "test_the_feed_tells_of_a_token_that_replaces_another"),
    (HidesRemovedKeys, "test_the_feed_tells_of_keys_of_machines"),
    (HidesGrantsOfTheDeleted, "test_delete_takes_the_grants_of_the_deleted"),
    (HasAnOrderForEachReader, "test_all_readers_see_one_order"),
    (SkipsToTheEnd, "test_a_reader_far_behind_gets_everything_in_turn"),
)


@pytest.mark.parametrize(("broken", "test"), _CAUGHT, ids=lambda value: getattr(value, "__name__", value))
async def test_the_kit_catches_a_broken_feed(broken: type[MemoryRegistry], test: str) -> None:
    await fails(broken, test, AssertionError)
