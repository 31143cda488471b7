"""Commands that send a wave: ping, signal, ripple."""

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
    """``ping POINT [METHOD[PATH]] [BODY]``: a request to one particle.

    Attributes:
        point: of the particle.
        method: Cmd<Bounce> when none is named.
        path: of the request.
        body: None for none.
    """

    point: P
    method: Method = BOUNCE
    path: str = "/"
    body: Any = None

    @property
    def uploads(self) -> tuple[str, ...]:
        """Names of the files that have to go with it."""
        return names_of(self.body)

    def resolve(self: PingCommand[PointVar], env: Env) -> PingCommand[Point]:
        """This command with an absolute point and the file's content."""
        return PingCommand(self.point.resolve(env), self.method, self.path, content_of(self.body, env))

    def __str__(self) -> str:
        if self.method == BOUNCE and self.path == "/" and self.body is None:
            return f"ping {self.point}"
        return f"ping {self.point} {_print_request(self.method, self.path, self.body)}"


@attrs.frozen
class SignalCommand(Generic[P]):
    """``signal POINT METHOD[PATH] [BODY]``: a notification to one particle, which is not answered."""

    point: P
    method: Method
    path: str = "/"
    body: Any = None

    @property
    def uploads(self) -> tuple[str, ...]:
        """Names of the files that have to go with it."""
        return names_of(self.body)

    def resolve(self: SignalCommand[PointVar], env: Env) -> SignalCommand[Point]:
        """This command with an absolute point and the file's content."""
        return SignalCommand(self.point.resolve(env), self.method, self.path, content_of(self.body, env))

    def __str__(self) -> str:
        return f"signal {self.point} {_print_request(self.method, self.path, self.body)}"


@attrs.frozen
class RippleCommand:
    """``ripple SELECTOR METHOD[PATH] [BODY]``: a request to every particle that matches."""

    selector: Selector
    method: Method
    path: str = "/"
    body: Any = None

    @property
    def uploads(self) -> tuple[str, ...]:
        """Names of the files that have to go with it."""
        return names_of(self.body)

    def resolve(self, env: Env) -> RippleCommand:
        """This command with the file's content."""
        return attrs.evolve(self, body=content_of(self.body, env))

    def __str__(self) -> str:
        return f"ripple {self.selector} {_print_request(self.method, self.path, self.body)}"


def _print_request(method: Method, path: str, body: Any) -> str:
    return f"{method}{'' if path == '/' else path}{'' if body is None else f' {print_body(body)}'}"
