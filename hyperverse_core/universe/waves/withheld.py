"""What a reply must not pass on: why somebody else was refused."""

from __future__ import annotations

from collections.abc import Mapping

from ..address.point import Point
from .wave import Pong

__all__ = ["withheld"]


def withheld(reply: Pong, agent: Point) -> Pong:
    """The failure without the reasons for which another agent was refused, such as the particle that handled the wave
    and passes on what it was answered.

    Args:
        reply: a failure.
        agent: the agent of the wave that is answered, who may know its own reasons.
    """
    body = reply.body
    if isinstance(body, Mapping) and "explain" in body:
        told = body["explain"]
        if not isinstance(told, Mapping) or told.get("agent") != agent.text:
            reply.body = {key: value for key, value in body.items() if key != "explain"}
    return reply
