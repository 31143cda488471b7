"""Retry: repeats a Ping whose answer suggests that another attempt may succeed."""

from __future__ import annotations

import asyncio
import random
from typing import Protocol

from ...errors import NotHostedHere, TimedOut
from ...protocol.repeats import HARMLESS, NoAnswer
from ...scheduling.backoff import Backoff
from ...universe.waves.wave import Outcome, Ping, Pong
from ..cluster.directory import Directory
from ..interception.interceptors import Interceptors
from ..transit.remote_star import RemoteStars

__all__ = ["Retry", "may_repeat"]

_AGAIN = frozenset({408, 421, 503})


def may_repeat(reply: Pong) -> bool:
    """Whether a repeat may help. The answer of a handler is final, whatever its status, and so is the answer that no
    time was left for the handler."""
    if reply.outcome is Outcome.REJECTED:
        return reply.status in _AGAIN and reply.status != TimedOut.status
    return reply.status in _AGAIN and isinstance(reply, NoAnswer)


class Repeater(Protocol):
    """Sends a Ping once more from its star."""

    async def once_more(self, wave: Ping) -> Pong: ...


class Retry:
    """Repeats waves with growing pauses, as often as their Handling says and their deadline allows."""

    def __init__(
        self, remotes: RemoteStars, directory: Directory, interceptors: Interceptors, chance: random.Random
    ) -> None:
        self._remotes = remotes
        self._directory = directory
        self._interceptors = interceptors
        self._chance = chance

    async def repeat(self, wave: Ping, reply: Pong, outbound: Repeater) -> Pong:
        """Repeats a wave that got ``reply``.

        A wave that may have run is sent only to the star that would remember it, in the same incarnation, because
        another star would run it a second time. If that star is gone for good, the outcome stays unknown.

        Args:
            reply: the answer to the first attempt.
            outbound: sends from the star where the wave starts.
        """
        backoff = Backoff(first=0.01, longest=1.0, factor=4.0, jitter=0.5, chance=self._chance)
        lost = _remembered(wave, reply)
        for attempt in range(2, wave.handling.retries + 2):
            await asyncio.sleep(backoff.next_pause())
            if lost is not None and not self._directory.is_there(lost.star, lost.incarnation):
                return lost
            if self._interceptors.retried:
                self._interceptors.tell(self._interceptors.retried, wave, attempt, reply)
            again = await (outbound.once_more(wave) if lost is None else self._remotes.ask_again(lost, wave))
            again.attempts = attempt
            if lost is None or again.outcome is not Outcome.REJECTED:
                reply = again
            elif again.status == NotHostedHere.status:
                reply = again  # the particle does not live there, and the wave has not run there
                lost = None
            if isinstance(again, NoAnswer):
                lost = _remembered(wave, again)
            if not may_repeat(reply):
                break
        return reply


def _remembered(wave: Ping, reply: Pong) -> NoAnswer | None:
    """Returns the answer that ties a wave to the star to which it was sent."""
    return reply if isinstance(reply, NoAnswer) and wave.method.text not in HARMLESS else None
