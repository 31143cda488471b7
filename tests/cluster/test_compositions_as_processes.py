"""The suite for every composition once more, with real processes and real sockets."""

from __future__ import annotations

from cluster.test_compositions import *  # noqa: F403 - the same tests, in other worlds
from cluster.test_compositions import __all__ as __all__
