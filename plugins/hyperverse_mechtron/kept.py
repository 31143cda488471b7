"""What a Mechtron saves: the keys of its guest, what is kept of its instance, and its version.

The state of a particle is a map. Values under the guest's keys are bytes; the platform's data is a map under one key.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import attrs

from hyperverse_core.errors import HandlerFailed
from hyperverse_core.values import Body

if TYPE_CHECKING:  # they import wasmtime
    from .host.frozen import FrozenMemory, Image
    from .host.own_state import OwnState

__all__ = ["OWN_KEY", "MechtronVersion", "SavedMechtron", "keeper", "kept_body"]

OWN_KEY: Final = "hyperverse"
"""The platform's key in a saved state; guests cannot use it."""
_FROZEN, _SAVED, _VERSION = "frozen", "saved", "version"


@attrs.frozen
class MechtronVersion:
    """The version that a Mechtron was upgraded to.

    Attributes:
        config: point of its document.
        before: point of its previous document.
        left: what the previous version kept of its instance, if this version could not take it over; empty for nothing.
    """

    config: str
    before: str
    left: Mapping[str, Any] = attrs.field(factory=dict)


@attrs.frozen
class SavedMechtron:
    """A saved state.

    Attributes:
        keys: the guest's values by key.
        kept: what is kept of its instance; empty for nothing.
        version: None for a Mechtron that was never upgraded.
    """

    keys: Mapping[str, bytes]
    kept: Mapping[str, Any]
    version: MechtronVersion | None

    def to_body(self) -> dict[str, Body]:
        """Returns a map, to be saved."""
        ours = {**self.kept, **({} if self.version is None else {_VERSION: attrs.asdict(self.version, recurse=False)})}
        return {**self.keys, **({OWN_KEY: ours} if ours else {})}

    @classmethod
    def from_body(cls, saved: Mapping[str, Any]) -> SavedMechtron:
        """Reads such a map."""
        ours = dict(saved.get(OWN_KEY, {}))
        version = ours.pop(_VERSION, None)
        keys = {str(key): bytes(value) for key, value in saved.items() if key != OWN_KEY}
        return cls(keys, ours, None if version is None else MechtronVersion(**version))


def kept_body(kept: Image | bytes | None) -> dict[str, Any]:
    """Returns what is kept of an instance, as a map."""
    if kept is None:
        return {}
    return {_SAVED: {"content": kept}} if isinstance(kept, bytes) else {_FROZEN: kept.to_body()}


def keeper(state: str, starts: bool, kept: Mapping[str, Any]) -> FrozenMemory | OwnState | None:
    """Returns the keeper of instances that a document asks for; None when nothing is kept.

    Args:
        state: the document's setting ``state``.
        starts: whether a function of the module runs by itself.
        kept: what was saved.

    Raises:
        HandlerFailed: the saved data was kept in another way.
    """
    wanted = {"memory": _FROZEN, "save": _SAVED}.get(state)
    if kept and wanted not in kept:
        raise HandlerFailed(
            "the saved data of its instance does not fit its document", hint="go back to the version that saved it"
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
