"""The registry in a database: SQLite in one file, through SQLAlchemy Core."""

from __future__ import annotations

from hyperverse_core import Register, hookimpl


@hookimpl
def hyperverse_register_registries(register: Register) -> None:
    """``[registry] driver = "sql"``; SQLAlchemy is imported when the config asks for it."""
    register("sql", "hyperverse_sql.registry:SqlRegistry")


@hookimpl
def hyperverse_register_commands(register: Register) -> None:
    """``hyperverse registry check`` and ``hyperverse registry backup``."""
    register("registry", "hyperverse_sql.commands:registry")
