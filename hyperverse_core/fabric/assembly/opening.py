"""The last step: opens the parts from top to bottom. Open parts are closed in reverse order."""

from __future__ import annotations

from ...config.setting_faults import faults_of_table
from ...contracts.policy import PolicyView
from ...errors import HyperverseError
from ...scheduling.guarded_log import guarded_log
from ..closing import ClosingStack
from ..cluster.membership import Listening
from ..parts import Given, Parts
from ..services.system.system_particles import pin_system_particles

__all__ = ["open_parts"]

_log = guarded_log("hyperverse.machine")


async def open_parts(given: Given, parts: Parts, closing: ClosingStack) -> None:
    """Opens the parts; when it returns, the machine serves.

    Raises ConfigError, Conflict, Unavailable, PluginError or BadRequest if the machine cannot serve at all.
    """
    await _open_to_machines(given, parts, closing)
    closing.close("the membership", parts.membership.leave)
    closing.callback(parts.gate.checks.stop)
    closing.close("the drivers", parts.drivers.stop)
    closing.leave("the watches of its particles", parts.watches.leave)
    parts.drivers.make()
    pin_system_particles(
        parts.homes,
        parts.homes[parts.home.key],
        parts.gate,
        parts.watches,
        parts.tracing,
        parts.figures,
        parts.looking,
        parts.acts,
        parts.executor,
        parts.machine_particle,
        parts.users_particle,
    )
    await parts.drivers.start()
    await parts.membership.join(Listening(parts.board.address, parts.board.server_key))
    closing.leave("the particles", parts.idle_collector.empty)
    closing.leave("the announcement that it accepts no more particles", lambda: _take_no_more(parts))
    closing.close("the idle collector", parts.idle_collector.close)
    parts.idle_collector.start()
    parts.drivers.check_ready()
    closing.close("the conversion of secrets", parts.sealing.close)
    parts.sealing.start()
    closing.close("the sessions", parts.sessions.close)
    closing.close("the surfaces", parts.surfaces.close)
    closing.close("the gateways", parts.gateways.close)
    closing.callback(parts.gate.checks.stop_for_clients)  # while their gateways can still tell them
    await parts.gateways.open()


async def _open_to_machines(given: Given, parts: Parts, closing: ClosingStack) -> None:
    """Opens the policy, the change feed and the lanes, without which no wave can be handled."""
    config, plugins = given.config, given.plugins
    closing.callback(parts.outbound.deadlines.end)  # nothing is left that could answer those who wait in this process
    closing.close("the lanes", parts.board.close)
    closing.close("the pending answers", parts.pending.close)
    closing.close("the worker pool", parts.pool.close)
    closing.close("the watches", parts.watches.close)
    with plugins.opening("policy", parts.policy_name):
        await parts.policy.open(PolicyView(parts.registry, parts.records.get))
    closing.close("the change feed", parts.feed.close)
    await parts.feed.start()
    closing.close("the keys of machines", parts.admission.close)
    await parts.admission.open()
    name = config.lanes.driver if given.transport is None else type(parts.transport).__name__
    with plugins.opening("transport", name), faults_of_table("lanes"):
        await parts.board.open(list(parts.stars.values()), parts.home, parts.inbound)


async def _take_no_more(parts: Parts) -> None:
    """Tells the other machines that this one accepts no more particles."""
    if not parts.directory.machines() or not parts.membership.may_serve:  # without a lease, it gets none anyway
        return
    try:
        await parts.membership.take_no_more()
    except HyperverseError as exc:
        _log.warning("the other machines could not be told that this one is stopping: %s", exc)
