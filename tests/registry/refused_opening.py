"""How a PostgreSQL registry refuses to open."""

from __future__ import annotations

from typing import Any, Final

import pytest

from hyperverse_core.errors import ConfigError, HyperverseError
from hyperverse_postgres.registry import PostgresRegistry

__all__ = ["PASSWORD", "refused"]

PASSWORD: Final = "Sesame-0pen"
"""A password, which no error shows."""


async def refused(settings: dict[str, Any], kind: type[HyperverseError] = ConfigError) -> HyperverseError:
    """The error with which a registry does not open."""
    registry = PostgresRegistry(settings)
    with pytest.raises(kind) as raised:
        await registry.open()
    await registry.close()
    assert PASSWORD not in str(raised.value)
    assert raised.value.hint
    return raised.value
