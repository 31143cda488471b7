"""What holds for every test: nothing is left running, CI skips nothing, and no example fails because it is slow."""

from __future__ import annotations

import os
import signal

from hypothesis import HealthCheck, settings

from kept_bytecode import keep_bytecode
from thoroughness import examples

keep_bytecode()
# Tests that start pytest do without the plugins that this run does without.
os.environ["PYTEST_ADDOPTS"] = " ".join([os.environ.get("PYTEST_ADDOPTS", ""), "-p no:schemathesis -p no:anyio"])

pytest_plugins = [
    "postgres_server",
    "nats_server",
    "inner_runs",
    "left_handlers",
    "left_running",
    "no_skips",
    "only_thorough",
    "quick_collection",
    "tellable",
    "told_at_once",
]

# On a busy computer any example may be slow, and so may making it.
settings.register_profile(
    "suite", deadline=None, max_examples=examples(100), suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("suite")

# A run in the background may have been started with these signals ignored, which every program that a test starts would
# inherit. A handler that does nothing is not inherited.
for number in (signal.SIGINT, signal.SIGHUP):
    if signal.getsignal(number) is signal.SIG_IGN:
        signal.signal(number, lambda *_: None)
