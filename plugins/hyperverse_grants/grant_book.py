"""The grants that were read, kept until something in the registry changes that answers may rest on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from hyperverse_core.contracts.registry import Registry
from hyperverse_core.universe.access.access import AccessGrant
from hyperverse_core.universe.address.point import Point

__all__ = ["GrantBook"]

_KEPT = 65_536
"""Roots that are remembered; most have no grant and cost an empty tuple."""


class GrantBook:
    """Grants by their query root."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._pages: dict[Point, tuple[AccessGrant, ...]] = {}
        self._turn = 0

    async def grants(self, roots: Iterable[Point]) -> Mapping[Point, tuple[AccessGrant, ...]]:
        """The grants whose query root is one of ``roots``, from memory or in one question to the registry."""
        found: dict[Point, tuple[AccessGrant, ...]] = {}
        missing: dict[Point, list[AccessGrant]] = {}
        for root in roots:
            page = self._pages.get(root)
            if page is None:
                missing[root] = []
            else:
                found[root] = page
        if not missing:
            return found
        turn = self._turn
        for grant in await self._registry.grants(tuple(missing)):
            missing[grant.query_root].append(grant)
        read = {root: tuple(grants) for root, grants in missing.items()}
        if turn == self._turn:  # else what was read may be older than what has changed
            if len(self._pages) + len(read) > _KEPT:
                self._pages.clear()
            self._pages.update(read)
        return found | read

    def forget(self) -> None:
        """Everything may have changed, and so may what is being read now."""
        self._turn += 1
        self._pages.clear()
