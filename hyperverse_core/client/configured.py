"""The data directory of a client whose caller names none: the one that the ``hyperverse`` command finds."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..scheduling.guarded_log import guarded_log

__all__ = ["LaneSettings", "configured", "on_top"]

LaneSettings = Mapping[str, Mapping[str, Any]]
"""Settings of lane transports, by transport name."""
_log = guarded_log("hyperverse.client")


def configured() -> tuple[Path, LaneSettings]:
    """Returns the data directory that the ``hyperverse`` command finds, starting from the working directory, and the
    settings of the transports that are configured there. Raises ConfigError."""
    from ..config import load_config  # loading it takes time, and a client with a data directory does not need it

    loaded = load_config()
    for said in loaded.passed_over:
        _log.warning("%s", said)
    config = loaded.config
    assert config.data_dir is not None, "load_config fills it in"
    return config.data_dir, config.client_settings()


def on_top(found: LaneSettings, given: LaneSettings | None) -> LaneSettings:
    """Returns the settings of each transport, in which the ``given`` ones override those that were ``found``."""
    given = given or {}
    return {name: {**found.get(name, {}), **given.get(name, {})} for name in {*found, *given}}
