"""The grants that were read, kept by their query root until a grant is made or revoked there; and which roots have any
grants, so that nothing is read for the others."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import attrs

from hyperverse_core.registry import Registry
from hyperverse_core.values import AccessGrant, Point

__all__ = ["GrantBook"]

_KEPT = 65_536
"""Maximum number of cached roots; most have no grant and cost an empty tuple."""
_ROOTS = 10_000
"""Maximum number of roots with grants to remember, about 3 MB; with more, each root is looked up separately."""


@attrs.define(eq=False)
class _Reading:
    """A look-up in the registry that is in progress.

    Attributes:
        changed: roots whose grants have changed since it began: its results for them may be older.
        lost: whether anything may have changed since it began.
    """

    changed: set[Point] = attrs.field(factory=set)
    lost: bool = False


class GrantBook:
    """Grants by their query root.

    Args:
        registry: the registry from which they are read.
    """

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._pages: dict[Point, tuple[AccessGrant, ...]] = {}
        self._under_way: set[_Reading] = set()
        self._with_grants: set[Point] | None = None  # all roots with grants, and perhaps some that had grants
        self._asks_for_roots = True

    async def grants(self, roots: Iterable[Point]) -> Mapping[Point, tuple[AccessGrant, ...]]:
        """Returns the grants of each of ``roots``, from memory or with one look-up in the registry. Raises
        Unavailable."""
        found: dict[Point, tuple[AccessGrant, ...]] = {}
        missing: list[Point] = []
        for root in roots:
            page = self._pages.get(root)
            if page is None:
                missing.append(root)
            else:
                found[root] = page
        if not missing:
            return found
        if self._asks_for_roots:
            await self._read_roots()
        return found | await self._read(missing)

    async def _read(self, roots: list[Point]) -> dict[Point, tuple[AccessGrant, ...]]:
        """Reads the grants of roots that are not cached."""
        known = self._with_grants
        if known is not None:
            without: dict[Point, tuple[AccessGrant, ...]] = {root: () for root in roots if root not in known}
            if len(without) == len(roots):
                return without
            roots = [root for root in roots if root in known]
        else:
            without = {}
        missing: dict[Point, list[AccessGrant]] = {root: [] for root in roots}
        reading = _Reading()
        self._under_way.add(reading)
        try:
            for grant in await self._registry.grants(tuple(missing)):
                missing[grant.query_root].append(grant)
        finally:
            self._under_way.discard(reading)
        read = {root: tuple(grants) for root, grants in missing.items()}
        if not reading.lost:
            self._keep({root: page for root, page in read.items() if root not in reading.changed})
        return without | read

    async def _read_roots(self) -> None:
        """Reads which roots have grants. Other callers do not wait for that."""
        self._asks_for_roots = False
        reading = _Reading()
        self._under_way.add(reading)
        try:
            roots = await self._registry.grant_roots(_ROOTS)
        except BaseException:
            self._asks_for_roots = True
            raise
        finally:
            self._under_way.discard(reading)
        if reading.lost:
            self._asks_for_roots = True
        elif roots is not None:
            self._with_grants = reading.changed.union(roots)

    def _keep(self, pages: Mapping[Point, tuple[AccessGrant, ...]]) -> None:
        if len(self._pages) + len(pages) > _KEPT:  # drops the older half: roots in use are soon read again
            for root in list(self._pages)[: _KEPT // 2]:
                del self._pages[root]
        self._pages.update(pages)

    def changed(self, root: Point) -> None:
        """Called when a grant with the query root ``root`` was made or revoked."""
        self._pages.pop(root, None)
        if self._with_grants is not None:
            self._with_grants.add(root)
            if len(self._with_grants) > 2 * _ROOTS:
                self._with_grants = None
        for reading in self._under_way:
            reading.changed.add(root)

    def forget(self) -> None:
        """Called when any grant may have changed."""
        self._pages.clear()
        self._with_grants = None
        self._asks_for_roots = True
        for reading in self._under_way:
            reading.lost = True
