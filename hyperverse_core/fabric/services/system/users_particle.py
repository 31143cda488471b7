"""``GLOBAL::users``: tokens, and the identity of a client."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from ....contracts.administration import IssuedToken
from ....contracts.driver import Ctx, Particle, handler
from ....contracts.policy import Identified
from ....contracts.registry import TokenRecord
from ....errors import BadRequest
from ....universe.access.scope import Scope
from ....universe.address.point import Point
from ...particles.caller import Caller
from ..commands.access_commands import AccessCommands

__all__ = ["GLOBAL_USERS", "UsersParticle"]

GLOBAL_USERS = Point.parse("GLOBAL::users")
_LONGEST_LABEL = 200
_SHOWN = 16
"""Number of characters of an id that are shown, because a user may pass a whole token by mistake."""


class UsersParticle(Particle):
    """Makes, lists and revokes tokens on behalf of the agent of the wave. The policy decides which agents may do this.

    Args:
        access: asks the policy.
        identity_at: returns the identity of the session at a point; None if there is no session.
    """

    concurrent = True

    def __init__(self, access: AccessCommands, identity_at: Callable[[Point], Identified | None]) -> None:
        self._access = access
        self._identity_at = identity_at

    @handler("Ext<WhoAmI>")
    async def who_am_i(self, ctx: Ctx) -> dict[str, Any]:
        """Returns the agent of the sender and, for a session, its token with the scope and expiry of the token."""
        identity = self._identity_at(ctx.wave.sender) or Identified(ctx.agent)
        return {
            "agent": ctx.agent.text,
            "session": ctx.wave.sender.text,
            "token": identity.name,
            "scope": "" if identity.scope is None else str(identity.scope),
            "expires": identity.expires,
        }

    @handler("Ext<IssueToken>")
    async def issue(
        self, ctx: Ctx, agent: str, label: str = "", scope: str = "", lasts: float | None = None
    ) -> dict[str, Any]:
        """Makes a token for ``agent``, and returns it with its details.

        Args:
            label: a name for people.
            scope: limits on what its bearer may do, as text; empty for none.
            lasts: seconds until it expires; None for never.
        """
        if len(label) > _LONGEST_LABEL or not label.isprintable():
            raise BadRequest(f"{label[:_LONGEST_LABEL]!r} is not a label", hint="one printable line of 200 characters")
        if lasts is not None and not 0 < lasts < float("inf"):
            raise BadRequest(f"a token cannot last {lasts} s", hint="give a number of seconds above 0")
        who, bounds = Point.parse(agent), Scope.parse(scope) if scope else None
        expires = None if lasts is None else time.time() + lasts
        caller = _caller(ctx)
        request = await self._access.request(caller, "token", who)
        with self._access.audited("token made", caller, who, label=label, scope=scope, expires=expires):
            issued = await self._access.administer(
                request, caller, lambda a: a.issue_token(who, label=label, scope=bounds, expires=expires, by=ctx.agent)
            )
        return _issued(issued)

    @handler("Ext<Tokens>")
    async def tokens(self, ctx: Ctx, agent: str = "") -> list[dict[str, Any]]:
        """Returns the tokens of which the sender may know; only those of ``agent`` unless that is empty."""
        who = Point.parse(agent) if agent else None
        caller = _caller(ctx)
        request = await self._access.request(caller, "token", who or ctx.agent)
        found = await self._access.administer(request, caller, lambda a: a.tokens(agent=who, by=ctx.agent))
        return [_row(token) for token in found]

    @handler("Ext<RevokeToken>")
    async def revoke(self, ctx: Ctx, id: str) -> dict[str, Any]:
        """Revokes the token whose id begins with ``id``, and ends its sessions. Returns it."""
        caller = _caller(ctx)
        request = await self._access.request(caller, "token", ctx.agent)
        with self._access.audited("token ended", caller, f"token {id[:_SHOWN]}"):
            return _row(await self._access.administer(request, caller, lambda a: a.revoke_token(id, by=ctx.agent)))

    @handler("Ext<RotateToken>")
    async def rotate(self, ctx: Ctx, id: str = "") -> dict[str, Any]:
        """Revokes a token, and returns a new one as its replacement. Without ``id``, rotates the sender's own token."""
        if not id:
            identity = self._identity_at(ctx.wave.sender)
            id = identity.name.partition(" ")[0] if identity is not None else ""
        caller = _caller(ctx)
        request = await self._access.request(caller, "token", ctx.agent)
        with self._access.audited("token rotated", caller, f"token {id[:_SHOWN]}"):
            issued = await self._access.administer(request, caller, lambda a: a.rotate_token(id, by=ctx.agent))
        return {"ended": id, **_issued(issued)}


def _caller(ctx: Ctx) -> Caller:
    return Caller.of(ctx.agent, ctx.wave)


def _issued(issued: IssuedToken) -> dict[str, Any]:
    return {"token": issued.secret, **_row(issued.record)}


def _row(token: TokenRecord) -> dict[str, Any]:
    return {
        "id": token.id,
        "agent": token.agent.text,
        "label": token.label,
        "scope": token.scope,
        "created": token.created,
        "expires": token.expires,
    }
