"""Machines: how they are, and what may be done to the one of this portal by who looks."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Final

from hyperverse_core.errors import BadRequest

from .looks import Looks
from .questions import Failed, Questions
from .rendering import page

__all__ = ["MachinesPage"]

_ACTS: Final = {"drain": "Ext<Drain>", "stop": "Ext<Stop>"}


class MachinesPage:
    """The page of the machines.

    Args:
        looks: of the sessions.
    """

    def __init__(self, looks: Looks) -> None:
        self._looks = looks

    async def show(self, asking: Questions, said: str = "") -> str:
        """The page.

        Args:
            asking: in whose name.
            said: what was done just now.
        """
        status, stars, look, may = await asyncio.gather(
            asking.part(asking.machine("Ext<Status>")),
            asking.part(asking.machine("Ext<Stars>")),
            asking.part(self._looks.look(asking)),
            asking.allowed(*_ACTS.values()),
        )
        if isinstance(status, Failed) or isinstance(stars, Failed):
            return page("closed.html", at="machines", agent=asking.agent, failed=status)
        rows: dict[str, dict[str, Any]] = {}
        for star in stars:
            row = rows.setdefault(star["machine"], {"name": star["machine"], "stars": [], "state": "up", "more": None})
            row["stars"].append(star)
            if star["draining"]:
                row["state"] = "draining"
        for name, row in rows.items():
            if isinstance(look, Failed):
                continue
            row["more"] = look.machines.get(name)
            row["cpu"] = look.cpu(name) if name in look.machines else None
            row["rate"] = look.rate(name, "waves") if name in look.machines else 0.0
            if name in look.silent:
                row["state"], row["why"] = "silent", look.silent[name]
        return page(
            "machines.html",
            at="machines",
            agent=asking.agent,
            status=status,
            rows=[rows[name] for name in sorted(rows)],
            may={act: may[method] for act, method in _ACTS.items()},
            failed=look if isinstance(look, Failed) else None,
            said=said,
        )

    async def act(self, form: Mapping[str, str], asking: Questions) -> str:
        """Does what the form asks, and returns the page. Raises HyperverseError, Forbidden among them."""
        act = form.get("act", "")
        if act not in _ACTS:
            raise BadRequest(f"nothing is called {act!r}", hint=f"there are {', '.join(_ACTS)}")
        answer = await asking.machine(_ACTS[act])
        said = f"{answer} particles have left this machine." if act == "drain" else "This machine stops now."
        return await self.show(asking, said)
