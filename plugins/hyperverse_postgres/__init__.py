"""The plugin ``postgres``: a registry in a PostgreSQL database, which machines on many hosts share.

From the outside in: ``registry`` has the contract, ``writer`` the groups of writes, ``reader``, ``pages`` and ``feed``
what is read, ``link`` a connection that comes back, ``schema`` the tables, and ``sql`` what the server runs: each group
of writes is one call of a function there.
"""

from __future__ import annotations

from hyperverse_core import Register, hookimpl

__all__ = ["hyperverse_register_registries"]


@hookimpl
def hyperverse_register_registries(register: Register) -> None:
    """Adds the registry ``postgres``. asyncpg is imported only when the config chooses it."""
    register("postgres", "hyperverse_postgres.registry:PostgresRegistry", extra="postgres")
