"""``hyperverse --version``: the versions of the core and its plugins."""

from __future__ import annotations

import platform

from .._version import __version__
from ..plugins.sources import installed_sources

__all__ = ["print_version"]


def print_version() -> None:
    """Prints one line for the core and one for each plugin."""
    print(f"hyperverse {__version__} (Python {platform.python_version()})")
    for source in installed_sources()[0]:
        print(f"  {source.name}: {source.distribution} {source.version}")
