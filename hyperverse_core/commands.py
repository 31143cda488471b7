"""What a command of the ``hyperverse`` program needs.

For plugins that add commands with the hook ``hyperverse_register_commands``. Put :func:`common` below
``@click.command()``, ask :func:`options` for what the user has chosen, and use :func:`talk` to connect to a machine::

    @click.command()
    @common
    def pigeons() -> None:
        \"\"\"Count the pigeons.\"\"\"
        print(options().where(), options().json)

A command that raises a :class:`hyperverse_core.errors.HyperverseError` ends with exit code 1 (a ConfigError with 2);
the program prints the message and the hint, as JSON with ``--json``. The names of this module are public:
Semantic Versioning covers them.
"""

from __future__ import annotations

from .cli.talk.connection import talk
from .cli.terminal.options import Options, common, options

__all__ = [
    "Options",
    "common",
    "options",
    "talk",
]
