"""Names the table of the configuration in errors about the settings of a plugin, which does not know its table."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ..errors import ConfigError

__all__ = ["faults_of_table"]


@contextmanager
def faults_of_table(table: str) -> Iterator[None]:
    """Adds the table to every fault of a ConfigError that is raised inside: two tables may have settings of one
    transport, ``[lanes]`` and ``[control]``.

    Args:
        table: name of the table, without brackets.

    Raises:
        ConfigError: the same, with ``[table]`` before each fault.
    """
    try:
        yield
    except ConfigError as exc:
        faults = exc.faults or (exc.message,)
        raise ConfigError(faults=[f"[{table}] {fault}" for fault in faults], hint=exc.hint) from exc
