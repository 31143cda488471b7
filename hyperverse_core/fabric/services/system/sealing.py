"""Encrypts secret properties that an older release stored in clear text, or that are encrypted with an older key."""

from __future__ import annotations

import asyncio

from ....contracts.registry import ParticleRecord, ParticleRegistry
from ....data_dir.sealing_keys import SealingKeys, key_id
from ....errors import HyperverseError, Unavailable
from ....scheduling.guarded_log import guarded_log
from ....universe.address.point import Point
from ....universe.selectors.selector import Selector
from ...particles.sealed_properties import SealedProperties
from ..commands.matching import PAGE

__all__ = ["Sealing"]

_log = guarded_log("hyperverse.security")
_EVERYTHING = Selector.parse("**")
_TRIES = 10


class Sealing:
    """Encrypts the secrets of older releases once, and encrypts all secrets again when the key is rotated."""

    def __init__(self, registry: ParticleRegistry, keys: SealingKeys, sealed: SealedProperties) -> None:
        self._registry = registry
        self._keys = keys
        self._sealed = sealed
        self._converting: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Encrypts, in the background, secrets that an older release has left in clear text, unless that was done
        before."""
        if not self._keys.converted:
            self._converting = asyncio.get_running_loop().create_task(self._convert(), name="convert secrets")

    async def close(self) -> None:
        """Stops the encryption in progress; the next start continues it."""
        if self._converting is not None:
            self._converting.cancel()
            await asyncio.gather(self._converting, return_exceptions=True)

    async def rotate(self) -> tuple[str, int]:
        """Makes a new key, and encrypts every secret with it. Returns the id of the key, and how many particles have
        changed. Raises Unavailable if a secret could not be encrypted again. The older keys are then kept, and the
        rotation can be retried."""
        made = self._keys.add()
        changed = await self._everything()
        self._keys.complete(made)
        return made, changed

    async def _convert(self) -> None:
        try:
            changed = await self._everything()
            self._keys.complete(key_id(self._keys.newest))
            if changed:
                _log.info("the secret properties of %d particles were in clear text, and are now encrypted", changed)
        except HyperverseError as exc:
            _log.warning("secret properties may be in clear text in the registry: %s; the next start tries again", exc)

    async def _everything(self) -> int:
        """Processes all particles. Returns how many have changed."""
        changed = 0
        after: Point | None = None
        while True:
            page = await self._registry.select(_EVERYTHING, after=after, limit=PAGE)
            for record in page.records:
                changed += await self._renew(record)
            after = page.after
            if after is None:
                return changed
            await asyncio.sleep(0)

    async def _renew(self, record: ParticleRecord) -> bool:
        """Encrypts the secrets of one particle that need it. Returns whether there were any."""
        for _ in range(_TRIES):
            values = await self._sealed.renewed(record)
            if not values:
                return False
            if await self._registry.replace_values(record.point, values):
                return True
            found = (await self._registry.records((record.point,))).get(record.point)
            if found is None:
                return False
            record = found
        raise Unavailable(f"the properties of {record.point.text!r} keep changing", hint="try again")
