"""How many examples and seeds the tests try: fewer every day, so that the suite ends in minutes, and all of them in CI.

``HYPERVERSE_THOROUGH=1`` asks for all.
"""

from __future__ import annotations

import os
from typing import Final

__all__ = ["THOROUGH", "examples"]

THOROUGH: Final = bool(os.environ.get("HYPERVERSE_THOROUGH"))
_SHARE: Final = 4
_FEWEST: Final = 25


def examples(thorough: int) -> int:
    """Number of examples to try, of ``thorough`` that CI tries."""
    return thorough if THOROUGH else min(thorough, max(_FEWEST, thorough // _SHARE))
