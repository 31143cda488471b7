"""The upgrade of a Mechtron: what the new version takes over of the old one's state."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import attrs

from hyperverse_core.errors import Conflict

from .code import Code
from .document import Document
from .inspection import GuestKind
from .instances import made, recipe_of
from .kept import keeper, kept_body

if TYPE_CHECKING:
    from .host.core import CoreGuest

__all__ = ["LoadedGuest", "carried"]

_INSTANCE: Final = ("memory", "save")
"""Values of ``state`` that keep something of an instance."""


@attrs.frozen
class LoadedGuest:
    """A document and its code."""

    document: Document
    code: Code

    def exports(self, name: str) -> bool:
        """Whether its code is a core module that exports a function of that name."""
        report = self.code.report
        return report.kind is GuestKind.CORE and any(each.name == name for each in report.exports)


async def carried(old: LoadedGuest, new: LoadedGuest, kept: Mapping[str, Any], owner: object) -> dict[str, Any]:
    """Returns what the new version takes over of the kept data of the old version's instance.

    Args:
        kept: the saved data; empty for nothing.
        owner: the guests that this needs end when it does.

    Raises:
        Conflict: nothing can be carried over.
        HandlerFailed, TimedOut: one of the two guests failed in the process.
    """
    before, behind = old.document.state, new.document.state
    same = old.code.digest == new.code.digest
    if not kept or (before == behind and same):
        return dict(kept)
    gives = before == "save" or (before == "memory" and old.exports("hv_save"))
    if behind not in _INSTANCE or not gives or not new.exports("hv_load"):
        raise Conflict(
            f"the state of {old.document.bin} cannot be carried over to {new.document.bin}: {_why(old, new)}",
            hint="use force to start with an empty state; going back restores the old state",
        )
    content = await _given(old, kept, owner)
    guest = _core_guest(new, keeper(behind, new.code.report.starts, {}), owner)
    try:
        await guest.load(content)  # also when only that content is kept: a guest that cannot take it fails here
        return kept_body(content if behind == "save" else await guest.kept())
    finally:
        guest.close()


async def _given(old: LoadedGuest, kept: Mapping[str, Any], owner: object) -> bytes:
    if old.document.state == "save":
        return bytes(kept["saved"]["content"])
    guest = _core_guest(old, keeper("memory", old.code.report.starts, kept), owner)
    try:
        return await guest.save()
    finally:
        guest.close()


def _why(old: LoadedGuest, new: LoadedGuest) -> str:
    if new.document.state not in _INSTANCE:
        return f"with +state={new.document.state}; nothing of an instance is kept"
    if old.document.state == "memory" and not old.exports("hv_save"):
        return "it is the memory of another module, and that module does not export hv_save"
    return "the new one does not export hv_load"


def _core_guest(of: LoadedGuest, kept: Any, owner: object) -> CoreGuest:
    """Makes a new instance of a core module, starting from what is kept."""
    found: CoreGuest = made(recipe_of(of.code, of.document, {}), of.code.module, of.document.limits, kept, owner)
    return found
