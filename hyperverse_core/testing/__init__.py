"""For authors of plugins: conformance kits, a registry in memory, lanes with faults, virtual time.

A kit is a class of tests; subclass it in a test module of your own and give it what it asks for. The fixtures
``machine``, ``client``, ``constellation`` and ``clock`` come with the pytest plugin, which is there as soon as
``cosmic-hyperverse[test]`` is installed.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .clock import ManualClock as ManualClock
    from .clock import VirtualClockLoop as VirtualClockLoop
    from .constellation import Constellation as Constellation
    from .constellation import Handle as Handle
    from .driver_bench import DriverBench as DriverBench
    from .driver_conformance import DriverConformance as DriverConformance
    from .faulty_lane import FaultyHub as FaultyHub
    from .faulty_lane import FaultyTransport as FaultyTransport
    from .lane_conformance import LaneConformance as LaneConformance
    from .leaks import LeakCheck as LeakCheck
    from .memory_registry import MemoryRegistry as MemoryRegistry
    from .policy_conformance import PolicyConformance as PolicyConformance
    from .policy_conformance import PolicyWorld as PolicyWorld
    from .registry_conformance import RegistryConformance as RegistryConformance

_HOMES = {
    "clock": "ManualClock VirtualClockLoop",
    "constellation": "Constellation Handle",
    "driver_bench": "DriverBench",
    "driver_conformance": "DriverConformance",
    "faulty_lane": "FaultyHub FaultyTransport",
    "lane_conformance": "LaneConformance",
    "leaks": "LeakCheck",
    "memory_registry": "MemoryRegistry",
    "policy_conformance": "PolicyConformance PolicyWorld",
    "registry_conformance": "RegistryConformance",
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names.split()}
__all__ = sorted(_HOME_OF)


def __getattr__(name: str) -> Any:
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*globals(), *__all__]
