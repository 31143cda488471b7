"""Places particles that live nowhere when a wave is sent to them."""

from __future__ import annotations

import asyncio
from collections.abc import Container

from ...contracts.registry import ParticleRecord, ParticleRegistry
from ...errors import Conflict, NotFound, NotHostedHere, Unavailable
from ...universe.address.point import Point
from ...universe.address.star_key import StarKey
from ..cluster.directory import Directory
from ..cluster.directory_reader import DirectoryReader
from ..particles.homes import Homes
from ..particles.places import Place
from ..particles.served import ServedKinds
from ..transit.remote_star import RemoteStars
from ..transit.requests import Requests
from .candidates import Candidates
from .nearest import nearest
from .strategies import Strategies

__all__ = ["Placer"]

_TRIES = 16
_PAUSE = 0.005


class Placer:
    """Finds the star of a particle for one machine, and chooses one if there is none."""

    def __init__(
        self,
        *,
        registry: ParticleRegistry,
        served: ServedKinds,
        homes: Homes,
        directory: Directory,
        reader: DirectoryReader,
        remotes: RemoteStars,
        requests: Requests,
        candidates: Candidates,
        strategies: Strategies,
    ) -> None:
        self._registry = registry
        self._served = served
        self._homes = homes
        self._directory = directory
        self._reader = reader
        self._remotes = remotes
        self._requests = requests
        self._candidates = candidates
        self._strategies = strategies

    async def place(self, point: Point) -> Place:
        """Returns where ``point`` lives; places it if it lives nowhere.

        Raises NotFound, NoDriver (501), Unavailable (503: no star accepts it now)."""
        missed: dict[StarKey, Unavailable] = {}
        for attempt in range(_TRIES):
            record = (await self._registry.records((point,))).get(point)
            if record is None:
                raise NotFound(f"no particle {point.text!r}", hint=await nearest(self._registry, point))
            place = await self._try(record, missed)
            if place is not None:
                return place
            if attempt:
                await asyncio.sleep(_PAUSE * attempt)
        raise Unavailable(f"{point.text!r} is being moved between stars", retry_after=0.2)

    async def _try(self, record: ParticleRecord, missed: dict[StarKey, Unavailable]) -> Place | None:
        """Returns where a particle lives or was placed; None if that changed meanwhile and must be looked up again.

        Args:
            missed: stars that were asked to host it and did not answer; this method adds to them.
        """
        at = record.assignment
        if at is not None:
            own = self._homes.get(at.star)
            if own is None:
                if not self._directory.holds(at):
                    await self._reader.read((at.star,))
                # A particle is never taken from an announced star. A star that is not announced never serves again in
                # that incarnation. Its particles are released one after another, but this one need not wait for that.
                if self._directory.holds(at):
                    return self._remotes.of(at.star)
            else:
                active = await own.at_home(record.point)
                if active is not None:
                    return active
        await self._reader.have_recent()
        chosen = self.choose(record, missed)
        hosting = self._homes.by_text.get(str(chosen))
        try:
            if hosting is not None:
                return await hosting.adopt(record, at)
            await self._requests.provision(chosen, record, at)
            self._candidates.placed(chosen)
            return self._remotes.of(chosen)
        except (Conflict, NotHostedHere):
            return None  # another machine was first
        except Unavailable as exc:
            if chosen in missed or hosting is not None:
                raise
            missed[chosen] = exc
            return None

    def choose(self, record: ParticleRecord, missed: Container[StarKey] = ()) -> StarKey:
        """Returns the star to host a particle; one of ``missed`` only if there is no other."""
        self._served.of(record.kind)
        candidates = self._candidates.of(record)
        if missed:
            candidates = [c for c in candidates if c.star not in missed] or candidates
        if not candidates:
            raise Unavailable(
                f"no star accepts particles of Kind {record.kind.base!r} now",
                hint="see `hyperverse status` for why",
                retry_after=1.0,
            )
        return self._strategies.choose(record, candidates)
