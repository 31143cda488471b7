"""Waves: the messages that travel between particles (universe 4).

A directed wave (:class:`Ping`, :class:`Ripple`, :class:`Signal`) asks; a reflected one (:class:`Pong`,
:class:`Echo`) answers. These are the envelopes of the hot path, so they are mutable structs, made at a third of
the cost of another class, that the fabric fills in place; a handler gets to see them read-only through its ``ctx``.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Mapping
from typing import Any, Final, TypeAlias

import attrs
import msgspec

from ...errors import BadRequest, HyperverseError, ParseError, did_you_mean, error_for_status
from ..access.scope import Scope
from ..address.point import ROOT, Point
from ..selectors.selector import Selector

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

A body belongs to the receiver once it is sent: on one machine it is handed over without a copy.
"""


class MethodKind(enum.StrEnum):
    """The four families of methods (universe 4.4)."""

    HYP = "Hyp"
    """Between stars only."""
    CMD = "Cmd"
    """Built in: every particle answers them."""
    HTTP = "Http"
    EXT = "Ext"
    """A Kind's own methods: any CamelCase name."""


_NAMES: Final[dict[MethodKind, frozenset[str]]] = {
    MethodKind.HYP: frozenset(
        [
            "Assign",
            "Provision",
            "Knock",
            "Hop",
            "Transport",
            "HyperWave",
            "Search",
            "Init",
            "Host",
            "Release",
            "State",
            "Status",
        ]
    ),
    MethodKind.CMD: frozenset(["Init", "Read", "Update", "Bounce", "Knock", "Greet", "Command", "RawCommand", "Log"]),
    MethodKind.HTTP: frozenset(["Options", "Get", "Post", "Put", "Delete", "Head", "Trace", "Connect", "Patch"]),
}
_CAMEL: Final = re.compile(r"[A-Z][A-Za-z0-9]*")
_METHOD: Final = re.compile(r"([A-Z][a-z]+)<([A-Z][A-Za-z0-9]*)>")
_NEEDS: Final = {"Cmd<Read>": "r", "Cmd<Update>": "w", "Cmd<Bounce>": ""}


class Method:
    """A method, printed ``Ext<Add>``. Parsed once for each text; equal methods are one object.

    Attributes:
        kind: the family.
        name: the name within it.
        text: the printed form.
        need: the permission letter that the target must grant, empty when none is needed
            (``r`` for Cmd<Read>, ``w`` for Cmd<Update>, none for Cmd<Bounce>, ``x`` for the rest).
    """

    __slots__ = ("kind", "name", "need", "text")
    _known: dict[str, Method] = {}

    kind: MethodKind
    name: str
    text: str
    need: str

    @classmethod
    def parse(cls, text: str) -> Method:
        """The method that ``text`` names. Raises ParseError when it names none."""
        known = cls._known.get(text)
        return known if known is not None else cls._make(text)

    @classmethod
    def _make(cls, text: str) -> Method:
        found = _METHOD.fullmatch(text)
        if found is None:
            raise ParseError(
                f"{text!r} is not a method", text=text, expected=("a method such as Ext<Add> or Cmd<Read>",)
            )
        family, name = found.groups()
        try:
            kind = MethodKind(family)
        except ValueError:
            families = [k.value for k in MethodKind]
            raise ParseError(
                f"unknown method family {family!r}{did_you_mean(family, families)}",
                text=text,
                expected=families,
            ) from None
        allowed = _NAMES.get(kind)
        if allowed is not None and name not in allowed:
            raise ParseError(
                f"{kind.value} has no method {name!r}{did_you_mean(name, allowed)}",
                text=text,
                offset=len(family) + 1,
                expected=sorted(allowed),
            )
        method = object.__new__(cls)
        method.kind, method.name, method.text = kind, name, text
        method.need = _NEEDS.get(text, "x")
        if len(cls._known) < 16_384:  # names come from outside, so the table must not grow for ever
            cls._known[text] = method
        return method

    def __init__(self) -> None:
        raise TypeError("use Method.parse(text)")

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return f"Method({self.text!r})"

    def __hash__(self) -> int:
        return hash(self.text)

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, Method) and self.text == other.text)

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return Method.parse, (self.text,)


BOUNCE: Final = Method.parse("Cmd<Bounce>")


class Priority(enum.IntEnum):
    """Which wave goes first when a lane is busy; lower goes first."""

    HYPER = 0
    SUPER = 1
    HIGH = 2
    MED = 3
    LOW = 4


@attrs.frozen
class Handling:
    """How a wave is to be treated (universe 4.2).

    Args:
        wait: seconds after which the sender gives up. The original's names: high 300, med 60, low 15.
        retries: how often a Ping is sent again after 408, 421 or 503. The receiver remembers the ids of
            waves that may be repeated, so a handler runs once for one id.
        priority: which wave goes first when a lane is busy.
    """

    wait: float = 15.0
    retries: int = 0
    priority: Priority = Priority.MED

    def __attrs_post_init__(self) -> None:
        if not self.wait > 0:
            raise BadRequest(f"a wave cannot wait {self.wait!r} s", hint="wait is in seconds, more than 0")
        if self.retries < 0:
            raise BadRequest(f"a wave cannot be retried {self.retries!r} times", hint="retries is 0 or more")


DEFAULT_HANDLING: Final = Handling()


class Outcome(enum.StrEnum):
    """What a sender may believe after a wave."""

    OK = "ok"
    """The handler ran and answered."""
    REJECTED = "rejected"
    """It surely did not run."""
    FAILED = "failed"
    """The handler raised, or answered with a failure."""
    UNKNOWN = "unknown"
    """No answer in time: it may have run."""


@attrs.frozen
class Receipt:
    """What became of a wave; every reply carries one.

    Attributes:
        outcome: what the sender may believe.
        status: as in HTTP.
        attempts: how often it was sent.
        hops: lanes between stars that it crossed on its way there.
        remote: whether it crossed to another machine.
        star: text of the star that answered, empty when none did.
        wave: id of the wave.
    """

    outcome: Outcome
    status: int
    attempts: int
    hops: int
    remote: bool
    star: str
    wave: str


class Pong(msgspec.Struct, eq=False):
    """The answer to a Ping.

    Attributes:
        status: as in HTTP; 2xx is success.
        body: what the handler returned; for a failure ``{"error": text}``, perhaps with ``hint``.
        headers: a map of texts, or None.
        sender: the particle that answered.
        outcome, attempts, hops, remote, star, id: as in :class:`Receipt`.
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
        """Whether the status is 2xx."""
        return 200 <= self.status < 300

    @property
    def receipt(self) -> Receipt:
        """What became of the wave."""
        return Receipt(self.outcome, self.status, self.attempts, self.hops, self.remote, self.star, self.id)

    @property
    def error(self) -> str:
        """What went wrong, empty when nothing did."""
        if self.ok:
            return ""
        if isinstance(self.body, Mapping) and isinstance(self.body.get("error"), str):
            return str(self.body["error"])
        return f"status {self.status}"

    def unwrap(self) -> Body:
        """The body of a success. Raises the error that the status stands for otherwise."""
        if self.ok:
            return self.body
        hint = self.body.get("hint", "") if isinstance(self.body, Mapping) else ""
        raise error_for_status(self.status, self.error, hint=str(hint))

    @classmethod
    def failure(cls, error: HyperverseError, outcome: Outcome = Outcome.REJECTED) -> Pong:
        """The reply that stands for ``error``."""
        body: dict[str, Any] = {"error": error.message}
        if error.hint:
            body["hint"] = error.hint
        if error.retry_after is not None:
            body["retry_after"] = error.retry_after
        return cls(error.status, body, outcome=outcome)


class Echo(Pong, eq=False):
    """The answer of one recipient of a Ripple; ``sender`` says whose."""


@attrs.frozen
class Stars:
    """Recipients: every star, or those of one star kind."""

    kind: str | None = None
    adjacent: bool = False


@attrs.frozen
class Watchers:
    """Recipients: whoever watches ``aspect`` (Log, State, Property, Child) of ``point``."""

    point: Point
    aspect: str


Recipients: TypeAlias = Selector | tuple[Point, ...] | Stars | Watchers
"""Who receives a Ripple: what a selector matches, some points, stars, or those who watch a particle."""


class Directed(msgspec.Struct, eq=False):
    """What all directed waves carry. ``sender``, ``agent``, ``scope``, ``id`` and ``chain`` are set by the fabric.

    Attributes:
        to: the recipient; a Ripple's ``to`` is the recipient of this copy, ROOT before it is spread.
        method, path, body, headers: what is asked.
        sender: the particle that sent it.
        agent: in whose name it acts; what it may do is asked of the policy.
        scope: bounds what it may do further.
        deadline: time of the event loop (seconds) after which nobody waits any more.
        chain: points whose handlers wait for this wave, outermost first.
        hops: lanes crossed so far.
        topic: the session that it belongs to, empty for none.
        origin: text of the star that it started at, to which the reply goes without a look-up.
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


class Ping(Directed, eq=False):
    """A request to one particle, answered by a :class:`Pong`."""


class Signal(Directed, eq=False):
    """A notification to one particle; nothing is answered."""


class Ripple(Directed, eq=False):
    """A request to many particles, answered by one :class:`Echo` from each.

    Attributes:
        recipients: who is asked.
        count: how many echoes are enough; None means one from each recipient.
    """

    recipients: Recipients = ()
    count: int | None = None
