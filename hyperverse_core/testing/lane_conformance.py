"""LaneConformance: what every lane transport must do, as a test class to subclass.

::

    class TestMyLane(LaneConformance):
        @pytest.fixture
        def make_transport(self):
            return MyTransport              # called without arguments; may be a coroutine function

        @pytest.fixture
        def address(self):
            return lambda: ""               # a fresh address for each call; "" lets the transport choose

A transport with an intermediary between the two sides, such as a broker, has a second class, BrokerConformance::

    class TestMyBroker(BrokerConformance):
        @pytest.fixture
        def make_transport(self, between):
            return partial(MyLane, between.url)

        @pytest.fixture
        def between(self):
            ...                             # an object with stop() and start(), which ends it at once and starts it
"""

from __future__ import annotations

import pytest

pytest.register_assert_rewrite("hyperverse_core.testing.lane_kit")

from .lane_kit.addresses import Addresses  # noqa: E402  # asserts are rewritten from here on
from .lane_kit.between import BrokerConformance  # noqa: E402
from .lane_kit.delivery import Delivery  # noqa: E402
from .lane_kit.keys import Keys  # noqa: E402
from .lane_kit.life import Life  # noqa: E402
from .lane_kit.loss import Loss  # noqa: E402
from .lane_kit.pressure import Pressure  # noqa: E402
from .lane_kit.processes import OtherProcesses  # noqa: E402

__all__ = ["BrokerConformance", "LaneConformance"]


class LaneConformance(Delivery, Pressure, Life, Loss, Addresses, Keys, OtherProcesses):
    """The whole kit. The tests about keys are left out for a transport whose ``proves_peers`` is False.

    Attributes (set them in the subclass when they do not fit):
        patience: maximum number of seconds for any single step.
        flood_frames: how many frames of 4 KiB a flood has; the lane must refuse some of them.
        most_waiting: maximum number of bytes on the way to a receiver that does not keep up.
        crosses_processes: whether it connects processes; False for one that stays in a single process.
        transport_path: import path of the factory of transports for another process, as ``module:name``; empty for that
            of ``make_transport``.
        notices_within: seconds after which the lane to a process that died, or was stopped, must be down.
    """
