"""Converts bodies of waves to bytes for guests, and back."""

from __future__ import annotations

import json

from hyperverse_core import Pong
from hyperverse_core.errors import BadRequest, HandlerFailed
from hyperverse_core.values import Body

__all__ = ["from_guest", "from_text", "to_bytes", "to_reply", "to_text"]


def to_bytes(body: Body) -> bytes:
    """Converts a body for a guest: bytes stay as they are, a string becomes UTF-8, None becomes empty, and everything
    else becomes JSON. Raises BadRequest when a list or map contains bytes."""
    if body is None:
        return b""
    if isinstance(body, bytes):
        return body
    if isinstance(body, str):
        return body.encode()
    try:
        return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
    except TypeError:
        raise BadRequest("the body has bytes in a list or map", hint="send bytes alone, or text") from None


def from_guest(body: bytes) -> Body:
    """Converts a body from a guest: empty becomes None, a JSON map or list becomes that, other UTF-8 becomes a string,
    and everything else stays bytes."""
    if not body:
        return None
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        return body
    if text[0] in "{[":
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            return text
    return text


def to_text(body: Body) -> str | bytes:
    """Converts a body for a component: bytes stay as they are, everything else becomes text. Raises BadRequest."""
    return body if isinstance(body, bytes) else to_bytes(body).decode()


def from_text(answer: str | bytes, asked: Body, how: str) -> bytes:
    """Converts the answer of a component to bytes. Where bytes are wanted, each character of a string is one byte.
    Raises HandlerFailed when a character is not a byte."""
    if isinstance(answer, bytes):
        return answer
    if how != "bytes" and not (how == "auto" and isinstance(asked, bytes)):
        return answer.encode()
    try:
        return answer.encode("latin-1")
    except UnicodeEncodeError as exc:
        raise HandlerFailed(
            f"the guest's answer should be bytes, and has the character {answer[exc.start]!r} at {exc.start}",
            hint="its document can say +reply=text;",
        ) from None


def to_reply(answer: bytes, asked: Body, how: str) -> Pong:
    """Converts the answer of a guest to a reply.

    Args:
        answer: what the guest returned.
        asked: the body of the wave.
        how: ``text``, ``bytes``, ``json``, or ``auto``, which means bytes when the wave had bytes, otherwise text.

    Raises:
        HandlerFailed: the answer is not of that form.
    """
    if how == "bytes" or (how == "auto" and isinstance(asked, bytes)):
        return Pong(200, answer)
    try:
        text = answer.decode("utf-8")
    except UnicodeDecodeError as exc:
        raise HandlerFailed(
            f"the guest's answer is not UTF-8 text: byte {answer[exc.start]:#04x} at {exc.start}",
            hint="its document can say +reply=bytes;",
        ) from None
    if how != "json":
        return Pong(200, text)
    try:
        return Pong(200, json.loads(text) if text else None)
    except (ValueError, RecursionError) as exc:
        raise HandlerFailed(f"the guest's answer is not JSON: {exc}") from None
