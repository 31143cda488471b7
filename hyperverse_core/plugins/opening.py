"""Opening what a plugin has made: what it raises there is that plugin's failure, not a bug of the platform."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ..errors import HyperverseError, PluginError, described

__all__ = ["opening"]


@contextmanager
def opening(thing: str, name: str, plugin: str) -> Iterator[None]:
    """Names the plugin in what is raised inside.

    Args:
        thing: the kind of thing that is opened, such as ``registry``.
        name: its name.
        plugin: the plugin that brings it; empty when nobody knows.

    Raises:
        PluginError: something was raised that is no HyperverseError.
    """
    try:
        yield
    except HyperverseError:
        raise
    except (Exception, SystemExit) as exc:
        of = f" of plugin {plugin!r}" if plugin else ""
        raise PluginError(
            f"the {thing} {name!r}{of} cannot be opened: {described(exc)}",
            hint=f"check its settings in the configuration; if they are right, tell the author of {plugin or name!r}",
        ) from exc
