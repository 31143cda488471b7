"""Agents: one session for each token that requests show, kept for as long as requests come."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from functools import partial

import attrs

from hyperverse_core.errors import TooMany, Unavailable
from hyperverse_core.gateway import GatewayHost, Session
from hyperverse_core.policy import Credentials

__all__ = ["Agents"]


@attrs.define(eq=False)
class _Kept:
    """A session, or the one that is being opened."""

    opening: asyncio.Future[Session]
    used: float


class Agents:
    """Opens sessions, and ends them.

    Args:
        host: the machine.
        most: how many there may be.
        idle: seconds without a request after which a session ends.
    """

    def __init__(self, host: GatewayHost, most: int, idle: float) -> None:
        self._host = host
        self._most = most
        self._idle = idle
        self._kept: dict[str, _Kept] = {}
        self._closed = False
        self._timer: asyncio.TimerHandle | None = None

    async def of(self, token: str, address: str = "") -> Session:
        """The session of who shows a token.

        Args:
            token: the token; empty for a stranger, whom the policy may let in as Anonymous.
            address: of the host that shows it.

        Raises:
            Unauthorized: the policy does not know the token.
            TooMany: too many agents are connected, or too many wrong tokens have come from there.
            Unavailable: the policy has failed, or the gateway closes.
        """
        if self._closed:
            raise Unavailable("the portal closes", retry_after=1.0)
        kept = self._kept.get(token)
        if kept is None:
            if len(self._kept) >= self._most:
                raise TooMany(f"{self._most} agents are connected to the portal", retry_after=self._idle)
            opening = asyncio.ensure_future(self.open(token, address, partial(self._ended, token)))
            kept = self._kept[token] = _Kept(opening, time.monotonic())
            opening.add_done_callback(partial(self._opened, token))
            if self._timer is None:
                self._look_later()
        kept.used = time.monotonic()
        if kept.opening.done():
            return kept.opening.result()
        return await asyncio.shield(kept.opening)  # several requests may wait for it

    async def open(self, token: str, address: str, ended: Callable[[str], None]) -> Session:
        """Opens a session that the caller ends. Raises as :meth:`of` does."""
        return await self._host.sessions.open(Credentials(token, address=address), ended=ended)

    def _opened(self, token: str, opening: asyncio.Future[Session]) -> None:
        if opening.cancelled() or opening.exception() is not None:
            self._kept.pop(token, None)

    def _ended(self, token: str, reason: str) -> None:
        """The token does not count any more, or the machine stops."""
        self._kept.pop(token, None)

    def _look_later(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(self._idle / 2, self._look)

    def _look(self) -> None:
        self._timer = None
        before = time.monotonic() - self._idle
        for token, kept in tuple(self._kept.items()):
            if kept.used < before and kept.opening.done():
                del self._kept[token]
                kept.opening.result().end(f"no request has come for {self._idle:g} s")
        if self._kept:
            self._look_later()

    def close(self, reason: str) -> None:
        """Ends all sessions. May be called twice."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        kept, self._kept = self._kept, {}
        for each in kept.values():
            if not each.opening.done():
                each.opening.cancel()
            elif not each.opening.cancelled() and each.opening.exception() is None:
                each.opening.result().end(reason)
