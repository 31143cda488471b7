"""The type that a sender expects as the body of an answer."""

from __future__ import annotations

from typing import Any

from ...errors import BadRequest, HyperverseError, ProtocolError, described
from .wave import Pong

__all__ = ["expected"]


def expected(pong: Pong, expect: Any) -> Pong:
    """Returns ``pong``, with the body of a success converted to the type ``expect``. Raises ProtocolError."""
    if expect is None or not pong.ok:
        return pong
    if isinstance(expect, str | bytes | int | float):
        raise BadRequest(
            f"expect is {expect!r:.60}, not a type",
            hint="expect is a type such as int, list[str] or an attrs class; the handler ran",
        )
    import cattrs  # most programs never need it

    from .strict_conversion import converter

    try:
        pong.body = converter.structure(pong.body, expect)
    except cattrs.BaseValidationError as exc:
        raise _unexpected(pong, expect, "; ".join(cattrs.transform_error(exc))) from exc
    except (TypeError, ValueError, HyperverseError) as exc:
        raise _unexpected(pong, expect, str(exc)) from exc
    except Exception as exc:
        raise BadRequest(
            f"no body can be converted to what is expected: {described(exc)}",
            hint="expect is a type such as int, list[str] or an attrs class; the handler ran",
        ) from exc
    return pong


def _unexpected(pong: Pong, expect: Any, said: str) -> ProtocolError:
    return ProtocolError(
        f"the answer of {pong.sender.text!r} is not a {getattr(expect, '__name__', expect)}: {said}",
        hint="the handler ran; only its answer could not be converted",
    )
