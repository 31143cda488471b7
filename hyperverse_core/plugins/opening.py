"""Opens objects that plugins have created. An error there is a failure of the plugin, not a bug of the platform."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ..errors import HyperverseError, PluginError, described

__all__ = ["opening"]


@contextmanager
def opening(thing: str, name: str, plugin: str) -> Iterator[None]:
    """Adds the plugin's name to errors that are raised inside.

    Args:
        thing: the kind of thing that is opened, such as ``registry``.
        name: its name.
        plugin: the plugin that provides it; empty if it is unknown.

    Raises:
        PluginError: an exception other than a HyperverseError was raised.
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
