"""Removes from a reply the reasons for which another agent was refused."""

from __future__ import annotations

from collections.abc import Mapping

from ..address.point import Point
from .wave import Pong

__all__ = ["withheld"]


def withheld(reply: Pong, agent: Point) -> Pong:
    """Returns the failure without the reasons for which another agent was refused. That agent may be the particle that
    handled the wave, if it passes on a reply that it received.

    Args:
        reply: a failure.
        agent: the agent of the wave that is answered, which may know the reasons for its own refusal.
    """
    body = reply.body
    if isinstance(body, Mapping) and "explain" in body:
        told = body["explain"]
        if not isinstance(told, Mapping) or told.get("agent") != agent.text:
            reply.body = {key: value for key, value in body.items() if key != "explain"}
    return reply
