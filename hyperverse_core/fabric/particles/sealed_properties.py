"""Encrypts and decrypts secret properties, which the particles know and the registry does not.

A secret is encrypted, or hashed if its Kind says so, right before it is registered, and stays so in every record: only
the handlers of the particle itself see it. See docs/reference/kinds.md#secrets.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping, Sequence
from typing import Final

import attrs

from ...contracts.driver.property import Property
from ...contracts.registry import ParticleRecord, PropertyValue, Registration
from ...data_dir.sealed_text import hashed, is_hashed, is_sealed, matches, opened, sealed, sealed_with
from ...data_dir.sealing_keys import SealingKeys, key_id
from ...universe.kind_defs.kind_def import KindDef
from ...universe.kind_defs.properties import PropertyChange, PropertyDef, SetProperty

__all__ = ["SealedProperties"]

_AT_ONCE: Final = 4
"""Number of passwords that are hashed at the same time, because each takes 19 MiB."""


class SealedProperties:
    """Encrypts and decrypts secret properties for one machine.

    Args:
        keys: keys of the data directory.
        known: definitions of all Kinds.
    """

    def __init__(self, keys: SealingKeys, known: Mapping[str, KindDef]) -> None:
        self._keys = keys
        self._known = known
        self._hashing = asyncio.Semaphore(_AT_ONCE)

    async def changes(self, kind: KindDef, changes: Sequence[PropertyChange]) -> list[PropertyChange]:
        """Returns the same changes with secrets sealed. Raises ConfigError if there is no key and none can be made."""
        return [await self._change(kind, change) for change in changes]

    async def _change(self, kind: KindDef, change: PropertyChange) -> PropertyChange:
        if change.key not in kind.properties.secrets or not isinstance(change, SetProperty):
            return change
        return attrs.evolve(change, value=await self._sealed(kind.properties.get(change.key), change.value))

    async def registration(self, given: Registration) -> Registration:
        """Returns the same registration, including particles below it, with secrets sealed. Raises ConfigError if there
        is no key and none can be made."""
        kind = self._known.get(given.kind.base)
        below = given.below
        if below:
            below = tuple([await self.registration(one) for one in below])
        if (kind is None or kind.properties.secrets.isdisjoint(given.properties)) and below == given.below:
            return given
        values = dict(given.properties)
        for key in () if kind is None else kind.properties.secrets.intersection(values):
            assert kind is not None
            value = await self._sealed(kind.properties.get(key), values[key].value)
            values[key] = PropertyValue(value, values[key].locked)
        return attrs.evolve(given, properties=values, below=below)

    async def _sealed(self, definition: PropertyDef | None, text: str) -> str:
        if definition is not None and definition.hashed:
            async with self._hashing:
                return await asyncio.to_thread(hashed, text)
        return sealed(text, self._keys.newest)

    def read(self, kind: KindDef, record: ParticleRecord) -> dict[str, Property]:
        """Returns the properties of a particle as its own handlers see them. Raises Unavailable if the key of a secret
        is not here, and ConfigError if the keys cannot be read."""
        hidden, read = kind.properties.secrets, kind.properties.read
        found = {}
        for key, one in record.properties.items():
            if key not in hidden:
                found[key] = Property(read(key, one.value), one.value, one.locked)
            elif is_hashed(one.value) or self._is_hashed(kind, key):
                found[key] = Property(None, "", one.locked, secret=True)
            else:
                text = self._opened(one.value)
                found[key] = Property(read(key, text), text, one.locked, secret=True)
        return found

    async def matches(self, record: ParticleRecord, key: str, guess: str) -> bool:
        """Returns whether a property of the particle has the value ``guess``; False if it is not set. The time taken
        does not depend on where the two differ. Raises the errors of :meth:`read`."""
        one = record.properties.get(key)
        if one is None:
            return False
        if is_hashed(one.value):
            async with self._hashing:
                return await asyncio.to_thread(matches, guess, one.value)
        given, has = (text.encode("utf-8", "surrogatepass") for text in (guess, self._opened(one.value)))
        return secrets.compare_digest(given, has)

    def _opened(self, text: str) -> str:
        """Returns the decrypted value; an unencrypted value of an older release is returned unchanged."""
        return opened(text, self._keys.known()) if is_sealed(text) else text

    @staticmethod
    def _is_hashed(kind: KindDef, key: str) -> bool:
        definition = kind.properties.get(key)
        return definition is not None and definition.hashed

    async def renewed(self, record: ParticleRecord) -> dict[str, tuple[str, str]]:
        """Returns the values of the particle that are in clear text or encrypted with an older key, each with its
        replacement. Raises the errors of :meth:`read`."""
        kind = self._known.get(record.kind.base)
        hidden = frozenset[str]() if kind is None else kind.properties.secrets
        found: dict[str, tuple[str, str]] = {}
        for key, one in record.properties.items():
            if is_hashed(one.value) or not (key in hidden or (kind is None and is_sealed(one.value))):
                continue
            definition = None if kind is None else kind.properties.get(key)
            wants_hash = definition is not None and definition.hashed
            if is_sealed(one.value) and not wants_hash and sealed_with(one.value) == key_id(self._keys.newest):
                continue
            found[key] = (one.value, await self._sealed(definition, self._opened(one.value)))
        return found
