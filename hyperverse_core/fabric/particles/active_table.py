"""The table of one star's active particles, and the only part that adds and removes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...contracts.registry import ParticleRecord
from ...scheduling.guarded_log import guarded_log
from ..interception.interceptors import Interceptors
from ..stars.star import Star
from .comings import Comings, Left

if TYPE_CHECKING:
    from .active import Active
    from .resident import Resident

__all__ = ["ActiveTable"]

_log = guarded_log("hyperverse.hosting")


class ActiveTable:
    """The particles that are active in one star.

    Args:
        star: the star.
        comings: called for each particle that arrives or leaves.
        interceptors: notified of each particle that the star releases.

    Attributes:
        active: the particles, by the text of their points. Written only here.
    """

    def __init__(self, star: Star, comings: Comings, interceptors: Interceptors) -> None:
        self.active: dict[str, Active] = {}
        self._star = star
        self._comings = comings
        self._interceptors = interceptors

    # -- coming -------------------------------------------------------------------------------------------

    def enter(self, active: Active) -> None:
        """Adds a particle that lives here from now on."""
        self.active[active.text] = active
        for arrived in self._comings.arrived:
            arrived(active)

    def renew(self, active: Resident, record: ParticleRecord) -> None:
        """Applies a newer record of the particle from the registry."""
        before, active.record = active.record, record
        for renewed in self._comings.renewed:
            renewed(active, before)

    # -- leaving ------------------------------------------------------------------------------------------

    def remove(self, active: Resident, why: Left = Left.RELEASED) -> None:
        """Removes a particle. Its waves are answered 421, and their senders look it up again."""
        if active.state.spoiled:
            active.particle = None  # this discards unfinished changes of a handler
        active.end()  # waves that wait for a turn must look it up again
        if self.active.get(active.text) is not active:
            return
        del self.active[active.text]
        for left in self._comings.left:
            left(active, why)
        interceptors = self._interceptors
        if interceptors.released:
            interceptors.tell(interceptors.released, active.point, self._star.key)

    def lose(self, active: Resident, why: Left = Left.LOST) -> None:
        """Removes a particle that no longer lives here, so that nothing of it may be written or answered."""
        _log.info("%s has been taken from %s", active.text, self._star.text, extra={"point": active.text})
        self.remove(active, why)
        if active.background is not None:
            active.background.give_up()

    def taken(self, active: Resident) -> None:
        """Removes a particle that the registry no longer assigns to this star. The change feed gives the reason later;
        it may have been deleted."""
        self.lose(active, Left.TAKEN)

    # -- which there are ----------------------------------------------------------------------------------

    def of_the_past(self) -> list[Active]:
        """Returns the particles of an earlier incarnation of the star, which by now live elsewhere."""
        now = self._star.incarnation
        return [v for v in self.active.values() if v.assignment is not None and v.assignment.incarnation != now]

    def placed(self) -> list[Active]:
        """Returns the particles that the registry has placed here."""
        return [active for active in self.active.values() if active.assignment is not None]
