"""What a command of the ``hyperverse`` program needs.

For plugins that add commands with the hook ``hyperverse_register_commands``. Put :func:`common` below
``@click.command()``, and ask :func:`options` for what the user has chosen. The names of this module are public:
Semantic Versioning covers them.
"""

from __future__ import annotations

from .cli.options import Options, common, options

__all__ = [
    "Options",
    "common",
    "options",
]
