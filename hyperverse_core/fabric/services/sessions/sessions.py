"""Opens the sessions of agents that connect through a gateway, checks them again, and closes them."""

from __future__ import annotations

import asyncio
import hmac
import itertools
import time
from collections.abc import Callable, Coroutine
from typing import Any

from ....contracts.driver import Particle
from ....contracts.gateway import Receive, SessionLimits, Sessions
from ....contracts.policy import Credentials, Identified
from ....contracts.registry import Change, ChangeKind
from ....errors import HyperverseError, PolicyError, TooMany, Unauthorized, Unavailable
from ....scheduling.guarded_log import guarded_log
from ....universe.address.point import Point
from ...delivery.outbound import Outbound
from ...delivery.policy_answers import PolicyAnswers
from ...interception.audit_trail import AuditTrail
from ...interception.interceptors import Interceptors
from ...particles.hosting import Hosting
from .attempts import Attempts
from .session import LocalSession
from .shares import Shares
from .surface_particle import SurfaceParticle

__all__ = ["LocalSessions"]

_SOON = 0.01
"""Seconds until the next check of credentials that have expired by our clock, but not by the policy's."""
_log = guarded_log("hyperverse.control")


class LocalSessions(Sessions):
    """The sessions of one machine.

    Args:
        policy: identifies agents.
        hosting, outbound: those of the star that represents the machine.
        limits: the limits of each session.
        shares: the limits for all sessions of one agent.
        interceptors: notified of each session that is opened or closed.
        audit: gets a line for each of them.
    """

    def __init__(
        self,
        policy: PolicyAnswers,
        hosting: Hosting,
        outbound: Outbound,
        limits: SessionLimits,
        shares: Shares,
        interceptors: Interceptors,
        audit: AuditTrail,
    ) -> None:
        self._audit = audit
        self._policy = policy
        self._hosting = hosting
        self._outbound = outbound
        self._limits = limits
        self._shares = shares
        self._interceptors = interceptors
        self._numbers = itertools.count()
        self._open: set[LocalSession] = set()
        self._changes = 0  # changes of tokens and agents, so far
        self._owner: tuple[str, Identified | None] = ("", None)
        self._tasks: set[asyncio.Task[None]] = set()
        self._attempts = Attempts()

    def __len__(self) -> int:
        return len(self._open)

    async def open(
        self,
        credentials: Credentials,
        *,
        receive: Receive | None = None,
        particle: Callable[[Point], Particle] | None = None,
        ended: Callable[[str], None] | None = None,
    ) -> LocalSession:
        seen = self._changes
        identity = await self._identify(credentials)
        agent = identity.agent
        share = self._shares.join(agent)
        point = self._outbound.star.point.child(f"controls:control-{next(self._numbers)}")
        try:
            made = SurfaceParticle(receive) if particle is None else particle(point)
            active = self._hosting.pin(point, "Control", made, owner=agent)
            session = LocalSession(identity, active, credentials, self._outbound, self._limits, share, self.closed)
        except BaseException:
            self._shares.leave(share)
            raise
        self._open.add(session)
        _log.info("client %s connected as %s", point.text, agent.text, extra={"point": point.text})
        self._audit.note("login", agent=agent, target=point, token=identity.name, address=credentials.address)
        self._interceptors.tell(self._interceptors.lane_up, point.text)
        if seen != self._changes:  # an earlier change did not find the session; a later one does
            await self._confirm(session)
        session.ended = ended
        self._end_in_time(session)
        return session

    async def _identify(self, credentials: Credentials) -> Identified:
        """Returns the agent of these credentials. A refusal is in the audit log."""
        try:
            async with self._attempts.attempt(credentials):
                return await self._policy.identify(credentials)
        except (PolicyError, TooMany) as exc:
            self._audit.note("login refused", target=credentials.address, why=exc.message)
            raise
        except Unavailable:
            token, owner = self._owner
            if owner is None or not hmac.compare_digest(token.encode(), credentials.token.encode()):
                raise
            return owner

    async def know_owner(self, token: str) -> None:
        """Remembers the identity that the policy gives the holder of the data directory's own token. If the policy
        cannot be asked, because the registry is unavailable, that person can still see what is wrong and stop the
        machine, while nobody else can connect."""
        self._owner = (token, None)
        try:
            identity = await self._policy.identify(Credentials(token))
        except HyperverseError as exc:
            _log.info("the token of the data directory is not known to the policy: %s", exc.message)
        else:
            self._owner = (token, identity)

    async def _confirm(self, session: LocalSession) -> None:
        """Asks the policy again to identify the agent. Raises the errors of :meth:`open`; in that case the session has
        ended."""
        try:
            identity = await self._policy.identify(session.credentials)
            if session.over or identity != session.identity:
                raise Unauthorized("the credentials have changed while the session was opened", hint="try again")
        except BaseException:
            session.end("its credentials could not be confirmed")
            raise

    def closed(self, session: LocalSession, reason: str) -> None:
        """Removes a session that has ended."""
        self._open.discard(session)
        self._shares.leave(session.share)
        if session.expiry is not None:
            session.expiry.cancel()
        self._hosting.table.remove(session.active)
        text = session.point.text
        _log.info("client %s disconnected: %s", text, reason, extra={"point": text})
        self._audit.note("logout", agent=session.agent, target=text, why=reason)
        self._interceptors.tell(self._interceptors.lane_down, text, reason)

    # -- credentials that are no longer valid -------------------------------------------------------------

    def changed(self, change: Change) -> None:
        """Checks the sessions of an agent again after a token was added or revoked, or the agent deleted."""
        if change.kind is ChangeKind.TOKEN or change.kind is ChangeKind.DELETED:
            self._changes += 1
            owner = self._owner[1]
            if owner is not None and owner.agent == change.point:
                self._later(self.know_owner(self._owner[0]), "look at the owner's token again")
            for session in self._open:
                if session.agent == change.point:
                    self._check_later(session)

    def lost(self) -> None:
        """Checks all sessions again, because changes were missed."""
        self._changes += 1
        for session in self._open:
            self._check_later(session)

    def _check_later(self, session: LocalSession) -> None:
        self._later(self._check(session), f"check {session.point.text}")

    def _later(self, work: Coroutine[Any, Any, None], name: str) -> None:
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _check(self, session: LocalSession) -> None:
        try:
            identity = await self._policy.identify(session.credentials)
        except PolicyError as exc:
            session.end_from_here(f"its credentials are no longer valid: {exc.message}")
        except HyperverseError as exc:  # the policy has failed: no reason to end the session
            _log.warning("the credentials of %s could not be checked again: %s", session.point, exc)
        else:
            if identity != session.identity:
                session.end_from_here("its credentials now have a different agent or scope")
            else:
                self._end_in_time(session)

    def _end_in_time(self, session: LocalSession) -> None:
        """Checks the session again when its credentials expire."""
        if session.expiry is not None:
            session.expiry.cancel()
            session.expiry = None
        if session.identity.expires is None or session.over:
            return
        left = max(_SOON, session.identity.expires - time.time())
        session.expiry = asyncio.get_running_loop().call_later(left, self._check_later, session)

    def identity_at(self, point: Point) -> Identified | None:
        """Returns the agent of the session at ``point``, with its limits; None if there is no such session here."""
        return next((session.identity for session in self._open if session.point == point), None)

    async def close(self) -> None:
        """Ends the running checks, and every session."""
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for session in tuple(self._open):
            session.end_from_here("the machine is stopping")
