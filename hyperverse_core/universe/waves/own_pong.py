"""Makes a Pong that foreign code returned safe to send."""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy

from ...errors import BadRequest, HandlerFailed
from .own_copy import IMMUTABLE, own_copy
from .wave import Pong

__all__ = ["own_pong"]


def own_pong(pong: Pong) -> Pong:
    """Returns a copy of a Pong: the code that returned it may keep it, and return it again.

    Raises HandlerFailed when it could not be sent: its frame would end the sender's connection."""
    if type(pong.status) is not int or not 100 <= pong.status < 600:
        raise HandlerFailed("it returned a Pong whose status is not an int from 100 to 599")
    headers = pong.headers
    if headers is not None and not (
        isinstance(headers, Mapping)
        and all(isinstance(name, str) and isinstance(value, str) for name, value in headers.items())
    ):
        raise HandlerFailed("it returned a Pong whose headers are not a map from strings to strings")
    own = copy(pong)
    if type(own.body) not in IMMUTABLE:
        try:
            own.body = own_copy(own.body)
        except BadRequest as exc:
            raise HandlerFailed(exc.message) from exc
    return own
