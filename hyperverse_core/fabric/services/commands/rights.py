"""The rights of the sender of a command. Each command checks them here before it touches a particle."""

from __future__ import annotations

from collections.abc import Sequence

from ....contracts.policy import Need, Request
from ....contracts.registry import ParticleRecord, ParticleRegistry
from ....errors import Forbidden, NotFound
from ....universe.address.point import HYPERUSER, Point
from ....universe.selectors.selector import Selector
from ...caches.records import Records
from ...delivery.explained import refusal_row
from ...delivery.gate import Gate
from ...particles.context import Context
from ...placement.nearest import nearest
from .matching import every_match

__all__ = ["SenderRights"]


class SenderRights:
    """Asks the gate on behalf of the agent of a context, and finds what that agent may see."""

    def __init__(self, registry: ParticleRegistry, records: Records, gate: Gate) -> None:
        self._registry = registry
        self._records = records
        self._gate = gate

    async def demand(self, ctx: Context, letter: str, action: str, *targets: ParticleRecord) -> None:
        """Returns if the agent of ``ctx`` has the permission on all of ``targets``. Raises Forbidden otherwise."""
        requests = [self.request(ctx, letter, action, target) for target in targets]
        await self._gate.check_all(requests, ctx.wave)

    @staticmethod
    def request(ctx: Context, letter: str, action: str, target: ParticleRecord) -> Request:
        caller = ctx.caller
        return Request(caller.agent, action, Need(letter), target, caller.scope, caller.chain, caller.session)

    async def above(self, records: Sequence[ParticleRecord]) -> dict[Point, ParticleRecord]:
        """Returns the records of the parents; a root counts as its own parent."""
        points = tuple({r.point.parent or r.point for r in records})
        return dict(await self._records.get(points))

    async def hides(self, ctx: Context, point: Point) -> bool:
        """Whether the agent may not know if there is a particle ``point``."""
        caller = ctx.caller
        return await self._gate.checks.run(ctx.wave, self._gate.told.hides(caller.agent, caller.scope, point))

    async def known(
        self, ctx: Context, selector: Selector, found: Sequence[ParticleRecord], letter: str, action: str
    ) -> list[ParticleRecord]:
        """Returns those of ``found`` that the agent may know of, or may do this to. Raises NotFound if none are."""
        caller = ctx.caller
        if caller.agent == HYPERUSER and caller.scope is None:
            return list(found)
        above = await self.above(found)
        known: dict[Point, bool] = {}
        for record in found:
            target = above.get(record.point.parent or record.point, record) if letter == "d" else record
            if target.point not in known:
                hidden = await self.hides(ctx, record.point)
                asked = self.request(ctx, letter, action, target)
                known[target.point] = not hidden or (await self._gate.decide(asked, ctx.wave)).allowed
        seen = [r for r in found if known[(above.get(r.point.parent or r.point, r) if letter == "d" else r).point]]
        if not seen:
            first = above.get(found[0].point.parent or found[0].point, found[0]) if letter == "d" else found[0]
            hidden_from = f"what {str(selector)!r} matches is hidden from {caller.agent.text!r}"
            self._gate.refused(self.request(ctx, letter, action, first), Forbidden(hidden_from), ctx.wave)
            raise NotFound(f"nothing matches {str(selector)!r}")
        return seen

    async def every_match(self, selector: Selector, ctx: Context) -> list[ParticleRecord]:
        """Returns every match. Raises NotFound if nothing matches, with a hint limited to what the agent may know."""
        try:
            return await every_match(self._registry, selector)
        except NotFound as exc:
            point = selector.anchor
            if selector.is_exact and not await self.hides(ctx, point):
                raise NotFound(exc.message, hint=await nearest(self._registry, point)) from None
            raise

    async def check_to_see(self, selector: Selector, refused: Request | None, ctx: Context) -> None:
        """Checks a select that shows nothing. Whether it is refused must not depend on what it matches, or on whether
        anything matches. It is refused if the agent knows of the particle where the selector begins, and may not select
        there.

        Args:
            selector: the selector of the command.
            refused: the select of the children of one parent, whose children were left out; None if nothing matches.
            ctx: the context of the agent.

        Raises Forbidden. A refusal is logged and reported, even if the agent gets an empty answer.
        """
        asked = await self._at_anchor(selector, ctx)
        request = asked or refused
        if request is None:
            return
        error = Forbidden(
            f"{request.agent} may not select the particles that {str(selector)!r} matches",
            hint="the permission s on their parents is needed",
        )
        self._gate.refused(request, error, ctx.wave)
        if asked is not None:
            error.explanation = refusal_row(asked, await self._gate.decide(asked, ctx.wave))
            raise error

    async def _at_anchor(self, selector: Selector, ctx: Context) -> Request | None:
        """Returns the select at the particle where a selector begins; None if it is allowed, or the particle hidden."""
        begins = selector.anchor
        parents = (begins.parent,) if selector.is_exact else (begins.parent, begins) if _is_in(selector) else (begins,)
        denied = None
        for parent in parents:
            record = None if parent is None else (await self._records.get((parent,))).get(parent)
            if record is None or parent is None or await self.hides(ctx, parent):
                continue
            request = self.request(ctx, "s", "select", record)
            if (await self._gate.decide(request, ctx.wave)).allowed:
                return None
            denied = denied or request
        return denied

    async def record(self, point: Point, ctx: Context) -> ParticleRecord:
        found = (await self._registry.records((point,))).get(point)
        if found is not None:
            return found
        if await self.hides(ctx, point):
            raise self._gate.told.missing(point)
        raise NotFound(f"no particle {point.text!r}", hint=await nearest(self._registry, point))


def _is_in(selector: Selector) -> bool:
    """Whether a selector may match the particle where it begins."""
    return selector.anchor != selector.query_root
