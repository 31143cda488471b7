"""Spans and metrics of waves for OpenTelemetry, sent by OTLP. See the README of this distribution."""

from __future__ import annotations

import asyncio
import atexit
import logging
from collections.abc import Callable

from hyperverse_core import Observer, hookimpl

from .telemetry import Telemetry

__all__ = ["Telemetry", "hyperverse_machine_stopping", "hyperverse_register_observers"]

_log = logging.getLogger("hyperverse.otel")
_FLUSH = 2.0
"""Seconds to send the rest when a machine stops, and again when the process ends."""
_telemetry: list[Telemetry] = []
"""The telemetry of this process, made from the environment with the first machine."""


@hookimpl
def hyperverse_register_observers(register: Callable[[Observer], None]) -> None:
    if not _telemetry:
        telemetry = Telemetry.from_environment()
        atexit.register(telemetry.close, _FLUSH)  # waves may arrive until the very end
        _telemetry.append(telemetry)
    for observer in _telemetry[0].observers:
        register(observer)


@hookimpl
async def hyperverse_machine_stopping() -> None:
    """Sends the rest in a thread, so that the event loop is not blocked meanwhile."""
    if not await asyncio.to_thread(_telemetry[0].flush, _FLUSH):
        _log.warning("the collector of OpenTelemetry did not accept everything within %g s", _FLUSH)
