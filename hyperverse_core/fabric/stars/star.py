"""A star of this machine: a virtual node in which particles live and from which waves start."""

from __future__ import annotations

import asyncio

from ...errors import HyperverseError, InternalError, LoopDetected, described
from ...scheduling.clock import clock_of
from ...scheduling.guarded_log import guarded_log
from ...universe.address.point import Point
from ...universe.address.star_key import StarKey
from ...universe.waves.wave import Directed, Outcome, Pong
from .distances import Distances
from .star_kind import StarKind

__all__ = ["Star"]

_log = guarded_log("hyperverse.star")


class Star:
    """One star of this machine. It contains values that other parts fill in, and calls no other part.

    Attributes:
        key, text, point: its key, the key as text, and the point of its own particle.
        kind: its star kind.
        links: the stars to which it has lanes: names, names with index, or whole keys.
        loop: the event loop.
        now: returns the star's time.
        incarnation: the incarnation that was announced last; 0 before the first. Written by the membership.
        serve_until: time of the event loop at which its lease may have ended. From then on, no particle here answers.
            Written by the membership.
        cannot_renew: why the last renewal of its lease failed; empty if it succeeded. Written by the membership.
        distances: number of lanes to each star within reach, by the text of its key. Computed by the ways.
    """

    __slots__ = (
        "cannot_renew", "distances", "incarnation", "key", "kind", "links", "loop", "now", "point", "serve_until",
        "text",
    )  # fmt: skip

    def __init__(self, key: StarKey, kind: StarKind, links: tuple[str, ...]) -> None:
        self.loop = asyncio.get_running_loop()
        self.now = clock_of(self.loop)
        self.key = key
        self.text = str(key)
        self.point: Point = Point.of_star(key)
        self.kind = kind
        self.links = links
        self.incarnation = 0
        self.serve_until = 0.0
        self.cannot_renew = ""
        self.distances = Distances()

    @property
    def may_serve(self) -> bool:
        """Whether its lease is still valid."""
        return self.now() < self.serve_until

    @property
    def no_lease(self) -> str:
        """The reason why the star does not serve, if its lease may be over."""
        why = f" ({self.cannot_renew})" if self.cannot_renew else ""
        return f"{self.text} cannot renew its lease{why}"

    def lost(self, wave: Directed, error: BaseException) -> Pong:
        """Returns the reply to a wave that an unexpected error ended. It is unknown whether its handler ran.

        Args:
            error: the caught error. A RecursionError from nested waves is a loop; any other error is a bug of the
                platform.
        """
        if isinstance(error, RecursionError) and wave.chain:
            shown: HyperverseError = LoopDetected(f"waves are nested too deeply, the last to {wave.to.text!r}")
        else:
            shown = InternalError(
                f"the wave {wave.id} was lost to an error of the platform: {described(error)}",
                hint="please report it; the log of the machine has the traceback",
            )
        _log.error("%s to %s: %s", wave.method, wave.to, shown.message, exc_info=error, extra={"wave": wave.id})
        reply = self.refusal(wave, shown)
        reply.outcome = Outcome.UNKNOWN
        return reply

    def refusal(self, wave: Directed, error: HyperverseError) -> Pong:
        """Returns the reply to a wave that did not reach a handler."""
        if (
            isinstance(error, InternalError) and error.__traceback__ is not None
        ):  # otherwise it was logged where it was made
            _log.error("%s to %s: %s", wave.method, wave.to, error, exc_info=error, extra={"wave": wave.id})
        reply = Pong.failure(error)
        reply.sender = wave.to
        reply.id = wave.id
        reply.star = self.text
        reply.hops = wave.hops
        return reply
