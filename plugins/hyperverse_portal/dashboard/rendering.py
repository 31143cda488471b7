"""Rendering: pages from templates, and the files that they load. Values are always shown as text, never as HTML."""

from __future__ import annotations

import gzip
import hashlib
import json
import math
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import jinja2

from hyperverse_core.errors import NotFound
from hyperverse_core.values import ANONYMOUS

from ..answer import HttpAnswer
from ..request import HttpRequest

__all__ = ["answer_html", "page", "static_file"]

_HERE: Final = Path(__file__).parent
_SECURITY: Final = (
    (
        b"content-security-policy",
        b"default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; "
        b"form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    ),
    (b"referrer-policy", b"same-origin"),  # without any referrer, browsers send `Origin: null` with a form
    (b"x-content-type-options", b"nosniff"),
)
_TYPES: Final = {".css": b"text/css; charset=utf-8", ".js": b"text/javascript; charset=utf-8", ".svg": b"image/svg+xml"}
_UNSEEN: Final = {
    **{code: chr(0x2400 + code) for code in range(32) if chr(code) not in "\t\n\r"},
    127: chr(0x2421),
    **{
        code: f"<U+{code:04X}>" for code in (*range(0x80, 0xA0), 0x061C, 0x200B, 0x200E, 0x200F, *range(0x2028, 0x202F))
    },
    **{code: f"<U+{code:04X}>" for code in (*range(0x2060, 0x2070), 0xFEFF)},
}
"""Control characters, bidirectional marks and zero-width spaces; not the joiners, which occur in words."""
_WORTH: Final = 1024
"""Size in bytes above which compression pays off."""


@lru_cache(maxsize=1)
def _environment() -> jinja2.Environment:
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
        finalize=_seen,
    )
    made.filters |= {"number": _number, "seconds": _seconds, "size": _size, "json": _json, "rate": _rate}
    made.filters |= {"clock": _clock, "iso": _iso}
    made.globals |= {"file": _versioned, "stranger": ANONYMOUS.text}
    return made


def _seen(value: Any) -> Any:
    """Returns the displayed text of a value. Invisible characters, and those that change the writing direction,
    are replaced by their names."""
    return value.translate(_UNSEEN) if type(value) is str else value


def page(name: str, **values: Any) -> str:
    """Returns the text of a page.

    Args:
        name: name of the template.
        **values: the values for the template.
    """
    return _environment().get_template(name).render(**values)


def answer_html(html: str, request: HttpRequest, status: int = 200) -> HttpAnswer:
    """Returns the answer with a page, compressed if the browser accepts that."""
    return _packed(html.encode(), request, status, ((b"content-type", b"text/html; charset=utf-8"), *_SECURITY)).also(
        cache_control="no-store"
    )


def static_file(name: str, request: HttpRequest) -> HttpAnswer:
    """Returns a file that pages load. Its address contains a digest of the content, so browsers may keep it. Raises
    NotFound."""
    content = _static().get(name)
    if content is None:
        raise NotFound(f"no file {name!r} in the portal", hint=f"the files are {', '.join(sorted(_static()))}")
    tag = f'"{_digest(name)}"'
    if tag in request.header("if-none-match"):
        return HttpAnswer(304, b"", ((b"etag", tag.encode()),))
    kind = _TYPES[Path(name).suffix]
    answer = _packed(content, request, 200, ((b"content-type", kind), (b"x-content-type-options", b"nosniff")))
    return answer.also(etag=tag, cache_control="public, max-age=31536000, immutable")


def _packed(content: bytes, request: HttpRequest, status: int, headers: tuple[tuple[bytes, bytes], ...]) -> HttpAnswer:
    if len(content) < _WORTH or "gzip" not in request.header("accept-encoding"):
        return HttpAnswer(status, content, headers)
    return HttpAnswer(
        status,
        gzip.compress(content, 5, mtime=0),
        (*headers, (b"content-encoding", b"gzip"), (b"vary", b"accept-encoding")),
    )


@lru_cache(maxsize=1)
def _static() -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in (_HERE / "static").iterdir() if file.suffix in _TYPES}


@lru_cache(maxsize=32)
def _digest(name: str) -> str:
    return hashlib.sha256(_static()[name]).hexdigest()[:12]


def _versioned(name: str) -> str:
    """Returns the address of a file, which changes with its content."""
    return f"static/{name}?v={_digest(name)}"


def _number(value: float) -> str:
    return f"{value:,.0f}"


def _rate(value: float) -> str:
    """Waves per second, with one decimal place for small numbers."""
    if value == 0 or value >= 9.95:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 0.1 else f"{value:.2f}"


def _seconds(value: float) -> str:
    """A duration for people: ``0.4 ms``, ``12 s``, ``3 min``, ``2 h``."""
    if not math.isfinite(value):
        return "never"
    for least, unit, each in ((172_800, "d", 86_400), (5400, "h", 3600), (120, "min", 60)):
        if value >= least:
            return f"{value / each:.0f} {unit}"
    return f"{value * 1000:.3g} ms" if 0 < value < 1 else f"{value:.0f} s"


def _clock(at: float) -> str:
    """The time of day in UTC, to a tenth of a second."""
    return f"{datetime.fromtimestamp(at, UTC):%H:%M:%S.%f}"[:-5]


def _iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")


def _size(value: float) -> str:
    for unit in ("bytes", "KiB", "MiB"):
        if value < 1024:
            return f"{value:.0f} {unit}"
        value /= 1024
    return f"{value:.1f} GiB"


def _json(value: object) -> str:
    """A value as indented JSON for people."""
    return json.dumps(value, indent=1, ensure_ascii=False, default=str)
