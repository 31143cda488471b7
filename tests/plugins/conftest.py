"""Real distributions, written into a folder of the import path."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hyperverse_core.config import Plugins
from hyperverse_core.plugins import PluginSet
from plugins.driver_texts import Load

Install = Callable[..., str]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """``install("name", "source of its module")`` installs a plugin and returns the name of its module."""
    site = tmp_path / "site"
    site.mkdir()
    monkeypatch.syspath_prepend(site)
    before = set(sys.modules)

    def install(name: str, source: str, *, requires: str = "", distribution: str = "", version: str = "1.2") -> str:
        distribution = distribution or f"dist-{name}"
        module = f"plugin_{name}_{len(list(site.iterdir()))}".replace("-", "_")
        (site / f"{module}.py").write_text(source)
        info = site / f"{distribution.replace('-', '_')}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n{requires}")
        (info / "entry_points.txt").write_text(f"[hyperverse]\n{name} = {module}\n")
        importlib.invalidate_caches()
        return module

    yield install
    for module in set(sys.modules) - before:
        if module.startswith("plugin_"):
            del sys.modules[module]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """``load(source)`` loads a plugin named ``local``; returns its state and why it has failed."""

    def load(source: str) -> tuple[str, str]:
        (tmp_path / "hyperverse_local.py").write_text(source)
        found = PluginSet.load(Plugins(local=True), base=tmp_path, environ={"HYPERVERSE_LOAD_PLUGINS": "local"})
        info = found.info("local")
        return info.state, info.reason

    return load
