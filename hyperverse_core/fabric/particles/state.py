"""The life of an active particle."""

from __future__ import annotations

import enum

__all__ = ["State"]


class State(enum.Enum):
    """Where an active particle is in its life::

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

    From every state it may become GONE: the registry has given it to somebody else, or it was deleted.
    :class:`~.lifecycle.Lifecycle` moves it, and nobody else writes it. The hot path compares it once, with READY.
    """

    PLACED = "placed"
    """The registry says that it lives here; its object is made by the first wave that needs it."""
    STARTING = "starting"
    """Its state is being loaded, or ``on_start`` runs."""
    READY = "ready"
    """Waves reach its handlers."""
    FAILED = "failed"
    """It could not start; its record says Panic. The next wave tries again."""
    CUT = "cut"
    """A handler was ended in the middle, or has raised behind a change: the next turn begins with the state that was
    saved last."""
    UNSAVED = "unsaved"
    """A save has failed. As CUT, unless the same handler succeeds in saving before it ends."""
    STOPPING = "stopping"
    """Its turn is taken for good: no wave begins any more."""
    GONE = "gone"
    """It does not live here any more: waves are answered 421 and find it elsewhere."""

    @property
    def spoiled(self) -> bool:
        """Whether its object holds what nobody may see."""
        return self is State.CUT or self is State.UNSAVED
