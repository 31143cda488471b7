"""For authors of plugins: conformance kits, a registry in memory, lanes with faults, virtual time.

A kit is a class of tests: subclass it in a test module of your own and give it the fixture that it asks for. The
fixtures ``machine``, ``client``, ``start_machine``, ``constellation`` and ``clock`` come from the pytest plugin of
``cosmic-hyperverse[test]``. The names of this module are public: Semantic Versioning covers them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._lazy import lazily

if TYPE_CHECKING:
    from .blobs_conformance import BlobsConformance as BlobsConformance
    from .clock import ManualClock as ManualClock
    from .clock import VirtualClockLoop as VirtualClockLoop
    from .command_conformance import CommandConformance as CommandConformance
    from .constellation import Constellation as Constellation
    from .constellation import Handle as Handle
    from .driver_conformance import DriverConformance as DriverConformance
    from .driver_kit.harness import DriverHarness as DriverHarness
    from .faulty_lane import FaultyHub as FaultyHub
    from .faulty_lane import FaultyTransport as FaultyTransport
    from .gateway_conformance import GatewayConformance as GatewayConformance
    from .gateway_conformance import GatewayConnection as GatewayConnection
    from .lane_conformance import BrokerConformance as BrokerConformance
    from .lane_conformance import LaneConformance as LaneConformance
    from .leaks import LeakCheck as LeakCheck
    from .memory_registry import MemoryRegistry as MemoryRegistry
    from .observer_conformance import ObserverConformance as ObserverConformance
    from .placement_conformance import PlacementConformance as PlacementConformance
    from .policy_conformance import PolicyConformance as PolicyConformance
    from .policy_conformance import PolicyWorld as PolicyWorld
    from .registry_conformance import RegistryConformance as RegistryConformance

if not TYPE_CHECKING:  # a type checker sees the imports above, and tells a name that is not there
    __all__, __getattr__, __dir__ = lazily(
        __name__,
        __package__,
        {
            "blobs_conformance": "BlobsConformance",
            "clock": "ManualClock VirtualClockLoop",
            "command_conformance": "CommandConformance",
            "constellation": "Constellation Handle",
            "driver_kit.harness": "DriverHarness",
            "driver_conformance": "DriverConformance",
            "faulty_lane": "FaultyHub FaultyTransport",
            "gateway_conformance": "GatewayConformance GatewayConnection",
            "lane_conformance": "BrokerConformance LaneConformance",
            "leaks": "LeakCheck",
            "memory_registry": "MemoryRegistry",
            "observer_conformance": "ObserverConformance",
            "placement_conformance": "PlacementConformance",
            "policy_conformance": "PolicyConformance PolicyWorld",
            "registry_conformance": "RegistryConformance",
        },
    )
