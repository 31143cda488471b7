"""What holds for every test: nothing is left running, CI skips nothing, and no example fails because it is slow."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

pytest_plugins = ["left_running", "no_skips", "told_at_once"]

# On a busy computer any example may be slow, and so may making it.
settings.register_profile("suite", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("suite")
