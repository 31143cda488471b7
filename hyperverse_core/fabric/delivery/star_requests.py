"""Discovery: a Ripple to all stars finds those that are meant, each once, with its true distance."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

from ...universe.address.point import ROOT, Point
from ...universe.address.star_key import StarKey
from ...universe.kinds.kind import Kind
from ...universe.waves.wave import Handling, Method, Ping, Pong, Priority, Ripple, Stars
from .fan_out import spread
from .local_sender import send_ping

if TYPE_CHECKING:
    from .outbound import Star

__all__ = ["Discovery", "ask_star", "search"]

_SEARCH = Method.parse("Hyp<Search>")


@attrs.frozen
class Discovery:
    """A star that was found.

    Attributes:
        star: its key.
        star_kind: what kind of star it is.
        hops: lanes between it and the star that searched.
        kinds: Kinds that it can host.
    """

    star: StarKey
    star_kind: str
    hops: int
    kinds: tuple[str, ...]


async def search(
    star: Star, *, key: StarKey | None = None, star_kind: str = "", kind: Kind | None = None, wait: float = 2.0
) -> list[Discovery]:
    """Asks all stars; those that are meant, the nearest first. All when nothing is named.

    Args:
        key: the star that is looked for.
        star_kind: a kind of star, such as ``Fold``.
        kind: a Kind that it must be able to host.
        wait: seconds; stars that have not answered by then are not among the results.
    """
    body = {"star": str(key) if key else "", "star_kind": star_kind, "kind": str(kind) if kind else ""}
    wave = Ripple(
        ROOT,
        _SEARCH,
        body,
        sender=star.point,
        agent=star.point,
        handling=Handling(wait, priority=Priority.HYPER),
        deadline=star.loop.time() + wait,
        id=star.new_id(),
        origin=star.text,
        recipients=Stars(),
    )
    echoes = await spread(star, wave)
    found = [
        Discovery(
            StarKey.parse(echo.body["star"]),
            echo.body["star_kind"],
            star.distances[echo.body["star"]],
            tuple(echo.body["kinds"]),
        )
        for echo in echoes
        if echo.ok
    ]
    return sorted(found, key=lambda d: (d.hops, str(d.star)))


async def ask_star(star: Star, other: StarKey, method: str, body: dict[str, Any], *, wait: float = 10.0) -> Pong:
    """One star asks another."""
    wave = Ping(
        Point.of_star(other),
        Method.parse(method),
        body,
        sender=star.point,
        agent=star.point,
        handling=Handling(wait, priority=Priority.SUPER),
        deadline=star.loop.time() + wait,
        id=star.new_id(),
        origin=star.text,
    )
    return await send_ping(star, wave)
