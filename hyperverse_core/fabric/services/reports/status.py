"""The status of a machine, as plain values."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

from ....config import Config
from ....contracts.registry import Registry, Status
from ....errors import HyperverseError, described
from ....plugins import PluginSet
from ....scheduling.guarded_log import guarded_log
from ....scheduling.troubles import Troubles
from ....scheduling.worker_pool import WorkerPool
from ...cluster.directory import Directory
from ...cluster.membership import Membership
from ...particles.homes import Homes
from ...particles.served import ServedKinds
from ...stars.star import Star
from ...stars.topology import lanes_between
from ...transit.switchboard import Switchboard
from ..sessions.gateways import CONTROL
from .kind_details import creatable

__all__ = ["StatusReport", "unstarted"]

_log = guarded_log("hyperverse.machine")


def unstarted(config: Config, data_dir: Path, state: Status, cause: str, plugins: PluginSet) -> dict[str, Any]:
    """Returns the state of a machine that was not started, or could not be started, like
    :meth:`StatusReport.machine`."""
    return {
        "machine": config.name,
        "state": str(state),
        "cause": cause,
        "data_dir": str(data_dir),
        "address": None,
        "gateways": {},
        "stars": [],
        "drivers": [],
        "plugins": _plugins(plugins),
        "notes": [*plugins.notes, *plugins.passed_over],
        "lanes": [],
        "registry": {"state": "down", "cause": ""},
        "draining": False,
        "waiting": 0,
        "in_use": {},
        "troubles": [],
        "serves": False,
        "pid": os.getpid(),
    }


def _plugins(plugins: PluginSet) -> list[dict[str, Any]]:
    return [
        {"plugin": info.name, "state": info.state, "reason": info.reason, "trouble": info.trouble}
        for info in plugins.plugins
    ]


class StatusReport:
    """Collects the state of a machine from its parts.

    Args:
        life: returns the state of the machine and its cause.
        addresses: returns the addresses for agents, by the name of the gateway.
        in_use: returns how much the clients use of the limits.
        notes: warnings in addition to those about plugins.
        read_again: reads the directory of stars again, because the change feed does not report loads; raises
            Unavailable.
    """

    def __init__(
        self,
        config: Config,
        data_dir: Path,
        *,
        life: Callable[[], tuple[Status, str]],
        addresses: Callable[[], Mapping[str, str]],
        in_use: Callable[[], Mapping[str, int | str]],
        plugins: PluginSet,
        notes: tuple[str, ...],
        served: ServedKinds,
        homes: Homes,
        home: Star,
        directory: Directory,
        membership: Membership,
        board: Switchboard,
        pool: WorkerPool,
        registry: Registry,
        troubles: Troubles,
        read_again: Callable[[], Awaitable[None]],
    ) -> None:
        self._config = config
        self._data_dir = data_dir
        self._life = life
        self._addresses = addresses
        self._in_use = in_use
        self._plugins = plugins
        self._notes = notes
        self.served = served
        self._homes = homes
        self._home = home
        self._directory = directory
        self._membership = membership
        self._board = board
        self._pool = pool
        self._registry = registry
        self._troubles = troubles
        self._read_again = read_again

    def machine(self) -> dict[str, Any]:
        """Returns the state of the machine, its stars, drivers, plugins and lanes, with causes."""
        state, cause = self._life()
        addresses = self._addresses()
        return {
            "machine": self._config.name,
            "state": str(state),
            "cause": cause,
            "data_dir": str(self._data_dir),
            "address": addresses.get(CONTROL) or None,
            "gateways": {name: address for name, address in addresses.items() if name != CONTROL},
            "stars": [
                {
                    "star": hosting.star.text,
                    "kind": hosting.star.kind.name,
                    "particles": len(hosting),
                    "kinds": hosting.hostable(),
                }
                for hosting in self._homes.values()
            ],
            "drivers": [
                {
                    "kind": name,
                    "plugin": served.plugin,
                    "state": str(served.status),
                    "cause": served.told(),
                    "again": served.again,
                }
                for name, served in sorted(self.served.items())
            ],
            "plugins": _plugins(self._plugins),
            "notes": [*self._plugins.notes, *self._plugins.passed_over, *self._notes],
            "lanes": [
                {
                    "machine": name,
                    "state": "down" if cause else "up",
                    "cause": cause,
                    "bytes_out": self._board.traffic[name].bytes_out,
                    "bytes_in": self._board.traffic[name].bytes_in,
                    "waves_out": self._board.traffic[name].waves_out,
                    "waves_in": self._board.traffic[name].waves_in,
                }
                for name, cause in self._board.peers.causes().items()
            ],
            "registry": self._registry_row(),
            "draining": self._membership.draining,
            "waiting": self._pool.waiting,
            "in_use": dict(self._in_use()),
            "troubles": self._troubles.rows(),
            "serves": self._membership.may_serve,
            "pid": os.getpid(),
        }

    def _registry_row(self) -> dict[str, str]:
        try:
            trouble = self._registry.trouble()
        except Exception as exc:
            _log.exception("the registry cannot report its troubles")
            trouble = f"it cannot report its troubles: {described(exc)}"
        return {"state": "down" if trouble else "up", "cause": trouble}

    async def stars(self) -> list[dict[str, Any]]:
        """Returns every star of the Hyperverse."""
        try:
            await self._read_again()
        except HyperverseError as exc:
            _log.warning("stars are shown as last read, because the registry cannot be read now: %s", exc)
        records: Mapping[Any, Any] = self._directory.records
        lanes = lanes_between({str(key): r.links for key, r in records.items()})
        distances = self._home.distances.whole()
        return [
            {
                "star": str(key),
                "kind": record.kind,
                "machine": record.machine,
                "kinds": sorted(record.kinds),
                "pid": record.pid,
                "address": record.address,
                "lanes": sorted(lanes[str(key)]),
                "hops": distances.get(str(key)),
                "particles": len(self._homes[key]) if key in self._homes else record.particles,
                "incarnation": record.incarnation,
                "lease": record.lease,
                "draining": record.draining,
                "serves_clients": record.machine == self._config.name and self._config.control.enabled,
            }
            for key, record in sorted(records.items(), key=lambda entry: str(entry[0]))
        ]

    def kinds(self) -> list[dict[str, Any]]:
        """Returns every Kind that this machine knows."""
        rows = []
        for name, kind in sorted(self.served.known.items()):
            served = self.served.get(name)
            rows.append(
                {
                    "kind": name,
                    "doc": kind.doc,
                    "creatable": creatable(name, self.served),
                    "driver": bool(served),
                    "plugin": served.plugin if served else None,
                    "methods": served.handlers.methods() if served else [],
                    "subs": list(kind.subs),
                    "parents": list(kind.parents),
                    "children": list(kind.children),
                }
            )
        return rows
