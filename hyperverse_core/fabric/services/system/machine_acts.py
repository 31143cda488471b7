"""MachineActs: acts on a machine as a whole, on this one or, through a star, on another."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextvars import Context
from typing import Any, Final

from ....errors import BadRequest, NotFound, did_you_mean
from ....scheduling.guarded_log import guarded_log
from ....universe.address.point import GLOBAL_MACHINE, Point
from ....universe.address.star_key import StarKey
from ....universe.waves.wave import Directed
from ...cluster.directory import Directory
from ...delivery.outbound import Outbound
from ...delivery.star_requests import ask_star
from ...interception.audit_trail import AuditTrail
from ...particles.caller import Caller
from ...placement.rebalancing import Rebalancer
from ..drivers.drivers import Drivers

__all__ = ["MachineActs"]

_log = guarded_log("hyperverse.control")
_LONGEST: Final = 300.0
"""Seconds that another machine has for an act. The sender of the wave also has a deadline, which may be earlier."""


class MachineActs:
    """Performs acts on machines after the policy has allowed them.

    Args:
        audit: gets a line for each act on the machine that was asked, and on the one that performs it.
        rebalancer: drains this machine.
        drivers: the drivers of this machine.
        outbound: sends from the star that represents this machine.
        directory: the other machines.
        request_stop: asks the owner of this machine to stop it.
    """

    def __init__(
        self,
        *,
        audit: AuditTrail,
        rebalancer: Rebalancer,
        drivers: Drivers,
        outbound: Outbound,
        directory: Directory,
        request_stop: Callable[[], None],
    ) -> None:
        self._audit = audit
        self._rebalancer = rebalancer
        self._drivers = drivers
        self._outbound = outbound
        self._directory = directory
        self._request_stop = request_stop
        self._drains: set[asyncio.Task[int]] = set()

    async def on(self, machine: str, act: str, agent: Point, wave: Directed, kind: str = "") -> Any:
        """Performs an act on this machine or another one.

        Args:
            machine: the machine to act on; empty for this one.
            act: ``stop``, ``drain`` or ``start driver``.
            agent: the agent on whose behalf it is done.
            wave: the wave that requests it.
            kind: the Kind of the driver.

        Raises:
            NotFound: there is no such machine, or no such driver.
            Unavailable: the machine does not answer, or the audit log cannot be written.
        """
        if machine in ("", self._directory.machine):
            return await self.here(act, agent, wave, kind)
        others = self._directory.machines()
        if machine not in others:
            known = sorted({*others, self._directory.machine})
            raise NotFound(f"no machine {machine!r}{did_you_mean(machine, known)}", hint=f"known: {', '.join(known)}")
        body = {"act": act, "agent": agent.text, "kind": kind}
        star = StarKey("machine", machine, 0)
        if act == "stop":
            self._audit.note("stop", agent=agent, target=f"machine {machine}", wave=wave.id, session=wave.sender)
            return (await ask_star(self._outbound, star, "Hyp<Assign>", body, wait=_LONGEST)).unwrap()
        with self._audit.act(act, Caller.of(agent, wave), GLOBAL_MACHINE, machine=machine, **_of(kind)):
            return (await ask_star(self._outbound, star, "Hyp<Assign>", body, wait=_LONGEST)).unwrap()

    async def here(self, act: str, agent: Point, wave: Directed, kind: str = "") -> Any:
        """Performs an act on this machine; see :meth:`on`. Raises BadRequest for an unknown act."""
        if act == "stop":  # even if the audit log is full
            self._audit.note("stop", agent=agent, target=GLOBAL_MACHINE, wave=wave.id, session=wave.sender)
            return self._request_stop()
        if act not in ("drain", "start driver"):
            raise BadRequest(f"a machine has no act {act!r}", hint="known: stop, drain, start driver")
        if act == "drain":
            # The drain continues if its sender stops waiting, because a machine that is half drained and accepts no
            # particles is of no use.
            draining = asyncio.get_running_loop().create_task(self._drain(agent, wave), context=Context())
            self._drains.add(draining)
            draining.add_done_callback(self._drained)
            return await asyncio.shield(draining)
        with self._audit.act(act, Caller.of(agent, wave), GLOBAL_MACHINE, **_of(kind)):
            return await self._drivers.start_now(kind)

    async def _drain(self, agent: Point, wave: Directed) -> int:
        with self._audit.act("drain", Caller.of(agent, wave), GLOBAL_MACHINE):
            return await self._rebalancer.drain()

    def _drained(self, task: asyncio.Task[int]) -> None:
        self._drains.discard(task)
        if not task.cancelled() and task.exception() is not None:
            _log.warning("the machine could not be drained: %s", task.exception())

    async def close(self) -> None:
        """Cancels running drains, because the machine is stopping, which deactivates its particles anyway."""
        drains = tuple(self._drains)
        for task in drains:
            task.cancel()
        await asyncio.gather(*drains, return_exceptions=True)


def _of(kind: str) -> dict[str, str]:
    return {"kind": kind} if kind else {}
