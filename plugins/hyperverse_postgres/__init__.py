"""The plugin ``postgres``: a registry in a PostgreSQL database that machines on many hosts share.

From the outside in: ``registry`` implements the contract, ``writer`` commits groups of writes, ``reader``, ``pages``
and ``feed`` read, ``listening`` and ``host_news`` hear of changes, ``link`` is a connection that reconnects, ``schema``
holds the tables, and ``sql`` what the server runs: each group of writes is one call of a function there.
"""

from __future__ import annotations

from hyperverse_core import Register, hookimpl

__all__ = ["hyperverse_register_registries"]


@hookimpl
def hyperverse_register_registries(register: Register) -> None:
    """Registers the registry ``postgres``. asyncpg is imported only when the config chooses it."""
    register("postgres", "hyperverse_postgres.registry:PostgresRegistry", extra="postgres")
