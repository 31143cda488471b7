"""Every error that the platform raises on purpose.

For programs that catch them and plugins that raise them. The names of this module are public: Semantic Versioning
covers them.

Each class has a ``status`` (what a caller of a wave gets) and its branch says whose move it is::

    HyperverseError
    ├── CallerError              the caller's move: change what was asked
    │   ├── BadRequest      400  malformed; ParseError and ConfigError say where
    │   ├── NotFound        404  no such particle, route, kind, plugin ...
    │   ├── Conflict        409  it exists already, or somebody else was faster
    │   └── TooLarge        413  more than the limit
    ├── PolicyError              the policy's move: ask somebody who may grant it
    │   ├── Unauthorized    401  who you are is not known
    │   └── Forbidden       403  what you may not do
    ├── TryAgain                 nobody's fault for long: try again after ``retry_after`` seconds
    │   ├── TimedOut        408  no answer in time; it may have run
    │   ├── NotHostedHere   421  the particle lives elsewhere by now
    │   ├── TooMany         429  this caller sends too much
    │   └── Unavailable     503  over capacity, no way, or shutting down
    ├── PluginError              a plugin's move: the text names it
    │   ├── HandlerFailed   500  a handler raised
    │   └── NoDriver        501  nothing here serves that
    ├── ProtocolError       502  the other side does not speak as agreed
    ├── LoopDetected        508  a wave met itself, or its chain grew too long
    └── InternalError       500  our bug: please report it
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import ClassVar

__all__ = [
    "BadRequest",
    "CallerError",
    "ConfigError",
    "Conflict",
    "Forbidden",
    "HandlerFailed",
    "HyperverseError",
    "InternalError",
    "LaneFull",
    "LoopDetected",
    "NoDriver",
    "NotFound",
    "NotHostedHere",
    "OutcomeUnknown",
    "ParseError",
    "PluginError",
    "PolicyError",
    "ProtocolError",
    "TimedOut",
    "TooLarge",
    "TooMany",
    "TryAgain",
    "Unauthorized",
    "Unavailable",
    "UnknownKind",
    "UnknownTransport",
    "described",
    "did_you_mean",
    "error_for_status",
]


_SHOWN = 60
"""Characters before and behind the place of an error that are shown of a long line."""


class HyperverseError(Exception):
    """Root of all errors that the platform raises on purpose.

    Args:
        message: what was wrong, in lower case, quoting what the user wrote.
        hint: what to do about it, as one line; empty when there is nothing to say.
        retry_after: seconds after which the same call may succeed, or None.

    Attributes:
        status: the status of the reply that a caller gets, as in HTTP.
    """

    status: ClassVar[int] = 500
    # of the class too, for a subclass whose __init__ does not call this one
    message: str = ""
    hint: str = ""
    retry_after: float | None = None

    def __init__(self, message: str = "", *, hint: str = "", retry_after: float | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.retry_after = retry_after

    def __str__(self) -> str:
        return f"{self.message}\n  hint: {self.hint}" if self.hint else self.message


class CallerError(HyperverseError):
    """The caller must change the request."""

    status = 400


class BadRequest(CallerError):
    """Malformed: a body, a value or a name does not fit. Status 400."""


class ParseError(BadRequest):
    """A text does not follow its grammar. Status 400.

    Args:
        message: what was wrong, quoting the offending text.
        text: the whole text that was parsed.
        offset: index into ``text`` (in characters) of the error.
        expected: what may stand there, each as a reader would name it.

    Attributes:
        line, column: 1-based place of ``offset``.
    """

    def __init__(
        self, message: str, *, text: str = "", offset: int = 0, expected: Iterable[str] = (), hint: str = ""
    ) -> None:
        super().__init__(message, hint=hint)
        self.text = text
        self.offset = offset
        self.expected = tuple(expected)
        before = text[:offset]
        self.line = before.count("\n") + 1
        self.column = offset - (before.rfind("\n") + 1) + 1

    def caret(self) -> str:
        """The line of the text with the error, or the part of the line around it, and a caret below the place."""
        start = self.text.rfind("\n", 0, self.offset) + 1
        end = self.text.find("\n", self.offset)
        end = len(self.text) if end < 0 else end
        at = self.offset
        before = self.text[max(start, at - _SHOWN) : at].rstrip("\r")
        behind = self.text[at : min(end, at + _SHOWN)].rstrip("\r")
        cut = "..." if at - _SHOWN > start else ""
        more = "..." if at + _SHOWN < end else ""
        under = "".join("\t" if char == "\t" else " " for char in before)
        return f"{cut}{before}{behind}{more}\n{' ' * len(cut)}{under}^"

    @property
    def told(self) -> str:
        """Place, message and what is expected, in one line."""
        expected = f"; expected {', '.join(self.expected)}" if self.expected else ""
        return f"line {self.line}, column {self.column}: {self.message}{expected}"

    def __str__(self) -> str:
        return f"{self.told}\n  hint: {self.hint}" if self.hint else self.told


class ConfigError(BadRequest):
    """The configuration cannot be used. Status 400.

    Args:
        message: what was wrong; by default all ``faults``.
        faults: one line for each fault.
        hint: what to do about it.
    """

    def __init__(self, message: str = "", *, faults: Iterable[str] = (), hint: str = "") -> None:
        self.faults = tuple(faults)
        super().__init__(message or "\n".join(self.faults), hint=hint)


class NotFound(CallerError):
    """There is no such particle, route, handler, plugin or other thing. Status 404."""

    status = 404


class UnknownKind(NotFound):
    """No installed plugin serves that Kind. Status 404."""


class UnknownTransport(NotFound):
    """No installed plugin provides that transport. Status 404."""


class Conflict(CallerError):
    """It exists already, or somebody else was faster. Status 409."""

    status = 409


class TooLarge(CallerError):
    """More than a limit allows. Status 413."""

    status = 413


class PolicyError(HyperverseError):
    """The security policy refused the request. Status 403 or 401."""

    status = 403


class Unauthorized(PolicyError):
    """No credentials, or wrong ones. Status 401."""

    status = 401


class Forbidden(PolicyError):
    """The agent is known, but may not do this. Status 403.

    Attributes:
        explanation: why, as the command ``explain`` tells it; None when the policy was not asked, and where the agent
            may not know.
    """

    explanation: Mapping[str, object] | None = None


class TryAgain(HyperverseError):
    """The same call may succeed later. Status 503, or that of a subclass."""

    status = 503


class TimedOut(TryAgain):
    """No answer in time; the handler may have run, unless the outcome is ``rejected``. Status 408."""

    status = 408


class NotHostedHere(TryAgain):
    """The particle does not live on the star that was asked. Status 421."""

    status = 421


class TooMany(TryAgain):
    """This caller has too much under way. Status 429."""

    status = 429


class Unavailable(TryAgain):
    """Over capacity, shutting down, or not reachable. Status 503."""


class OutcomeUnknown(Unavailable):
    """The connection to a store broke during a write, and nobody can say whether it was committed. Status 503, with the
    outcome ``unknown``."""


class LaneFull(Unavailable):
    """The peer of a lane does not keep up. Status 503."""


class PluginError(HyperverseError):
    """A plugin did not do what its contract demands; the message names the plugin. Status 500."""


class HandlerFailed(PluginError):
    """A handler raised. Status 500. The traceback is in the log of the machine where it ran."""


class NoDriver(PluginError):
    """No driver serves that Kind. Status 501."""

    status = 501


class ProtocolError(HyperverseError):
    """The other side breaks the protocol. Status 502."""

    status = 502


class LoopDetected(HyperverseError):
    """A chain of waves came back to its start, or grew too long. Status 508."""

    status = 508


class InternalError(HyperverseError):
    """A bug of the platform. Status 500. Please report it."""


_BY_STATUS: dict[int, type[HyperverseError]] = {
    400: BadRequest,
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    408: TimedOut,
    409: Conflict,
    413: TooLarge,
    421: NotHostedHere,
    429: TooMany,
    500: HandlerFailed,
    501: NoDriver,
    502: ProtocolError,
    503: Unavailable,
    508: LoopDetected,
}


def error_for_status(status: int, message: str, *, hint: str = "", explanation: object = None) -> HyperverseError:
    """Makes the error that a reply stands for.

    Args:
        status: the status of the reply. An unknown one gives a HandlerFailed that names it.
        message: what was wrong.
        hint: what to do about it.
        explanation: what the reply has under ``explain``; it is taken for a 403 if it is a map.
    """
    known = _BY_STATUS.get(status)
    if known is Forbidden:
        refusal = Forbidden(message, hint=hint)
        refusal.explanation = explanation if isinstance(explanation, Mapping) else None
        return refusal
    if known is not None:
        return known(message, hint=hint)
    return HandlerFailed(f"status {status}: {message}", hint=hint)


def described(error: BaseException) -> str:
    """Returns the type and the text of an exception, as in ``"KeyError: 'x'"``.

    Args:
        error: any exception. When it has no text because its ``__str__`` raises, that is said instead.
    """
    name = _name_of(type(error))
    try:
        return f"{name}: {error}".encode(errors="backslashreplace").decode()  # half a character cannot be sent
    except BaseException as exc:  # whatever a plugin's exception does, somebody waits for what is said of it
        return f"{name} (its text cannot be had: its __str__ raises {_name_of(type(exc))})"


_name_of = type.__dict__["__name__"].__get__
"""Of a class, whatever its metaclass says."""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Suggests the nearest names, as the end of a message::

        raise NotFound(f"no plugin {name!r}{did_you_mean(name, known)}")

    Args:
        name: what the user wrote.
        known: the names that exist.

    Returns:
        ``"; did you mean 'x'?"``, with up to three of ``known``; an empty text when none is near.
    """
    near = difflib.get_close_matches(name, list(known), n=3, cutoff=0.6)
    return f"; did you mean {' or '.join(repr(n) for n in near)}?" if near else ""
