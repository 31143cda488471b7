"""What a Mechtron saves: what its guest has put under keys, what is kept of its instance, and its version.

The state of a particle is a map. What guests put under keys is bytes; what is ours is a map, under one name of ours.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import attrs

from hyperverse_core.errors import HandlerFailed
from hyperverse_core.values import Body

if TYPE_CHECKING:  # they take wasmtime
    from .host.frozen import FrozenMemory, Image
    from .host.own_state import OwnState

__all__ = ["OWN_KEY", "MechtronVersion", "SavedMechtron", "keeper", "kept_body"]

OWN_KEY: Final = "hyperverse"
"""The name of what is ours in a saved state; guests put nothing under it."""
_FROZEN, _SAVED, _VERSION = "frozen", "saved", "version"


@attrs.frozen
class MechtronVersion:
    """Which version a Mechtron has been upgraded to.

    Attributes:
        config: the point of its document.
        before: the point of the document that it had before.
        left: what the version before has kept of its instance, when this one could not take it; empty for nothing.
    """

    config: str
    before: str
    left: Mapping[str, Any] = attrs.field(factory=dict)


@attrs.frozen
class SavedMechtron:
    """A saved state.

    Attributes:
        keys: what the guest has put under keys.
        kept: what is kept of its instance; empty for nothing.
        version: None for a Mechtron that was never upgraded.
    """

    keys: Mapping[str, bytes]
    kept: Mapping[str, Any]
    version: MechtronVersion | None

    def to_body(self) -> dict[str, Body]:
        """As a map, to be saved."""
        ours = {**self.kept, **({} if self.version is None else {_VERSION: attrs.asdict(self.version, recurse=False)})}
        return {**self.keys, **({OWN_KEY: ours} if ours else {})}

    @classmethod
    def from_body(cls, saved: Mapping[str, Any]) -> SavedMechtron:
        """From such a map."""
        ours = dict(saved.get(OWN_KEY, {}))
        version = ours.pop(_VERSION, None)
        keys = {str(key): bytes(value) for key, value in saved.items() if key != OWN_KEY}
        return cls(keys, ours, None if version is None else MechtronVersion(**version))


def kept_body(kept: Image | bytes | None) -> dict[str, Any]:
    """What is kept of an instance, as a map."""
    if kept is None:
        return {}
    return {_SAVED: {"content": kept}} if isinstance(kept, bytes) else {_FROZEN: kept.to_body()}


def keeper(state: str, starts: bool, kept: Mapping[str, Any]) -> FrozenMemory | OwnState | None:
    """What keeps something of instances, as a document says; None when nothing is kept.

    Args:
        state: of the document.
        starts: whether a function of the module runs by itself.
        kept: what was saved.

    Raises:
        HandlerFailed: that was saved in another way.
    """
    wanted = {"memory": _FROZEN, "save": _SAVED}.get(state)
    if kept and wanted not in kept:
        raise HandlerFailed(
            "what was saved of its instance does not fit its document", hint="go back to the version that saved it"
        )
    if wanted is None:
        return None
    if wanted == _SAVED:
        from .host.own_state import OwnState

        return OwnState(bytes(kept[_SAVED]["content"]) if kept else None)
    from .host.frozen import FrozenMemory, Image

    found = FrozenMemory(starts=starts)
    found.saved = Image.from_body(kept[_FROZEN]) if kept else None
    return found
