"""Requests from one star to another."""

from __future__ import annotations

from typing import Any

from ...universe.address.point import Point
from ...universe.address.star_key import StarKey
from ...universe.waves.wave import Ping, Pong, Priority
from .outbound import Outbound

__all__ = ["ask_star"]


async def ask_star(
    outbound: Outbound, other: StarKey, method: str, body: dict[str, Any], *, wait: float = 10.0
) -> Pong:
    """Sends a request to the star ``other`` from the star of ``outbound``, and waits that many seconds for the
    answer."""
    wave = outbound.origin.wave(Ping, Point.of_star(other), method, body, {"wait": wait, "priority": Priority.SUPER})
    return await outbound.ask_in_time(wave)
