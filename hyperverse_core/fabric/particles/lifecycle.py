"""The life of an active particle: which step follows which. Nothing else writes its state."""

from __future__ import annotations

from .state import State

__all__ = ["Lifecycle"]


class Lifecycle:
    """Moves the state of a particle along the ways that :class:`~.state.State` draws.

    The turn of the particle must be the caller's, except for what takes the particle away or gives up its object.

    Attributes:
        state: where the particle is in its life. Written here alone.
    """

    __slots__ = ("state",)

    def __init__(self) -> None:
        self.state = State.PLACED

    @property
    def gone(self) -> bool:
        """Whether it does not live here any more."""
        return self.state is State.GONE

    # -- coming -------------------------------------------------------------------------------------------

    def begin_start(self) -> None:
        """Its object is being made."""
        self.state = State.STARTING

    def end_start(self) -> None:
        """Waves reach its handlers from here on."""
        self.state = State.READY

    def give_start_up(self, *, failed: bool) -> None:
        """It has not started: the next wave tries again.

        Args:
            failed: whether it is to be blamed, and says so until it starts.
        """
        if self.state is not State.GONE:
            self.state = State.FAILED if failed else State.PLACED

    # -- what its object holds ----------------------------------------------------------------------------

    def spoil(self) -> None:
        """Nobody may see what its object holds: its next wave begins with the state that was saved last."""
        if self.state is not State.GONE:
            self.state = State.CUT

    def note_unsaved(self) -> bool:
        """A save has failed. Returns whether that is new, and about an object that was sound."""
        if self.state is not State.READY:
            return False
        self.state = State.UNSAVED
        return True

    def note_saved(self) -> None:
        """What its object holds is durable: a save that had failed does not count any more."""
        if self.state is State.UNSAVED:
            self.state = State.READY

    # -- leaving ------------------------------------------------------------------------------------------

    def begin_stop(self) -> State:
        """No wave begins any more: those that come wait for the turn. Returns the state that it was in."""
        before = self.state
        if before is not State.GONE:
            self.state = State.STOPPING
        return before

    def give_stop_up(self, before: State) -> None:
        """It has not come to rest, and stays, unless a handler was cut off meanwhile or it has left.

        Args:
            before: what :meth:`begin_stop` returned.
        """
        if self.state is State.STOPPING:
            self.state = before

    def end(self) -> None:
        """It does not live here any more."""
        self.state = State.GONE
