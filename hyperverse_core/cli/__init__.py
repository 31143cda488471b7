"""The ``hyperverse`` command. Importing this is cheap: each command's module is imported when it is used.

A plugin that adds commands gives them the options that all commands take with ``hyperverse_core.commands``.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

__all__ = ["main", "run"]


def main() -> None:
    """Entry point of the program; ends the process with the exit code."""
    sys.exit(run(sys.argv[1:]))


def run(args: Sequence[str]) -> int:
    """Runs one command line and returns its exit code: 0 done, 1 refused or failed, 2 usage or config, 3 no
    machine to talk to, 130 interrupted."""
    from .group import root
    from .terminal.failures import reported

    def invoke() -> object:
        return root.main(list(args), prog_name="hyperverse", standalone_mode=False)

    return reported(invoke, args)
