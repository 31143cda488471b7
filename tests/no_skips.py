"""A skipped test fails where CI runs: it would look like one that has passed.

It is a plugin of pytest. It does something when the variable ``CI`` is set.
"""

from __future__ import annotations

import os
from collections.abc import Generator
from typing import Final

import pytest

__all__ = ["NO_BROWSER", "NO_NPM", "PLATFORM"]

NO_NPM: Final = (
    "HYPERVERSE_NPM names no folder: npm install --prefix FOLDER xxhash-wasm @chainsafe/as-sha256 @cwasm/lodepng "
    "@cwasm/webp argon2-browser"
)
"""What brings them where they are missing; ``.ci/run`` installs them."""
NO_BROWSER: Final = (
    "no browser to drive: apt-get install chromium; pip install playwright; "
    "npm install --prefix FOLDER axe-core; HYPERVERSE_NPM=FOLDER"
)
"""Likewise."""
PLATFORM: Final = frozenset({"this computer has no IPv6"})
"""Reasons that lie in the computer: nothing that CI could do would let these tests run."""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turns the report of a skipped test into that of a failed one."""
    report = yield
    if os.environ.get("CI") and report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        if reason.removeprefix("Skipped: ") not in PLATFORM:
            report.outcome = "failed"
            report.longrepr = f"this test was skipped, and CI skips none: {reason}"
    return report
