"""What holds for every test: nothing is left running, CI skips nothing, and no example fails because it is slow."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

from thoroughness import examples

pytest_plugins = ["left_running", "no_skips", "told_at_once"]

# On a busy computer any example may be slow, and so may making it.
settings.register_profile(
    "suite", deadline=None, max_examples=examples(100), suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("suite")
