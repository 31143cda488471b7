"""Hosting: the particles of one star, and their arrival and departure."""

from __future__ import annotations

import asyncio
import contextlib
from time import perf_counter

from ...contracts.driver import Particle, Traits
from ...contracts.registry import Assigned, Assignment, ParticleRecord, Status
from ...errors import Conflict, HyperverseError, NotHostedHere, UnknownKind
from ...scheduling.cancellation import ends_task
from ...scheduling.guarded_log import guarded_log
from ...universe.address.point import HYPERUSER, Point
from ...universe.kinds.kind import Kind
from .active import Active
from .active_table import ActiveTable
from .comings import Left
from .deactivation import bring_to_rest, stop, take_turn
from .home import Home
from .saving import BeforeOnStop
from .served import Served, ServedKinds
from .state import State
from .states import encode_state

__all__ = ["Hosting"]

_log = guarded_log("hyperverse.hosting")


class Hosting:
    """The particles of one star.

    Args:
        home: the objects that they share.
        table: their table, empty.
        served: the Kinds that this machine serves.

    table: their table, written when one comes or leaves.
        table: the table of them, which is written when one comes and leaves.
        active: the particles in the table, by the text of their points.
    """

    def __init__(self, home: Home, table: ActiveTable, served: ServedKinds) -> None:
        self.home = home
        self.star = home.star
        self.table = table
        self.active = table.active
        self._served = served
        self._coming: dict[str, asyncio.Future[None]] = {}
        self._leaving: set[str] = set()

    def __len__(self) -> int:
        return len(self.active)

    # -- what it can take ---------------------------------------------------------------------------------

    def serves(self, kind: str) -> bool:
        """Whether this machine has a driver for that Kind, started or not."""
        return kind in self._served

    def why_missing(self, kind: str) -> str:
        """Returns why this machine has no driver for a Kind, as the end of a message; empty if unknown."""
        return self._served.why_missing(kind)

    def can_host(self, kind: str) -> bool:
        """Whether particles of that Kind can live here now."""
        served = self._served.get(kind)
        return served is not None and served.serves and self.may_host(served)

    def may_host(self, served: Served) -> bool:
        """Whether the driver accepts stars of this kind."""
        allowed = served.driver.star_kinds
        return self.star.kind.hosts if allowed is None else self.star.kind.name in allowed

    def hostable(self) -> list[str]:
        """Names of the Kinds that can live here now, sorted."""
        return sorted(name for name in self._served if self.can_host(name))

    # -- coming -------------------------------------------------------------------------------------------

    async def adopt(self, record: ParticleRecord, expected: Assignment | None) -> Active:
        """Adopts a particle, if the registry agrees that it lives at ``expected``.

        Raises Conflict if it went to another star meanwhile, NotFound, NotHostedHere, and errors of its driver."""
        star = self.star
        if not star.may_serve:
            raise NotHostedHere(f"{star.text} has lost its lease")
        text = record.point.text
        if text in self._coming or text in self.active:
            present = await self.at_home(record.point)
            if present is not None:
                return present
        served = self._served.of(record.kind).of_record(record)
        coming = self._coming[text] = star.loop.create_future()
        try:
            assigned = await self.home.registry.assign(record.point, star.key, star.incarnation, expected)
            return self._settle(record, served, assigned)
        finally:
            del self._coming[text]
            coming.set_result(None)

    async def recover(self, point: Point) -> Active:
        """Activates a particle that the registry assigns to this star although it is not active here, because its
        placement was interrupted or its release failed. No other star would ever place it.

        Raises NotHostedHere if it lives elsewhere, or nowhere, NoDriver, Unavailable."""
        if point.text not in self._leaving:
            record = (await self.home.registry.records((point,))).get(point)
            at = None if record is None else record.assignment
            here = at is not None and (at.star, at.incarnation) == (self.star.key, self.star.incarnation)
            if record is not None and here and point.text not in self._leaving:
                with contextlib.suppress(Conflict):  # another wave was first
                    return await self.adopt(record, at)
        raise NotHostedHere(f"{point.text!r} does not live in {self.star.text}")

    async def at_home(self, point: Point) -> Active | None:
        """Returns the particle if it lives here. Waits for a particle that is being adopted."""
        while True:
            coming = self._coming.get(point.text)
            if coming is None:
                active = self.active.get(point.text)
                return None if active is None or active.gone else active
            await asyncio.shield(coming)

    def _settle(self, record: ParticleRecord, served: Served, assigned: Assigned) -> Active:
        active = Active(record, served, self.home, assignment=assigned.assignment, state=assigned.state)
        self.table.enter(active)
        interceptors = self.home.interceptors
        if interceptors.provisioned:
            interceptors.tell(interceptors.provisioned, active.point, self.star.key)
        return active

    def pin(self, point: Point, kind: str, particle: Particle | None = None, *, owner: Point = HYPERUSER) -> Active:
        """Adds a particle that the registry does not place: that of a star, a global one, or that of a client. Raises
        UnknownKind."""
        parsed = Kind.parse(kind)
        served = self._served.get(parsed.base)
        if served is None:
            raise UnknownKind(f"no driver serves {kind!r}", hint="is the plugin `base` disabled?")
        if particle is not None and type(particle) is not served.driver.particle:
            served = served.variant(Traits(particle=type(particle)))
        active = Active(ParticleRecord(point, parsed, owner, Status.READY), served, self.home, particle=particle)
        self.table.enter(active)
        return active

    # -- leaving ------------------------------------------------------------------------------------------

    async def passivate(self, candidates: list[Active], grace: float) -> int:
        """Removes from memory those particles in which no wave is in progress: ends their tasks, saves their states,
        and releases their assignments. Returns how many."""
        leaving = {
            active: take_turn(active)
            for active in candidates
            if active.quiet and not active.gone and active.assignment is not None
        }
        return await self._let_go(leaving, grace)

    async def send_away(self, candidates: list[Active], grace: float) -> int:
        """Like :meth:`passivate`, but busy particles also leave, each after its current wave. A particle that has not
        come to rest after ``grace`` seconds stays."""
        going = [active for active in candidates if not active.gone and active.assignment is not None]
        rests = await asyncio.gather(*(bring_to_rest(active, grace) for active in going))
        return await self._let_go({a: rest for a, rest in zip(going, rests, strict=True) if rest is not None}, grace)

    async def _let_go(self, leaving: dict[Active, State], grace: float) -> int:
        """Saves and releases particles whose turns the caller has.

        Args:
            leaving: the particles, each with the state that it was in when its turn was taken.
        """
        self._leaving.update(active.text for active in leaving)
        try:
            left = await asyncio.gather(*(self._save(active, before, grace) for active, before in leaving.items()))
            for active in leaving:
                self.table.remove(active)
            await self.home.registry.release([end for end in left if end is not None])
        finally:
            for active in leaving:
                self.table.remove(active)
                self._leaving.discard(active.text)
                active.mailbox.leave()  # waves that arrived meanwhile must look it up again
        return len(leaving)

    async def _save(self, active: Active, before: State, grace: float) -> tuple[Point, Assignment] | None:
        """Stops a particle and writes its state. Returns the assignment to release; None if it is no longer ours."""
        assert active.assignment is not None
        if active.state.spoiled:  # a wave of its call chain was cancelled while it came to rest
            before = State.CUT
        particle = active.particle if before is State.READY else None
        if particle is None:
            await stop(active, before, grace)
            return active.point, active.assignment
        until_then = BeforeOnStop.of(active, particle)
        ended = await stop(active, before, grace)
        try:
            state = encode_state(particle) if ended else until_then.left_to_write(active)
            if state is not None:
                begun = perf_counter()
                await self.home.registry.save_state(active.point, active.assignment, state)
                tell, listeners = self.home.interceptors.tell, self.home.interceptors.saved
                tell(listeners, active.point, self.star.key, len(state), perf_counter() - begun)
        except NotHostedHere:
            self.table.remove(active, Left.TAKEN)
            return None
        except HyperverseError as exc:
            _log.error("%s leaves without its unsaved changes: %s", active.text, exc)
        except BaseException as exc:  # its state cannot be encoded, which must not prevent its neighbours from leaving
            if ends_task(exc):
                raise
            _log.exception("%s leaves without its unsaved changes", active.text)
        return active.point, active.assignment
