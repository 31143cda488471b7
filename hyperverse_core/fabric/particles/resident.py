"""A particle that is active in a star of this machine: its data, and its life cycle."""

from __future__ import annotations

from collections.abc import Coroutine
from functools import partial
from typing import TYPE_CHECKING, Any

from ...contracts.driver import Particle
from ...contracts.registry import Assignment, ParticleRecord
from ...errors import NotHostedHere, Unavailable
from ...universe.routing.bind import BindConfig
from ...universe.waves.origin import Origin
from ...universe.waves.wave import Directed, Pong
from .background import BackgroundTasks
from .in_order import InOrder
from .letters import NOBODY
from .lifecycle import Lifecycle
from .mailbox import Mailbox
from .saving import Saves, has_unsaved, spoiled
from .state import State
from .unread_bind import UnreadBind, first_bind

if TYPE_CHECKING:
    from .home import Home
    from .served import Served

__all__ = ["Resident"]


class Resident(Lifecycle):
    """The data and the life cycle of a particle that lives here. :class:`~.active.Active` adds the path of its waves,
    without another object.

    Attributes:
        record: its record when it arrived here, kept up to date by the change feed.
        served: its Kind as this machine serves it.
        home: the objects that it shares with the other particles of its star.
        star: its star. ``home`` also has it; here it saves the hot path a look-up.
        assignment: proof that it lives here; None for a particle that the registry does not place.
        particle: the driver's object; None until the first wave that needs it.
        state: its state in the life cycle. Written by :class:`~.lifecycle.Lifecycle`.
        allowed: permission letters that the policy granted, by agent. Written by the gate.
        bind: the routes of its waves; None sends all to the handlers. Written by the binds.
        watched_until: time of the event loop until which its states are published to the change feed. Written by the
            watches.
        touched: whether a wave arrived since the last search for idle particles.
        saved: the state to activate it with; None if it must be read from the registry.
        background: its background tasks; None if it never started one.
        origin: makes the waves that it sends; None until it sends one.
        running: handlers that run concurrently with the one that has the turn.
        posted: Signals of a concurrent particle that have not started, and what arrived after them; None if it never
            had one.
        saves: state of its saves; None until its object has started one.
        durable: fingerprint of the durable state; None if unknown.
    """

    __slots__ = (
        "allowed",
        "assignment",
        "background",
        "bind",
        "concurrent",
        "durable",
        "home",
        "mailbox",
        "origin",
        "particle",
        "point",
        "posted",
        "quiet_since",
        "record",
        "running",
        "saved",
        "saves",
        "served",
        "star",
        "text",
        "touched",
        "watched_until",
    )

    remote = False

    def __init__(
        self,
        record: ParticleRecord,
        served: Served,
        home: Home,
        *,
        assignment: Assignment | None = None,
        state: bytes | None = None,
        particle: Particle | None = None,
    ) -> None:
        super().__init__()
        self.point = record.point
        self.text = record.point.text
        self.record = record
        self.served = served
        self.home = home
        self.star = home.star
        self.assignment = assignment
        self.bind: BindConfig | UnreadBind | None = first_bind(record, served.bind)
        self.particle = particle
        self.concurrent = served.concurrent
        self.allowed = NOBODY
        self.mailbox = Mailbox(served.waves_limit)
        self.running = 0
        self.posted: InOrder | None = None
        self.touched = True
        self.quiet_since = 0.0
        self.watched_until = 0.0
        # Empty: it is known to have no saved state, so the registry need not be asked.
        self.saved = b"" if state is None and assignment is not None else state
        self.background: BackgroundTasks | None = None
        self.origin: Origin | None = None
        self.saves: Saves | None = None
        self.durable: int | None = None

    # -- waves: see Active --------------------------------------------------------------------------------

    def receive(self, wave: Directed) -> Coroutine[Any, Any, Pong]:
        """Handles a Ping, or one copy of a Ripple."""
        raise NotImplementedError

    def accept(self, wave: Directed) -> Coroutine[Any, Any, None] | None:
        """Accepts a Signal."""
        raise NotImplementedError

    def core(self, wave: Directed) -> Coroutine[Any, Any, Pong]:
        """Handles a wave after the gate and the bind."""
        raise NotImplementedError

    def accept_core(self, wave: Directed) -> Coroutine[Any, Any, None]:
        """Accepts a Signal after the gate and the bind."""
        raise NotImplementedError

    # -- life ---------------------------------------------------------------------------------------------

    def check_lease(self) -> None:
        """Raises Unavailable if its star's lease may be over, because the particle may by now live elsewhere. A
        particle that the registry does not place cannot live elsewhere."""
        if self.assignment is not None and not self.star.may_serve:
            raise Unavailable(f"{self.star.no_lease}, so {self.text!r} does not answer here", retry_after=0.5)

    def cut_off(self, particle: Particle | None) -> None:
        """Called when a handler was interrupted, because the changes that it left in ``particle`` must not be seen. The
        next wave gets the particle from its last saved state. A particle that the registry does not place continues."""
        if self.assignment is None or particle is not self.particle:
            return
        # If many handlers run at once, one that was cancelled before it changed anything must not affect the others.
        if not self.concurrent or has_unsaved(self):
            self.spoil()

    def has_left(self) -> NotHostedHere:
        """Returns the 421 error for a wave that arrives after the particle has left."""
        return NotHostedHere(f"{self.text!r} has left {self.star.text}")

    def spawn(self, work: Coroutine[Any, Any, None], name: str, wave: Directed) -> None:
        """Runs a background task until it ends or the particle leaves. Raises TooMany, and NotHostedHere if the
        particle has left."""
        if self.state is State.GONE:
            work.close()
            raise self.has_left()
        if self.background is None:
            self.background = BackgroundTasks(self.text, self.home.troubles)
        self.background.begin(work, name, wave, partial(spoiled, self, self.particle))

    def own_origin(self) -> Origin:
        """Makes the waves that it sends on its own behalf."""
        if self.origin is None:
            self.origin = Origin(self.point, self.point, self.star.text, self.home.ids, self.star.now)
        return self.origin

    @property
    def pinned(self) -> bool:
        """Whether the registry does not place it, so that it stays as long as the machine runs."""
        return self.assignment is None

    @property
    def quiet(self) -> bool:
        """Whether no wave is in progress in it."""
        return not self.mailbox.busy and not self.running

    @property
    def idle(self) -> bool:
        """Whether nothing is in progress in it."""
        return self.quiet and not self.background
