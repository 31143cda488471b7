"""Kinds and plugins, and the drivers of all machines."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import Any, Final

import attrs

from hyperverse_core.errors import BadRequest, HyperverseError

from .looks import Looks
from .questions import Failed, Questions
from .rendering import page

__all__ = ["KindsPage"]

_START: Final = "Ext<StartDriver>"


@attrs.frozen
class _Tried:
    """The result of starting a driver.

    Attributes:
        machine: name of the machine.
        state: state of the driver.
        cause: why the driver does not run.
    """

    machine: str
    state: str
    cause: str


class KindsPage:
    """The page of the Kinds.

    Args:
        looks: looks of the sessions; drivers of other machines are among the figures.
    """

    def __init__(self, looks: Looks) -> None:
        self._looks = looks

    async def show(self, name: str, asking: Questions, tried: list[_Tried] | None = None) -> str:
        """The Kinds with their drivers, and the plugins.

        Args:
            name: the Kind to show in full; empty for none.
            asking: asks on behalf of the reader.
            tried: the result of starting its driver just now.
        """
        kinds, status = await asyncio.gather(
            asking.part(asking.machine("Ext<Kinds>")), asking.part(asking.machine("Ext<Status>"))
        )
        if isinstance(kinds, Failed) or isinstance(status, Failed):
            return page("closed.html", at="kinds", agent=asking.agent, failed=kinds)
        one = await asking.part(asking.machine("Ext<Kind>", {"kind": name})) if name else None
        drivers = {row["kind"]: row for row in status["drivers"]}
        stopped = await self._stopped(name, status, asking) if name else {}
        waits = any(row["again"] is not None for row in stopped.values())
        return page(
            "kinds.html",
            at="kinds",
            agent=asking.agent,
            machine=status["machine"],
            kinds=[{**row, "status": drivers.get(row["kind"])} for row in kinds],
            plugins=status["plugins"],
            notes=status["notes"],
            one=None if isinstance(one, Failed) else one,
            stopped=stopped,
            may=waits and (await asking.allowed(_START))[_START],
            tried=tried,
            failed=one if isinstance(one, Failed) else None,
        )

    async def act(self, form: Mapping[str, str], asking: Questions) -> str:
        """Starts a driver immediately on every machine where it is waiting, and returns the page. Raises
        HyperverseError, such as Forbidden."""
        name = form.get("kind", "")
        if form.get("act") != "try":
            raise BadRequest(f"unknown action {form.get('act', '')[:100]!r}", hint="the only action is try")
        status = await asking.machine("Ext<Status>")
        machines = sorted(await self._stopped(name, status, asking)) or [status["machine"]]
        tried = [await self._start(name, machine, asking) for machine in machines]
        return await self.show(name, asking, tried)

    @staticmethod
    async def _start(kind: str, machine: str, asking: Questions) -> _Tried:
        try:
            found = await asking.machine(_START, {"kind": kind, "machine": machine})
        except HyperverseError as exc:
            if exc.status == 403:
                raise
            return _Tried(machine, "failed", exc.message)
        return _Tried(machine, found["state"], found["cause"])

    async def _stopped(self, kind: str, status: Mapping[str, Any], asking: Questions) -> dict[str, dict[str, Any]]:
        """The machines on which the driver of a Kind does not run, each with its state, the cause, and the seconds
        until it is started again. Other machines are included only for agents that may see the figures."""
        look = await asking.part(self._looks.look(asking))
        machines = {} if isinstance(look, Failed) else dict(look.machines)
        machines[status["machine"]] = status
        now, found = time.time(), {}
        for name, machine in sorted(machines.items()):
            for row in machine["drivers"]:
                if row["kind"] == kind and row["state"] != "Ready":
                    again = row.get("again")
                    found[name] = {**row, "again": None if again is None else max(0.0, again - now)}
        return found
