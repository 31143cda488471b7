"""The plugin ``sql``: a registry in a database, which is one SQLite file, through SQLAlchemy Core.

From the outside in: ``registry`` implements the contract, ``units`` holds the units of work, ``tables`` the schema,
and ``engine`` the mechanisms, with a folder for each database.
"""

from __future__ import annotations

from hyperverse_core import Register, hookimpl


@hookimpl
def hyperverse_register_registries(register: Register) -> None:
    """Adds the registry ``sql``. SQLAlchemy is imported only when the config chooses it."""
    register("sql", "hyperverse_sql.registry:SqlRegistry")


@hookimpl
def hyperverse_register_commands(register: Register) -> None:
    """Adds the commands ``hyperverse registry check``, ``backup`` and ``restore``."""
    register("registry", "hyperverse_sql.commands:registry")
