"""Shares: limits what the clients of one agent may use of a machine at once, however many sessions they have."""

from __future__ import annotations

from collections.abc import Callable

import attrs

from ....errors import TooMany
from ....scheduling.held_bytes import HeldBytes
from ....scheduling.rate_limiter import RateLimiter
from ....universe.address.point import HYPERUSER, Point

__all__ = ["AgentLimits", "Share", "Shares"]

_RETRY_AFTER = 0.1
_SESSION_RETRY_AFTER = 1.0


@attrs.frozen
class AgentLimits:
    """The limits of one agent.

    Attributes:
        waves: number of waves of its clients in progress at once.
        bytes: memory that these waves may take, in bytes.
        sessions: open sessions.
        rate: waves per second; 0 for no limit.
    """

    waves: int
    bytes: int
    sessions: int
    rate: float = 0.0


@attrs.define(eq=False)
class Share:
    """The use of resources by the sessions of one agent.

    Attributes:
        agent: their agent, for errors.
        limits: the limits of the agent.
        held: the memory of waves on the whole machine.
        unused: called when nothing is in use any more.
        pace: limits the rate of the agent's waves; None for no limit.
        waves, bytes, sessions: what is in use.
        refused: number of times that the agent was refused more.
    """

    agent: str
    limits: AgentLimits
    held: HeldBytes
    unused: Callable[[Share], None]
    pace: RateLimiter | None = None
    waves: int = 0
    bytes: int = 0
    sessions: int = 0
    refused: int = 0

    def take(self, weight: int) -> None:
        """Counts a wave of ``weight`` bytes. Raises TooMany if the agent has too much in progress, and Unavailable if
        the machine has."""
        limits = self.limits
        if self.pace is not None:
            self._keep_pace(self.pace)
        if self.waves >= limits.waves:
            self.refused += 1
            raise TooMany(f"{limits.waves} waves of {self.agent!r} are in progress", retry_after=_RETRY_AFTER)
        if self.bytes + weight > limits.bytes:
            self.refused += 1
            raise TooMany(
                f"waves of {self.agent!r} take {self.bytes} bytes here; {limits.bytes} are allowed",
                hint="send fewer at once",
                retry_after=_RETRY_AFTER,
            )
        held = self.held
        if held.now + weight > held.limit:
            held.take(weight)  # raises
        held.now += weight  # does the same as `take`, without a call for each wave of a client
        if held.now > held.most:
            held.most = held.now
        self.waves += 1
        self.bytes += weight

    def _keep_pace(self, pace: RateLimiter) -> None:
        wait = pace.wait(self.agent)
        if wait:
            self.refused += 1
            said = f"{self.agent!r} may send {pace.rate:g} waves per second here"
            raise TooMany(said, hint="send them more slowly", retry_after=wait)

    def give(self, weight: int) -> None:
        """Stops counting a wave that has ended."""
        self.held.now -= weight
        self.waves -= 1
        self.bytes -= weight
        if not self.waves and not self.sessions:
            self.unused(self)


class Shares:
    """The shares of all agents that have sessions.

    Args:
        limits: the limits of each agent.
        held: the memory of waves on the whole machine.
    """

    def __init__(self, limits: AgentLimits, held: HeldBytes) -> None:
        self.limits = limits
        self.held = held
        self._pace = RateLimiter(limits.rate)
        self._by_agent: dict[str, Share] = {}
        self._refused = 0

    def join(self, agent: Point) -> Share:
        """Counts a session of ``agent``, and returns its share. Raises TooMany if the agent has too many."""
        share = self._by_agent.get(agent.text)
        if share is None:
            # Kept here and not in the share, because the waves of an agent that reconnects still count.
            pace = self._pace if self.limits.rate and agent != HYPERUSER else None
            share = Share(agent.text, self.limits, self.held, self._unused, pace)
        if share.sessions >= self.limits.sessions:
            share.refused += 1
            raise TooMany(
                f"{agent.text!r} already has {share.sessions} sessions open here",
                hint="close some of them",
                retry_after=_SESSION_RETRY_AFTER,
            )
        share.sessions += 1
        self._by_agent[agent.text] = share
        return share

    def leave(self, share: Share) -> None:
        """Stops counting a session. Its waves in progress count until they have ended."""
        share.sessions -= 1
        if not share.sessions and not share.waves:
            self._unused(share)

    def _unused(self, share: Share) -> None:
        self._by_agent.pop(share.agent, None)
        self._refused += share.refused

    def report(self) -> dict[str, int | str]:
        """Returns what is in use, for the status of the machine."""
        shares = list(self._by_agent.values())
        largest = max(shares, key=lambda share: share.bytes, default=None)
        return {
            "agents": len(shares),
            "sessions": sum(share.sessions for share in shares),
            "waves": sum(share.waves for share in shares),
            "bytes": self.held.now,
            "bytes_most": self.held.most,
            "bytes_limit": self.held.limit,
            "largest_agent": "" if largest is None else largest.agent,
            "refused": self._refused + self.held.refused + sum(share.refused for share in shares),
        }
