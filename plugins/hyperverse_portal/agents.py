"""Agents: one session for each token that requests carry, kept while requests arrive."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from functools import partial
from typing import TypeAlias

import attrs

from hyperverse_core.errors import TooMany, Unavailable
from hyperverse_core.gateway import GatewayHost, Session
from hyperverse_core.policy import Credentials, Vouched

__all__ = ["Agents", "Shown", "credentials"]

Shown: TypeAlias = str | Vouched
"""What identifies an agent: a token, or what an OpenID provider says about a user."""


def credentials(shown: Shown, address: str) -> Credentials:
    """The credentials that the policy checks.

    Args:
        shown: what identifies the agent.
        address: address of the client's host.
    """
    if isinstance(shown, str):
        return Credentials(shown, address=address)
    return Credentials(address=address, vouched=shown)


@attrs.define(eq=False)
class _Kept:
    """An open session, or one that is being opened."""

    opening: asyncio.Future[Session]
    used: float


class Agents:
    """Opens sessions, and ends them.

    Args:
        host: the machine.
        most: greatest number of open sessions.
        idle: seconds without a request after which a session ends.
        gone: called with the token, or its substitute, when it is no longer valid.
    """

    def __init__(self, host: GatewayHost, most: int, idle: float, gone: Callable[[Shown], None]) -> None:
        self._gone = gone
        self._host = host
        self._most = most
        self._idle = idle
        self._kept: dict[Shown, _Kept] = {}
        self._closed = False
        self._timer: asyncio.TimerHandle | None = None

    async def of(self, token: Shown, address: str = "") -> Session:
        """Returns the session that belongs to a token.

        Args:
            token: the token or its substitute; empty for a stranger, whom the policy may accept as Anonymous.
            address: address of the host that sent it.

        Raises:
            Unauthorized: the policy does not know the token.
            TooMany: too many agents are connected, or that host has sent too many wrong tokens.
            Unavailable: the policy has failed, or the gateway is closing.
        """
        if self._closed:
            raise Unavailable("the portal is closing", retry_after=1.0)
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
        return await asyncio.shield(kept.opening)  # several requests may wait for the same session

    def end(self, token: Shown, reason: str) -> None:
        """Ends the session of a token, if there is one."""
        kept = self._kept.pop(token, None)
        if kept is not None:
            _end(kept, reason)

    async def open(self, token: Shown, address: str, ended: Callable[[str], None]) -> Session:
        """Opens a session that the caller must end. Raises the same errors as :meth:`of`."""
        return await self._host.sessions.open(credentials(token, address), ended=ended)

    def _opened(self, token: Shown, opening: asyncio.Future[Session]) -> None:
        if opening.cancelled() or opening.exception() is not None:
            self._kept.pop(token, None)

    def _ended(self, token: Shown, reason: str) -> None:
        """Called when the token is no longer valid, or the machine stops."""
        self._kept.pop(token, None)
        self._gone(token)

    def _look_later(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(self._idle / 2, self._look)

    def _look(self) -> None:
        self._timer = None
        before = time.monotonic() - self._idle
        for token, kept in tuple(self._kept.items()):
            if kept.used < before and kept.opening.done():
                del self._kept[token]
                kept.opening.result().end(f"no request has arrived for {self._idle:g} s")
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
            _end(each, reason)


def _end(kept: _Kept, reason: str) -> None:
    if not kept.opening.done():
        kept.opening.cancel()
    elif not kept.opening.cancelled() and kept.opening.exception() is None:
        kept.opening.result().end(reason)
