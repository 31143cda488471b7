"""Waves: the messages between particles. docs/reference/waves.md.

A directed wave (:class:`Ping`, :class:`Ripple`, :class:`Signal`) asks. A reflected wave (:class:`Pong`, :class:`Echo`)
answers.

Waves are mutable msgspec structs, because one is made for each request: measured, making a Ping takes 0.11 microseconds
as a struct and 0.27 as an attrs class. The fabric fills a wave in place. A handler reads it through its ``ctx``.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Any, Final, NoReturn, TypeAlias

import attrs
import msgspec

from ...errors import BadRequest, Forbidden, HyperverseError, OutcomeUnknown, described, error_for_status
from ..access.scope import Scope
from ..address.point import ROOT, Point
from ..selectors.selector import Selector
from .method import BOUNCE, Method, MethodKind
from .reportable import is_reportable

__all__ = [
    "BOUNCE",
    "DEFAULT_HANDLING",
    "Body",
    "Directed",
    "Echo",
    "Handling",
    "Method",
    "MethodKind",
    "Outcome",
    "Ping",
    "Pong",
    "Priority",
    "Receipt",
    "Recipients",
    "Ripple",
    "Signal",
    "Stars",
    "Watchers",
]

Body: TypeAlias = Any
"""What a wave carries: None, bool, int, float, str, bytes, and lists and maps of these.

Each receiver gets its own copy of a list or map, on one machine as well as between two: see `own_copy`.
"""


class Priority(enum.IntEnum):
    """The order of waves on a busy lane. The lowest number goes first."""

    HYPER = 0
    SUPER = 1
    HIGH = 2
    MED = 3
    LOW = 4


@attrs.frozen
class Handling:
    """How a wave is treated: docs/reference/waves.md#handling.

    Args:
        wait: seconds until the sender gives up; more than 0.
        retries: how often a Ping is sent again after 408, 421 or 503; 0 or more. The receiver remembers the ids of
            waves that may be repeated, so the handler runs once for each id.
        priority: the place of the wave among those that wait for a busy lane.

    Raises:
        BadRequest: a number is out of its range.
    """

    wait: float = 15.0
    retries: int = 0
    priority: Priority = Priority.MED

    def __attrs_post_init__(self) -> None:
        if not self.wait > 0:
            raise BadRequest(f"wait is {self.wait!r}", hint="wait is in seconds, more than 0")
        if self.retries < 0:
            raise BadRequest(f"retries is {self.retries!r}", hint="retries is 0 or more")


DEFAULT_HANDLING: Final = Handling()


class Outcome(enum.StrEnum):
    """What a sender knows about the handler after a wave."""

    OK = "ok"
    """The handler ran and answered."""
    REJECTED = "rejected"
    """The handler did not run."""
    FAILED = "failed"
    """The handler raised an error, or answered with a failure."""
    UNKNOWN = "unknown"
    """No answer arrived in time. The handler may have run."""


@attrs.frozen
class Receipt:
    """What happened to a wave. Every reply has one.

    Attributes:
        outcome: what the sender knows about the handler.
        status: a status as in HTTP.
        attempts: how often the wave was sent.
        hops: number of lanes between stars on its way to the recipient.
        remote: whether it went to another machine.
        star: key of the star that answered, as text; empty if none did.
        wave: id of the wave.
    """

    outcome: Outcome
    status: int
    attempts: int
    hops: int
    remote: bool
    star: str
    wave: str


_OTHER_NAMES: Final = {
    **dict.fromkeys(("value", "result", "data", "content", "payload", "json", "text", "get"), ".body, or .unwrap()"),
    **dict.fromkeys(("status_code", "code"), ".status"),
    **dict.fromkeys(("success", "successful", "is_ok"), ".ok"),
    **dict.fromkeys(("raise_for_status", "check"), ".unwrap(), which raises the error of a failure"),
    **dict.fromkeys(("exception", "reason", "message"), ".error"),
}
"""Attributes of answers in other systems, and their counterparts here."""


class _Misnomer:
    """A name that a Pong does not have: reading it raises an AttributeError that gives the right name.

    A ``__getattr__`` would do the same, but in a class that has one, Python 3.11 looks up every attribute the slow way:
    17 ns more for each read of a status, and an echo is read ten times.
    """

    __slots__ = ("_meant", "_name")

    def __init__(self, name: str, meant: str) -> None:
        self._name = name
        self._meant = meant

    def __get__(self, pong: object, cls: type) -> NoReturn:
        raise AttributeError(f"a {cls.__name__} has no {self._name!r}; write {self._meant}")


class Pong(msgspec.Struct, eq=False):
    """The answer to a Ping.

    Attributes:
        status: a status as in HTTP; 200 to 299 is success.
        body: what the handler returned. For a failure ``{"error": text}``, perhaps with ``hint`` and ``retry_after``
            (seconds); for a refusal by the policy also ``explain``, the reasons as the command ``explain`` prints them.
        headers: a map from text to text, or None.
        sender: the particle that answered.
        outcome, attempts, hops, remote, star: as in :class:`Receipt`.
        id: id of the wave that is answered.
    """

    status: int = 200
    body: Body = None
    sender: Point = ROOT
    outcome: Outcome = Outcome.OK
    id: str = ""
    star: str = ""
    hops: int = 0
    remote: bool = False
    attempts: int = 1
    headers: Mapping[str, str] | None = None

    @property
    def ok(self) -> bool:
        """Whether the status is 200 to 299."""
        return 200 <= self.status < 300

    def __dir__(self) -> list[str]:
        return [name for name in object.__dir__(self) if name not in _OTHER_NAMES]

    @property
    def receipt(self) -> Receipt:
        """What happened to the wave."""
        return Receipt(self.outcome, self.status, self.attempts, self.hops, self.remote, self.star, self.id)

    @property
    def error(self) -> str:
        """What went wrong, as text; empty for a success."""
        if self.ok:
            return ""
        if isinstance(self.body, Mapping) and isinstance(self.body.get("error"), str):
            return str(self.body["error"])
        return f"status {self.status}"

    def unwrap(self) -> Body:
        """Returns the body of a success. For a failure, raises the error with that status."""
        if self.ok:
            return self.body
        said = self.body if isinstance(self.body, Mapping) else {}
        raise error_for_status(self.status, self.error, hint=str(said.get("hint", "")), explanation=said.get("explain"))

    @classmethod
    def failure(cls, error: HyperverseError, outcome: Outcome = Outcome.REJECTED) -> Pong:
        """Returns the reply that reports ``error``.

        Args:
            error: the error; its message, hint and ``retry_after`` are put into the body. So is the explanation of a
                refusal, unless a handler has run: a refusal of that handler's own waves concerns another agent.
            outcome: what the sender knows about the handler; ``unknown`` when the error says that it is unknown.
        """
        if isinstance(error, OutcomeUnknown):
            outcome = Outcome.UNKNOWN
        plain = type(error) is Forbidden and type(error.message) is str and type(error.hint) is str
        if not (plain and error.retry_after is None) and not is_reportable(error):
            return cls(500, {"error": described(error)}, outcome=outcome)
        body: dict[str, Any] = {"error": error.message}
        if error.hint:
            body["hint"] = error.hint
        if error.retry_after is not None:
            body["retry_after"] = error.retry_after
        if isinstance(error, Forbidden) and error.explanation is not None and outcome is Outcome.REJECTED:
            body["explain"] = error.explanation
        return cls(error.status, body, outcome=outcome)


for _name, _meant in _OTHER_NAMES.items():
    setattr(Pong, _name, _Misnomer(_name, _meant))


class Echo(Pong, eq=False):
    """The answer of one recipient of a Ripple, which is its ``sender``."""


@attrs.frozen
class Stars:
    """Recipients: all stars, or some of them.

    Attributes:
        kind: the star kind; None for every kind.
        adjacent: whether only stars that are one lane away are recipients.
    """

    kind: str | None = None
    adjacent: bool = False


@attrs.frozen
class Watchers:
    """Recipients: all particles that watch a particle.

    Attributes:
        point: the particle that is watched.
        aspect: what they watch: ``Log``, ``State``, ``Property`` or ``Child``.
    """

    point: Point
    aspect: str


Recipients: TypeAlias = Selector | tuple[Point, ...] | Stars | Watchers
"""The recipients of a Ripple: what a selector matches, some points, stars, or the watchers of a particle."""


class Directed(msgspec.Struct, eq=False):
    """The common fields of all directed waves. The fabric sets ``sender``, ``agent``, ``scope``, ``id`` and ``chain``.

    Attributes:
        to: the recipient. For a Ripple, the recipient of this copy; ROOT before it has copies.
        method, path, body, headers: what is asked. A path starts with ``/``; headers map text to text.
        sender: the particle that sent the wave.
        agent: the agent on whose behalf the wave acts. The policy decides what that agent may do.
        scope: a limit on what may be done on behalf of the agent, or None.
        handling: how the wave is treated.
        deadline: time of the event loop, in seconds, after which nobody waits.
        chain: points whose handlers wait for this wave, outermost first.
        hops: number of lanes between stars so far.
        id: a unique text.
        topic: the conversation that the wave belongs to; empty for none.
        origin: key of the star where the wave started, as text. The reply goes there without a look-up.
    """

    to: Point
    method: Method
    body: Body = None
    path: str = "/"
    headers: Mapping[str, str] | None = None
    sender: Point = ROOT
    agent: Point = ROOT
    scope: Scope | None = None
    handling: Handling = DEFAULT_HANDLING
    deadline: float = float("inf")
    chain: tuple[str, ...] = ()
    hops: int = 0
    id: str = ""
    topic: str = ""
    origin: str = ""

    def onward(self, **changes: Any) -> Ping | Signal:
        """Returns the same wave for another recipient: a Signal stays a Signal, and a Ping or the copy of a Ripple
        becomes a Ping. ``changes`` are fields that differ; a field that is added to all waves is carried along
        automatically."""
        wave: Any = self
        if type(self) is Ripple:
            wave = Ping(*(getattr(self, name) for name in Directed.__struct_fields__))
        onward: Ping | Signal = msgspec.structs.replace(wave, **changes)
        return onward


class Ping(Directed, eq=False):
    """A request to one particle, answered by a :class:`Pong`."""


class Signal(Directed, eq=False):
    """A notification to one particle, which does not answer."""


class Ripple(Directed, eq=False):
    """A request to many particles, each of which answers with an :class:`Echo`.

    Attributes:
        recipients: the particles that are asked.
        count: the number of echoes that is enough; None waits for one from each recipient.
    """

    recipients: Recipients = ()
    count: int | None = None
