"""Repeating: a Ping that is sent again because its first answer may only mean bad luck."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from ...errors import HyperverseError, NotHostedHere
from ...protocol.repeats import HARMLESS, NoAnswer
from ...universe.waves.wave import Outcome, Ping, Pong

if TYPE_CHECKING:
    from .outbound import Star

__all__ = ["may_repeat", "repeat"]

_AGAIN = frozenset({408, 421, 503})
_FIRST_PAUSE, _LONGEST_PAUSE = 0.01, 1.0


def may_repeat(reply: Pong) -> bool:
    """Whether sending again may help. What a handler has answered itself is an answer, whatever its status."""
    return reply.status in _AGAIN and (reply.outcome is Outcome.REJECTED or isinstance(reply, NoAnswer))


async def repeat(star: Star, wave: Ping, reply: Pong) -> Pong:
    """Sends a wave again, with pauses that grow, as often as its Handling says and its deadline allows.

    One that may have run goes only to the star that would remember it, in the same incarnation; another star would
    run it a second time. When that star is gone for good, the answer is that nobody knows.

    Args:
        star: that the wave starts from.
        reply: the answer to the first attempt.
    """
    pause = _FIRST_PAUSE
    lost = _remembered(wave, reply)
    for attempt in range(2, wave.handling.retries + 2):
        await asyncio.sleep(pause * (0.5 + star.machine.chance.random()))
        pause = min(pause * 4, _LONGEST_PAUSE)
        if lost is not None and not star.machine.membership.is_there(lost.star, lost.incarnation):
            return lost
        again = await _once_more(star, wave, lost)
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


async def _once_more(star: Star, wave: Ping, lost: NoAnswer | None) -> Pong:
    if lost is not None:
        return await star.machine.exchange.ask_again(lost, wave)
    try:
        place = await star.machine.gravity.locate(wave.to)
        return await place.receive(wave)
    except HyperverseError as exc:
        return await star.find_again(wave, exc)
