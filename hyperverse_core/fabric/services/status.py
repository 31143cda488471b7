"""What a machine says of itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..stars.routes import both_ways

if TYPE_CHECKING:
    from ..machine import Machine

__all__ = ["kinds_of", "stars_of", "status_of"]


def status_of(machine: Machine) -> dict[str, Any]:
    """State of the machine, its stars, drivers and plugins, with causes, as plain values."""
    return {
        "machine": machine.name,
        "state": str(machine.state),
        "cause": machine.cause,
        "data_dir": str(machine.data_dir),
        "address": machine.control.address if machine.control.address else None,
        "stars": [
            {
                "star": star.text,
                "kind": star.kind.name,
                "particles": len(star.hosting),
                "kinds": sorted(name for name in machine.hosted if star.hosting.can_host(name)),
            }
            for star in machine.stars.values()
        ],
        "drivers": [
            {"kind": name, "plugin": hosted.plugin, "state": str(hosted.status), "cause": hosted.cause}
            for name, hosted in sorted(machine.hosted.items())
        ],
        "plugins": [
            {"plugin": info.name, "state": info.state, "reason": info.reason} for info in machine.plugins.plugins
        ],
        "lanes": [
            {"machine": name, "state": "down" if cause else "up", "cause": cause}
            for name, cause in machine.switchboard.lanes().items()
        ],
        "draining": machine.membership.draining,
        "waiting": machine.crew.waiting,
        "serves": machine.may_serve(),
    }


def stars_of(machine: Machine) -> list[dict[str, Any]]:
    """Every star of the Hyperverse, as plain values."""
    own = machine.stars
    asking = machine.machine_star.distances
    lanes = both_ways({str(key): frozenset(map(str, r.links)) for key, r in machine.membership.directory.items()})
    return [
        {
            "star": str(key),
            "kind": record.kind,
            "machine": record.machine,
            "kinds": sorted(record.kinds),
            "pid": record.pid,
            "address": record.address,
            "lanes": sorted(lanes[str(key)]),
            "hops": asking.get(str(key)),
            "particles": len(own[key].hosting) if key in own else record.particles,
            "incarnation": record.incarnation,
            "lease": record.lease,
            "draining": record.draining,
            "serves_clients": record.machine == machine.name and machine.config.control.enabled,
        }
        for key, record in sorted(machine.membership.directory.items(), key=lambda entry: str(entry[0]))
    ]


def kinds_of(machine: Machine) -> list[dict[str, Any]]:
    """Every Kind that this machine knows, as plain values."""
    rows = []
    for name, kind in sorted(machine.kinds.items()):
        hosted = machine.hosted.get(name)
        rows.append(
            {
                "kind": name,
                "doc": kind.doc,
                "driver": bool(hosted),
                "plugin": hosted.plugin if hosted else None,
                "methods": hosted.handlers.methods() if hosted else [],
                "subs": list(kind.subs),
                "parents": list(kind.parents),
                "children": list(kind.children),
            }
        )
    return rows
