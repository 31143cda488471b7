"""The page of one particle: its Kind and content, its place, why it does not run, who may use it, and a form to send it
a wave."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from typing import Any, Final

import attrs

from hyperverse_core import Pong
from hyperverse_core.errors import HyperverseError
from hyperverse_core.values import Point

from .looks import Looks
from .questions import Failed, Questions
from .rendering import page
from .wave_form import WaveForm, forms

__all__ = ["OneParticle"]

_RECENT: Final = 20
"""The number of waves, and of log lines, on the page of a particle."""


@attrs.frozen
class _Sent:
    """The result of a wave that was sent."""

    method: str
    pong: Pong

    @property
    def ok(self) -> bool:
        """Whether it succeeded."""
        return self.pong.ok


class OneParticle:
    """Makes the page of one particle.

    Args:
        looks: the looks of the sessions; the figures include the troubles of the machine that hosts the particle.
    """

    def __init__(self, looks: Looks) -> None:
        self._looks = looks

    async def show(
        self, query: Mapping[str, str], asking: Questions, sent: Mapping[str, str] | None = None
    ) -> tuple[str, int]:
        """Returns the page and its status.

        Args:
            query: holds the ``point`` and the ``method`` whose form is open.
            asking: asks on behalf of the reader.
            sent: the fields of the form, if it was sent.

        Raises:
            ParseError: the point is malformed.
        """
        point = Point.parse(query.get("point", "")).text
        about = await asking.part(asking.machine("Ext<Describe>", {"point": point, "handlers": True}))
        if isinstance(about, Failed) and about.status == 404:
            return page("failure.html", at="particles", agent=asking.agent, failed=about), 404
        waves, log = await asyncio.gather(
            asking.part(asking.machine("Ext<Waves>", {"point": point, "limit": _RECENT})),
            asking.part(asking.machine("Ext<Log>", {"point": point, "limit": _RECENT})),
        )
        state, properties, holders, under = await self._content(point, about, asking)
        takes = None if isinstance(about, Failed) else about["handlers"]
        offered = forms(takes or ())
        chosen = _chosen(offered, (sent or query).get("method", ""))
        reply, wrong = await self._send(point, chosen, sent, asking)
        if reply is not None:  # so that the page shows what the wave changed
            state = await asking.part(asking.command(f"get {point}"))
        chain = [] if isinstance(about, Failed) else await self._chain(about, asking)
        may = chosen is not None and (await asking.allowed(chosen.method, on=point))[chosen.method]
        html = page(
            "particle.html",
            at="particles",
            agent=asking.agent,
            point=point,
            above=_above(point),
            about=about,
            chain=chain,
            state=state,
            properties=properties,
            holders=holders,
            waves=waves,
            log=log,
            now=time.time(),
            children=None if isinstance(under, Failed) else under[0],
            takes=takes,
            forms=offered,
            may=may,
            chosen=chosen,
            sent=reply,
            wrong=wrong,
            values=sent or {},
        )
        return html, 200

    @staticmethod
    async def _content(point: str, about: Any, asking: Questions) -> tuple[Any, Any, Any, Any]:
        """Returns the state, the properties, who may do what, and the particles below; each is Failed if it cannot be
        read."""
        if isinstance(about, Failed):  # an agent that may not read it is not refused four more times
            return about, about, about, about
        return await asyncio.gather(
            asking.part(asking.command(f"get {point}")),
            asking.part(asking.command(f"get {point}{{}}")),
            asking.part(asking.command(f"access {point}")),
            asking.part(asking.page(f"{point}:*")),
        )

    @staticmethod
    async def _send(
        point: str, form: WaveForm | None, sent: Mapping[str, str] | None, asking: Questions
    ) -> tuple[_Sent | None, str]:
        """The reply to the wave that was sent, and the error in the form."""
        if sent is None or form is None:
            return None, ""
        try:
            body = form.body(sent)
            return _Sent(form.method, await asking.session.ping(point, form.method, body, path=form.path)), ""
        except HyperverseError as exc:
            return None, exc.message

    async def _chain(self, about: Mapping[str, Any], asking: Questions) -> list[str]:
        """Why the particle does not run. Causes that only its own machine knows are taken from that machine's
        figures."""
        chain = [str(each) for each in about["chain"]]
        if about["life"] in ("active", "idle"):
            return chain
        look = await asking.part(self._looks.look(asking))
        machines = {} if isinstance(look, Failed) else look.machines
        for name, machine in machines.items():
            if name == about["answered_by"]:
                continue
            chain += [
                f"{row['cause']} (machine {name})" for row in machine["troubles"] if about["point"] in row["what"]
            ]
        return chain


def _above(point: str) -> list[tuple[str, str]]:
    """The point and the name of each ancestor of a particle."""
    parts = point.split(":")[:-1]
    return [(":".join(parts[: number + 1]), part) for number, part in enumerate(parts)]


def _chosen(offered: Sequence[WaveForm], wanted: str) -> WaveForm | None:
    """The form that is open: the wanted one, else the first.

    Args:
        offered: the forms of the page.
        wanted: the method with its path.
    """
    chosen = next((each for each in offered if each.method + each.path == wanted), None)
    return chosen or next(iter(offered), None)
