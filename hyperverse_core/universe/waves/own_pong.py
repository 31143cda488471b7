"""Makes a Pong that foreign code has returned fit to be sent."""

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
        raise HandlerFailed("it returned a Pong whose status is no int from 100 to 599")
    headers = pong.headers
    if headers is not None and not (
        isinstance(headers, Mapping)
        and all(isinstance(name, str) and isinstance(value, str) for name, value in headers.items())
    ):
        raise HandlerFailed("it returned a Pong whose headers are no map from text to text")
    own = copy(pong)
    if type(own.body) not in IMMUTABLE:
        try:
            own.body = own_copy(own.body)
        except BadRequest as exc:
            raise HandlerFailed(exc.message) from exc
    return own
