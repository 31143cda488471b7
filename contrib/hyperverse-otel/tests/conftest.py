"""The plugin that is installed sends nothing while its parts are tested."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def _installed_plugin_is_off(monkeypatch: pytest.MonkeyPatch) -> None:
    for what in ("TRACES", "METRICS"):
        monkeypatch.setenv(f"OTEL_{what}_EXPORTER", "none")
