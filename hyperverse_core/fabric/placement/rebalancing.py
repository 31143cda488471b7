"""Rebalancing: moves particles to other stars without losing a wave.

The star of a particle that moves saves its state and releases it; then the other star adopts it. Waves that arrive in
between are answered 421, and their senders find it again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

import attrs

from ...contracts.placement import Candidate, Hash
from ...contracts.registry import ParticleRecord, Registry
from ...errors import BadRequest, Conflict, NotHostedHere, Unavailable, did_you_mean
from ...scheduling.guarded_log import guarded_log
from ...universe.address.point import Point
from ...universe.address.star_key import StarKey
from ...universe.waves.wave import Pong
from ..cluster.directory import Directory
from ..cluster.membership import Membership
from ..interception.interceptors import Interceptors
from ..particles.homes import Homes
from ..particles.places import Places
from ..particles.served import ServedKinds
from ..transit.requests import Requests
from .candidates import Candidates
from .strategies import Strategies

__all__ = ["Move", "Rebalancer"]

_log = guarded_log("hyperverse.moves")
_PAGE = 1000
_BATCH = 200
_GRACE = 5.0
_ROUNDS = 3


@attrs.frozen
class Move:
    """One particle to move, and the reason."""

    point: Point
    kind: str
    origin: StarKey
    target: StarKey
    why: str


class Rebalancer:
    """Rebalances and drains, from one machine.

    Args:
        ask_star: sends a request to another star, with a time limit in seconds for the answer.
        interceptors: notified of each particle that was moved.
    """

    def __init__(
        self,
        *,
        ask_star: Callable[[StarKey, str, dict[str, Any], float], Awaitable[Pong]],
        registry: Registry,
        directory: Directory,
        membership: Membership,
        homes: Homes,
        places: Places,
        served: ServedKinds,
        requests: Requests,
        candidates: Candidates,
        strategies: Strategies,
        interceptors: Interceptors,
    ) -> None:
        self._ask_star = ask_star
        self._interceptors = interceptors
        self._registry = registry
        self._directory = directory
        self._membership = membership
        self._homes = homes
        self._places = places
        self._served = served
        self._requests = requests
        self._candidates = candidates
        self._strategies = strategies

    async def plan(self) -> list[Move]:
        """Returns the moves that give every star its share. Particles placed by hash go to the star of their hash; for
        other Kinds, the fullest stars give away the particles that exceed their share."""
        hosted: dict[StarKey, list[ParticleRecord]] = {}
        for key in sorted(self._directory.records, key=str):
            hosted[key] = await self._hosted(key)
        moves: list[Move] = []
        kinds = sorted({r.kind.base for records in hosted.values() for r in records})
        for kind in kinds:
            if kind not in self._served:
                continue
            own = {key: [r for r in records if r.kind.base == kind] for key, records in hosted.items()}
            moves += self._plan_kind(kind, own)
        return moves

    async def _hosted(self, key: StarKey) -> list[ParticleRecord]:
        found: list[ParticleRecord] = []
        after: Point | None = None
        while True:
            page = await self._registry.hosted(key, after=after, limit=_PAGE)
            found += page.records
            after = page.after
            if after is None:
                return found

    def _plan_kind(self, kind: str, own: dict[StarKey, list[ParticleRecord]]) -> list[Move]:
        sample = next((records[0] for records in own.values() if records), None)
        if sample is None:
            return []
        candidates = self._candidates.of(sample)
        if not candidates:
            return []
        placement = self._strategies.of(kind)
        if isinstance(placement, Hash):
            return self._by_hash(kind, placement, own, candidates)
        return self._by_share(kind, own, candidates)

    @staticmethod
    def _by_hash(
        kind: str, placement: Hash, own: dict[StarKey, list[ParticleRecord]], candidates: list[Candidate]
    ) -> list[Move]:
        moves = []
        for key, records in own.items():
            for record in records:
                target = placement.choose(record.kind, record.point, candidates)
                if target != key:
                    moves.append(Move(record.point, kind, key, target, "the hash assigns it to this star"))
        return moves

    @staticmethod
    def _by_share(kind: str, own: dict[StarKey, list[ParticleRecord]], candidates: list[Candidate]) -> list[Move]:
        allowed = [c.star for c in candidates]
        counts = Counter({key: len(own.get(key, ())) for key in allowed})
        total = sum(len(records) for records in own.values())
        share = -(-total // len(allowed))
        moves = []
        for key, records in own.items():
            spare = len(records) if key not in counts else max(0, len(records) - share)
            for record in records[:spare]:
                target = min(allowed, key=lambda star: (counts[star], str(star)))
                if counts[target] >= share:
                    break
                counts[target] += 1
                why = f"{key} hosts {len(records)} of {total} {kind}, its share is {share}"
                moves.append(Move(record.point, kind, key, target, why))
        return moves

    async def apply(self, moves: list[Move]) -> list[str]:
        """Carries out moves. A particle that was busy or is gone stays. Returns the reason for each one that did not
        move."""
        stayed: list[str] = []
        for start in range(0, len(moves), _BATCH):
            batch = moves[start : start + _BATCH]
            by_origin: dict[StarKey, list[Move]] = {}
            for move in batch:
                by_origin.setdefault(move.origin, []).append(move)
            for origin, group in by_origin.items():
                stayed += await self._hand_over(origin, group)
        return stayed

    async def _hand_over(self, origin: StarKey, group: list[Move]) -> list[str]:
        points = [move.point.text for move in group]
        reply = await self._ask_star(origin, "Hyp<Release>", {"points": points}, 30.0)
        if not reply.ok:
            raise Unavailable(f"{origin} did not release its particles: {reply.error}", retry_after=1.0)
        records = await self._registry.records([move.point for move in group])
        reasons = [await self._place(move, records.get(move.point)) for move in group]
        return [reason for reason in reasons if reason]

    async def _place(self, move: Move, record: ParticleRecord | None) -> str:
        """Gives a released particle to its new star. Returns why that failed; empty if it moved."""
        if record is None:
            return f"{move.point} was deleted meanwhile"
        if record.assignment is not None:
            return f"{move.point} was busy, or a wave placed it first: it lives in {record.assignment.star}"
        try:
            await self._settle(record, move.target)
        except (Conflict, NotHostedHere):
            _log.info("%s was placed by a wave before it could be moved", move.point)
            return f"{move.point} was placed by a wave before it could be moved"
        except Unavailable as exc:
            _log.warning("%s was not moved; its next wave places it: %s", move.point, exc)
            return f"{move.point} was not moved; its next wave places it: {exc.message}"
        self._interceptors.tell(self._interceptors.moved, move.point, move.origin, move.target)
        return ""

    async def _settle(self, record: ParticleRecord, target: StarKey) -> None:
        hosting = self._homes.get(target)
        self._places.forget(record.point)
        if hosting is not None:
            self._places.keep(record.point, await hosting.adopt(record, None))
        else:
            await self._requests.provision(target, record, None)
            self._candidates.placed(target)

    async def move(self, point: Point, target: StarKey) -> None:
        """Moves one particle to a star. Raises NotFound, BadRequest for a star that cannot host it, and Unavailable if
        it did not move."""
        record = await self._registry.record(point)
        possible = [candidate.star for candidate in self._candidates.of(record)]
        if target not in possible:
            near = did_you_mean(str(target), map(str, possible))
            known = f"stars that can: {', '.join(map(str, possible[:8]))}" if possible else "no star can"
            raise BadRequest(f"{target} cannot host {point.text!r}, a {record.kind.base}{near}", hint=known)
        if record.assignment is None:
            await self._settle(record, target)
            return
        origin = record.assignment.star
        if origin == target:
            return
        stayed = await self.apply([Move(point, record.kind.base, origin, target, "a user requested it")])
        if stayed:
            raise Unavailable(stayed[0], hint="try again", retry_after=1.0)

    async def drain(self) -> int:
        """Empties this machine: it accepts no more particles, and its particles leave with their state saved. Their
        next wave places them elsewhere. Returns how many have left."""
        membership = self._membership
        await membership.take_no_more()
        left = 0
        for hosting in self._homes.values():
            for _ in range(_ROUNDS):  # some may have been on their way here before other machines knew of the drain
                leaving = hosting.table.placed()
                for start in range(0, len(leaving), _BATCH):
                    left += await hosting.send_away(leaving[start : start + _BATCH], _GRACE)
        membership.changed()  # observers see how many are left
        return left
