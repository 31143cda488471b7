"""``python -m hyperverse_core.cli``: the ``hyperverse`` command."""

from __future__ import annotations

from . import main

if __name__ == "__main__":
    main()
