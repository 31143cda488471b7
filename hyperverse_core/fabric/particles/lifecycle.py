"""The life cycle of an active particle: the transitions between its states. No other module writes its state."""

from __future__ import annotations

from .state import State

__all__ = ["Lifecycle"]


class Lifecycle:
    """Moves the state of a particle along the transitions drawn in :class:`~.state.State`.

    The caller must have the particle's turn, except to remove the particle or discard its object.

    Attributes:
        state: its current state. Written only here.
    """

    __slots__ = ("state",)

    def __init__(self) -> None:
        self.state = State.PLACED

    @property
    def gone(self) -> bool:
        """Whether it no longer lives here."""
        return self.state is State.GONE

    # -- coming -------------------------------------------------------------------------------------------

    def begin_start(self) -> None:
        """Called when its object is being made."""
        self.state = State.STARTING

    def end_start(self) -> None:
        """Called when waves reach its handlers from now on."""
        self.state = State.READY

    def give_start_up(self, *, failed: bool) -> None:
        """Called if it did not start; the next wave tries again.

        Args:
            failed: whether the particle is at fault, which its state shows until it starts.
        """
        if self.state is not State.GONE:
            self.state = State.FAILED if failed else State.PLACED

    # -- what its object holds ----------------------------------------------------------------------------

    def spoil(self) -> None:
        """Marks its object as unusable: the next wave starts with the last saved state."""
        if self.state is not State.GONE:
            self.state = State.CUT

    def note_unsaved(self) -> bool:
        """Records that a save failed. Returns whether that is new, for an object that was valid."""
        if self.state is not State.READY:
            return False
        self.state = State.UNSAVED
        return True

    def note_saved(self) -> None:
        """Records that its object's content is durable, so that an earlier failed save no longer counts."""
        if self.state is State.UNSAVED:
            self.state = State.READY

    # -- leaving ------------------------------------------------------------------------------------------

    def begin_stop(self) -> State:
        """Prevents further waves from starting; new ones wait for the turn. Returns the state that it was in."""
        before = self.state
        if before is not State.GONE:
            self.state = State.STOPPING
        return before

    def give_stop_up(self, before: State) -> None:
        """Restores the state of a particle that did not come to rest and stays, unless a handler was cancelled
        meanwhile or it has left.

        Args:
            before: the result of :meth:`begin_stop`.
        """
        if self.state is State.STOPPING:
            self.state = before

    def end(self) -> None:
        """Called when it no longer lives here."""
        self.state = State.GONE
