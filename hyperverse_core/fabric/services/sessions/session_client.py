"""A client inside the machine's process that has presented a token: a session like that of any agent outside."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Self, TypeVar

from ....contracts.policy import Credentials
from ....errors import HyperverseError, Unauthorized, Unavailable
from ....universe.address.point import Point
from ....universe.waves.origin import WaveOptions
from ....universe.waves.wave import Body, Directed, Echo, Method, Ping, Pong, Ripple, Signal
from ...delivery.local_client import InProcessClient
from .session import LocalSession
from .sessions import LocalSessions

__all__ = ["SessionClient"]

W = TypeVar("W", bound=Directed)


class SessionClient(InProcessClient):
    """The client that ``machine.authenticate(token)`` returns. It has the rights and the scope of the token, and the
    limits of a session, until it is closed, the machine stops or the token becomes invalid. From then on, each wave is
    answered with 401. It counts as one of the sessions of its agent until it is closed.
    """

    _session: LocalSession
    _over: HyperverseError | None = None

    async def enter(self, sessions: LocalSessions, token: str) -> Self:
        """Opens its session. Returns itself.

        Args:
            sessions: the sessions of the machine.
            token: the secret.

        Raises:
            Unauthorized: the policy does not know the token.
            TooMany: there were too many attempts with wrong tokens, or the agent has too many sessions.
            Unavailable: the policy has failed.
        """
        self._session = await sessions.open(Credentials(token), receive=self._receive, ended=self._ended)
        return self

    @property
    def agent(self) -> Point:
        return self._session.agent

    def _own_point(self) -> Point:
        return self._session.point

    def _ended(self, reason: str) -> None:
        """Notes that the machine has ended the session."""
        self._over = Unauthorized(f"the session has ended: {reason}", hint="authenticate again")
        if self._watches is not None:
            self._watches.close(self._over)

    async def close(self) -> None:
        """Ends the session, its watches and everything that it serves. May be called twice."""
        await super().close()
        if self._over is None:
            self._over = Unavailable("this client is closed")
        self._session.end("the client was closed")

    # -- waves --------------------------------------------------------------------------------------------

    def _make(self, kind: type[W], to: Point | str, method: Method | str, body: Body, options: WaveOptions) -> W:
        return self._session._make(kind, to, method, body, options)

    async def _ask(self, wave: Ping) -> Pong:
        return await self._session._ask(wave) if self._over is None else Pong.failure(self._over)

    async def _notify(self, wave: Signal) -> Pong:
        return await self._session._notify(wave) if self._over is None else Pong.failure(self._over)

    def _spread(self, wave: Ripple) -> Awaitable[list[Echo]]:
        if self._over is not None:
            raise self._over
        return self._session._spread(wave)
