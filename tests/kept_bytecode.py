"""Keeps the compiled code of the suite where the environment asks for none beside the sources.

`PYTHONDONTWRITEBYTECODE=1` would have every worker rewrite the asserts of every test file, and every program that a
test starts compile the whole platform: a second of processor time for each. The code is kept in the folder of pytest's
cache instead, and what is beside the sources stays as it is.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Final

__all__ = ["keep_bytecode"]

_VARIABLE: Final = "PYTHONDONTWRITEBYTECODE"
_FOLDER: Final = Path(__file__).parents[1] / ".pytest_cache" / "bytecode"


def keep_bytecode() -> None:
    """Has this process, and those that it starts, keep compiled code, if the environment says that they must not."""
    if not os.environ.pop(_VARIABLE, ""):
        return
    os.environ.setdefault("PYTHONPYCACHEPREFIX", str(_FOLDER))
    sys.pycache_prefix = sys.pycache_prefix or os.environ["PYTHONPYCACHEPREFIX"]
    sys.dont_write_bytecode = False
