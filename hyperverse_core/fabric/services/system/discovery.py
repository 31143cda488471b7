"""Discovery: a Ripple to all stars finds the stars that match, each once, with its distance from here."""

from __future__ import annotations

import attrs

from ....universe.address.point import ROOT
from ....universe.address.star_key import StarKey
from ....universe.kinds.kind import Kind
from ....universe.waves.origin import WaveOptions
from ....universe.waves.wave import Priority, Ripple, Stars
from ...delivery.outbound import Outbound

__all__ = ["Discovery", "search"]


@attrs.frozen
class Discovery:
    """A star that was found.

    Attributes:
        star: its key.
        star_kind: its star kind.
        hops: lanes between it and the star that searched.
        kinds: the Kinds that it can host.
    """

    star: StarKey
    star_kind: str
    hops: int
    kinds: tuple[str, ...]


async def search(
    outbound: Outbound, *, key: StarKey | None = None, star_kind: str = "", kind: Kind | None = None, wait: float = 2.0
) -> list[Discovery]:
    """Asks all stars and returns those that match, the nearest first; all stars if no criterion is given.

    Args:
        key: the star to find.
        star_kind: a kind of star, such as ``Fold``.
        kind: a Kind that the star must be able to host.
        wait: seconds; a star that has not answered by then is missing from the results.
    """
    body = {"star": str(key) if key else "", "star_kind": star_kind, "kind": str(kind) if kind else ""}
    options: WaveOptions = {"wait": wait, "priority": Priority.HYPER}
    wave = outbound.origin.wave(Ripple, ROOT, "Hyp<Search>", body, options)
    wave.recipients = Stars()
    echoes = await outbound.spread(wave)
    found = [
        Discovery(
            StarKey.parse(echo.body["star"]),
            echo.body["star_kind"],
            outbound.star.distances[echo.body["star"]],
            tuple(echo.body["kinds"]),
        )
        for echo in echoes
        if echo.ok
    ]
    return sorted(found, key=lambda d: (d.hops, str(d.star)))
