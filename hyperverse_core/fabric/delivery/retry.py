"""Retry: a Ping that is sent again because its first answer may only mean bad luck."""

from __future__ import annotations

import asyncio
import random
from typing import Protocol

from ...errors import NotHostedHere
from ...protocol.repeats import HARMLESS, NoAnswer
from ...scheduling.backoff import Backoff
from ...universe.waves.wave import Outcome, Ping, Pong
from ..cluster.directory import Directory
from ..interception.interceptors import Interceptors
from ..transit.remote_star import RemoteStars

__all__ = ["Retry", "may_repeat"]

_AGAIN = frozenset({408, 421, 503})


def may_repeat(reply: Pong) -> bool:
    """Whether sending again may help. What a handler has answered itself is an answer, whatever its status."""
    return reply.status in _AGAIN and (reply.outcome is Outcome.REJECTED or isinstance(reply, NoAnswer))


class Repeater(Protocol):
    """What sends a Ping once more from its star."""

    async def once_more(self, wave: Ping) -> Pong: ...


class Retry:
    """Sends waves again, with pauses that grow, as often as their Handling says and their deadline allows."""

    def __init__(
        self, remotes: RemoteStars, directory: Directory, interceptors: Interceptors, chance: random.Random
    ) -> None:
        self._remotes = remotes
        self._directory = directory
        self._interceptors = interceptors
        self._chance = chance

    async def repeat(self, wave: Ping, reply: Pong, outbound: Repeater) -> Pong:
        """Sends a wave again that got ``reply``.

        One that may have run goes only to the star that would remember it, in the same incarnation; another star would
        run it a second time. When that star is gone for good, the answer is that nobody knows.

        Args:
            reply: the answer to the first attempt.
            outbound: of the star that the wave starts from.
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
                reply = again  # it does not live there, and it has not run there
                lost = None
            if isinstance(again, NoAnswer):
                lost = _remembered(wave, again)
            if not may_repeat(reply):
                break
        return reply


def _remembered(wave: Ping, reply: Pong) -> NoAnswer | None:
    """The answer that binds a wave to the star that it went to."""
    return reply if isinstance(reply, NoAnswer) and wave.method.text not in HARMLESS else None
