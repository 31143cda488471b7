"""Reads from the registry those stars of the directory that have changed according to the change feed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence

from ...contracts.registry import StarRecord, StarRegistry
from ...errors import HyperverseError
from ...universe.address.star_key import StarKey
from .directory import Directory
from .ways import Ways

__all__ = ["DirectoryReader"]

_RECENT = 1 / 8
"""Part of the lease for which figures of other machines count as recent."""


class DirectoryReader:
    """Reads the directory of stars, and notifies the parts that depend on it of changes.

    Args:
        lease: seconds for which a renewal of this machine is valid.
        registry: stores the directory.
        directory: gets what is read.
        ways: notified when stars, links or machines have changed.
        star_gone: called with the text of a star's key if the star is no longer announced, or has another incarnation,
            so that nothing lives there.
        machines_changed: called, after ``ways``, with the names of machines whose stars, links, addresses or keys have
            changed.
    """

    def __init__(
        self,
        lease: float,
        *,
        registry: StarRegistry,
        directory: Directory,
        ways: Ways,
        star_gone: Sequence[Callable[[str], None]],
        machines_changed: Sequence[Callable[[Collection[str]], None]],
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._recent = lease * _RECENT
        self._registry = registry
        self._directory = directory
        self._ways = ways
        self._star_gone = star_gone
        self._machines_changed = machines_changed
        self._reading = asyncio.Lock()
        self._asked = 0
        self._answered = 0
        self._whole = float("-inf")

    async def refresh(self) -> None:
        """Reads the whole directory. Everything announced before the call is known when it returns. Raises
        Unavailable."""
        self._asked += 1
        mine = self._asked
        async with self._reading:
            if self._answered >= mine:
                return  # a read that began after our call has just ended
            upto = self._asked
            begun = self._loop.time()
            records = {record.key: record for record in await self._registry.stars()}
            self._answered, self._whole = upto, begun
            gone = dict.fromkeys(self._directory.records.keys() - records.keys())
            self._take(records | gone)

    async def read(self, keys: Collection[StarKey]) -> None:
        """Reads some stars. Everything announced or withdrawn before the call is known when it returns. Raises
        Unavailable."""
        async with self._reading:  # reads are applied in order
            found = {record.key: record for record in await self._registry.stars(keys)}
            self._take({key: found.get(key) for key in keys})

    async def have_recent(self) -> None:
        """Reads the load of other machines, which the change feed does not report, unless that was done recently.
        Raises Unavailable."""
        if self._directory.has_others() and self._loop.time() - self._whole > self._recent:
            await self.refresh()

    def _take(self, records: Mapping[StarKey, StarRecord | None]) -> None:
        """Applies stars that were read; None means that a star is not announced."""
        known = self._directory.records
        before = {key: known.get(key) for key in records}
        changed = {key: record for key, record in records.items() if record != before[key]}
        if not changed:
            return
        for key in changed:
            was = before[key]
            if was is not None and _incarnation(changed[key]) != was.incarnation:
                for gone in self._star_gone:
                    gone(str(key))
        self._directory.update(changed)
        machines = {
            found.machine
            for key, record in changed.items()
            if _layout(record) != _layout(before[key])
            for found in (record, before[key])
            if found is not None
        }
        if machines:
            self.tell_changed(machines)

    def tell_changed(self, machines: Collection[str]) -> None:
        """Reports that the stars, links, addresses or keys of these machines have changed."""
        self._ways.changed()
        for changed in self._machines_changed:
            changed(machines)

    async def has_left(self, key: StarKey, incarnation: int) -> bool:
        """Returns whether an unreachable star is no longer announced, as far as that can be known now."""
        if self._directory.incarnation_of(key) == incarnation:
            try:
                await self.read((key,))
            except HyperverseError:
                return False
        return self._directory.incarnation_of(key) != incarnation


def _incarnation(record: StarRecord | None) -> int:
    return 0 if record is None else record.incarnation


def _layout(record: StarRecord | None) -> object:
    """Returns the part of a record on which routes and lanes depend."""
    if record is None:
        return None
    return record.incarnation, record.links, record.machine, record.kind, record.address, record.server_key
