"""The ``hyperverse`` command.

Importing this package is cheap: the module of a command is imported when the command runs. Commands are grouped in
packages by what the user does: ``machine``, ``look``, ``access``, ``setup``, ``bench`` and ``demo``. They use ``talk``,
which connects to a running machine and contains the commands of the command language, and ``terminal``, which contains
the common part of all commands. Commands of plugins import :mod:`hyperverse_core.commands`.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

__all__ = ["main", "run"]


def main() -> None:
    """Runs the program and ends the process with its exit code."""
    from .terminal.streams import drop_output, prepare_streams

    prepare_streams()
    code = run(sys.argv[1:])
    drop_output()
    sys.exit(code)


def run(args: Sequence[str]) -> int:
    """Runs one command line.

    Args:
        args: the words after the name of the program.

    Returns:
        The exit code: 0 done, 1 refused or failed, 2 wrong usage or configuration, 3 no machine to talk to, 130
        interrupted.
    """
    from .group import root
    from .terminal.failures import reported

    def invoke() -> object:
        return root.main(list(args), prog_name="hyperverse", standalone_mode=False)

    return reported(invoke, args)
