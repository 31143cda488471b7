"""The life cycle of an active particle."""

from __future__ import annotations

import enum

__all__ = ["State"]


class State(enum.Enum):
    """The state of an active particle in its life cycle::

                       on_start fails
                 +--------- FAILED <-------+
                 v                         |
        PLACED --+--> STARTING ------------+
                          |
                          v
          CUT ------>  STARTING --> READY --> STOPPING --> GONE
           ^                       |  ^           |
           +-----------------------+  |           +--> READY, when it did not come to rest
           | a handler was cut off,   |
           | or raised behind a       | the same handler saves after all
           | change                   |
           +----- UNSAVED ------------+
                  a save has failed

    From every state it may become GONE, because the registry gave it to another star or it was deleted. Only
    :class:`~.lifecycle.Lifecycle` changes the state. The hot path compares it once, with READY.
    """

    PLACED = "placed"
    """The registry says that it lives here; the first wave that needs its object makes it."""
    STARTING = "starting"
    """Its state is being loaded, or ``on_start`` runs."""
    READY = "ready"
    """Waves reach its handlers."""
    FAILED = "failed"
    """It could not start; its record has the status Panic. The next wave tries again."""
    CUT = "cut"
    """A handler was interrupted, or raised after a change. The next turn starts with the last saved state."""
    UNSAVED = "unsaved"
    """A save failed. Like CUT, unless the same handler succeeds in saving before it ends."""
    STOPPING = "stopping"
    """Its turn is taken permanently: no more waves start."""
    GONE = "gone"
    """It no longer lives here: waves are answered 421, and their senders find it elsewhere."""

    @property
    def spoiled(self) -> bool:
        """Whether its object has content that must not be seen."""
        return self is State.CUT or self is State.UNSAVED
