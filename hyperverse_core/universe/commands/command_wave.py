"""Commands that send a wave: ping, signal, ripple. docs/reference/commands.md#waves."""

from __future__ import annotations

from typing import Any, Generic

import attrs

from ..address.env import Env
from ..address.point import Point
from ..address.template import PointVar
from ..selectors.selector import Selector
from ..waves.wave import BOUNCE, Method
from .body import print_body
from .command_parts import P, content_of, names_of

__all__ = ["PingCommand", "RippleCommand", "SignalCommand"]


@attrs.frozen
class PingCommand(Generic[P]):
    """Sends a request to one particle: ``ping POINT [METHOD[PATH]] [BODY]``.

    Attributes:
        point: the particle.
        method: the method; Cmd<Bounce> if the text names none.
        path: the path of the request.
        body: its body; None for no body.
    """

    point: P
    method: Method = BOUNCE
    path: str = "/"
    body: Any = None

    @property
    def uploads(self) -> tuple[str, ...]:
        """Names of the files that must be sent with the command."""
        return names_of(self.body)

    def resolve(self: PingCommand[PointVar], env: Env) -> PingCommand[Point]:
        """Returns the command with an absolute point and the content of its file."""
        return PingCommand(self.point.resolve(env), self.method, self.path, content_of(self.body, env))

    def __str__(self) -> str:
        if self.method == BOUNCE and self.path == "/" and self.body is None:
            return f"ping {self.point}"
        return f"ping {self.point} {_print_request(self.method, self.path, self.body)}"


@attrs.frozen
class SignalCommand(Generic[P]):
    """Sends a notification to one particle, which does not answer: ``signal POINT METHOD[PATH] [BODY]``.

    Attributes:
        point: the particle.
        method, path, body: as in :class:`PingCommand`.
    """

    point: P
    method: Method
    path: str = "/"
    body: Any = None

    @property
    def uploads(self) -> tuple[str, ...]:
        """Names of the files that must be sent with the command."""
        return names_of(self.body)

    def resolve(self: SignalCommand[PointVar], env: Env) -> SignalCommand[Point]:
        """Returns the command with an absolute point and the content of its file."""
        return SignalCommand(self.point.resolve(env), self.method, self.path, content_of(self.body, env))

    def __str__(self) -> str:
        return f"signal {self.point} {_print_request(self.method, self.path, self.body)}"


@attrs.frozen
class RippleCommand:
    """Sends a request to many particles: ``ripple SELECTOR METHOD[PATH] [BODY]``.

    Attributes:
        selector: the particles.
        method, path, body: as in :class:`PingCommand`.
    """

    selector: Selector
    method: Method
    path: str = "/"
    body: Any = None

    @property
    def uploads(self) -> tuple[str, ...]:
        """Names of the files that must be sent with the command."""
        return names_of(self.body)

    def resolve(self, env: Env) -> RippleCommand:
        """Returns the command with the content of its file."""
        return attrs.evolve(self, body=content_of(self.body, env))

    def __str__(self) -> str:
        return f"ripple {self.selector} {_print_request(self.method, self.path, self.body)}"


def _print_request(method: Method, path: str, body: Any) -> str:
    return f"{method}{'' if path == '/' else path}{'' if body is None else f' {print_body(body)}'}"
