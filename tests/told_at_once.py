"""A test that fails where CI runs is told at once: a run that is ended by its time limit prints no summary.

It is a plugin of pytest. It does something when the variable ``CI`` is set.
"""

from __future__ import annotations

import os
from typing import Any

import pytest


class _Teller:
    """Writes each failure into the output of the run."""

    def __init__(self, terminal: Any) -> None:
        self._terminal = terminal

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Is called for each phase of each test, in the process that shows the results."""
        if report.failed:
            self._terminal.write_line("")
            self._terminal.write_line(f"FAILED at once: {report.nodeid} ({report.when}, {report.duration:.0f} s)")
            self._terminal.write_line(report.longreprtext)


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """The workers of a run have no terminal."""
    terminal = config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("CI") and terminal is not None and not hasattr(config, "workerinput"):
        config.pluginmanager.register(_Teller(terminal))
