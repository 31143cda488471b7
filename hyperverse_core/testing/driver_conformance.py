"""Conformance kit of drivers: the requirements for every driver, tested with a real machine inside the process.

Subclass the kit in a test module::

    class TestCounter(DriverConformance):
        driver = CounterDriver
        changes = (("Ext<Add>", {"by": 3}),)

It needs the fixtures of the pytest plugin of ``cosmic-hyperverse[test]``.
"""

from __future__ import annotations

import pytest

pytest.register_assert_rewrite("hyperverse_core.testing.driver_kit")

from .driver_kit.declarations import Declarations  # noqa: E402  # asserts are rewritten from here on
from .driver_kit.each_particle import EachParticle  # noqa: E402
from .driver_kit.endings import Endings  # noqa: E402
from .driver_kit.state import StateIsKept  # noqa: E402
from .driver_kit.waves import Waves  # noqa: E402

__all__ = ["DriverConformance"]


class DriverConformance(Declarations, EachParticle, Waves, StateIsKept, Endings):
    """All tests of a driver. A subclass names its driver, and declares what the kit cannot find out by itself.

    Tests of your own can use the fixture ``harness``, a :class:`~hyperverse_core.testing.DriverHarness`.

    Attributes:
        driver: the driver class.
        refused: properties of particles, each of which :meth:`Driver.check` has to refuse.
        changes: calls, each a method and a body, that change the durable state of a new particle. Without any, the
            tests about state show little.
        reads: calls, each a method and a body, that a particle answers without changing its state. Handlers of
            ``Http<Get>`` and ``Http<Head>`` that can be called without a body belong to them.
        never_idle: whether its particles always have background work, so that they never leave memory on their own.
        saves_before_it_answers: whether a change is durable when it has been answered. Set it to False for a Kind that
            promises less: its state is then only kept when the machine stops cleanly.
        kind_text: the Kind, as it is written to create a particle; empty for the first one that the definition allows.
        properties: properties of each new particle; None for a sample value of each required property.
        parents: points and Kinds to create first, the last one is the parent; None for the shortest way from the root.
    """
