"""What holds for every test: nothing is left running, and CI skips nothing."""

from __future__ import annotations

pytest_plugins = ["left_running", "no_skips"]
