"""The page of machines: their state, the traffic between them, and the actions that the reader may take."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Final

from hyperverse_core.errors import BadRequest, Conflict, NotFound, TimedOut

from .looks import Look, Looks, hosted
from .questions import Failed, Questions
from .rendering import page

__all__ = ["MachinesPage"]

_ACTS: Final = {"drain": "Ext<Drain>", "stop": "Ext<Stop>"}


class MachinesPage:
    """The page of the machines.

    Args:
        looks: looks of the sessions.
    """

    def __init__(self, looks: Looks) -> None:
        self._looks = looks

    async def show(self, asking: Questions, said: str = "") -> str:
        """The page.

        Args:
            asking: asks on behalf of the reader.
            said: a message about the action that was just done.
        """
        status, stars, look, may = await asyncio.gather(
            asking.part(asking.machine("Ext<Status>")),
            asking.part(asking.machine("Ext<Stars>")),
            asking.part(self._looks.look(asking)),
            asking.allowed(*_ACTS.values()),
        )
        if isinstance(status, Failed) or isinstance(stars, Failed):
            return page("closed.html", at="machines", agent=asking.agent, failed=status)
        seen = None if isinstance(look, Failed) else look
        return page(
            "machines.html",
            at="machines",
            agent=asking.agent,
            status=status,
            rows=_rows(stars, seen),
            lanes=[] if seen is None else _lanes(seen),
            may={act: may[method] for act, method in _ACTS.items()},
            failed=look if isinstance(look, Failed) else None,
            said=said,
        )

    async def act(self, form: Mapping[str, str], asking: Questions) -> str:
        """Performs the action of a form on a machine, and returns the page.

        Raises:
            BadRequest: there is no such action.
            NotFound: there is no such machine.
            Conflict: it is the last machine that accepts particles, and the form does not force the drain.
            HyperverseError: the machine refused, for example with Forbidden.
        """
        act, name = form.get("act", ""), form.get("machine", "")
        if act not in _ACTS:
            raise BadRequest(f"unknown action {act[:100]!r}", hint=f"the actions are {', '.join(_ACTS)}")
        stars = await asking.machine("Ext<Stars>")
        if name not in {star["machine"] for star in stars}:
            raise NotFound(f"no machine {name[:100]!r}", hint="its page has a button for each")
        if act == "drain" and not form.get("force") and is_last(name, stars):
            said = f"{name!r} is the last machine that accepts particles: after a drain nothing would answer waves"
            raise Conflict(said, hint="start another machine first")
        try:
            answer = await asking.machine(_ACTS[act], {"machine": name})
        except TimedOut:
            return await self.show(asking, f"Machine {name} is being drained. This takes a while.")
        left = f"{answer} {'particle has' if answer == 1 else 'particles have'} left machine {name}."
        return await self.show(asking, left if act == "drain" else f"Machine {name} stops now.")


def is_last(name: str, stars: Sequence[Mapping[str, Any]]) -> bool:
    """Whether no other machine's star accepts particles of some Kind that this machine hosts."""
    mine = {kind for star in stars if star["machine"] == name for kind in star["kinds"]}
    return not any(
        mine.intersection(star["kinds"]) for star in stars if star["machine"] != name and not star["draining"]
    )


def _rows(stars: Sequence[Mapping[str, Any]], look: Look | None) -> list[dict[str, Any]]:
    rows: dict[str, dict[str, Any]] = {}
    for star in stars:
        row = rows.setdefault(star["machine"], {"name": star["machine"], "stars": [], "state": "up", "more": None})
        row["stars"].append({**star, "particles": hosted(star)})
        if star["draining"]:
            row["state"] = "draining"
    for name, row in rows.items():
        row["last"] = is_last(name, stars)
        if look is None:
            continue
        row["more"] = look.machines.get(name)
        row["cpu"] = look.cpu(name) if name in look.machines else None
        row["rate"] = look.rate(name, "waves") if name in look.machines else 0.0
        if name in look.silent:
            row["state"], row["why"] = "silent", look.silent[name]
    return [rows[name] for name in sorted(rows)]


def _lanes(look: Look) -> list[dict[str, Any]]:
    """The lanes of each machine, with their traffic in total and in the last second."""
    return [
        {**lane, "from": name, "out": look.carried(name, lane["machine"], "bytes_out")}
        for name, machine in sorted(look.machines.items())
        for lane in machine["lanes"]
    ]
